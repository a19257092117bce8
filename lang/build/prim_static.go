package build

import (
	"dlc/ir/tensor"
	"dlc/lang/check"
)

// staticRows: functions whose result is known while compiling.
func staticRows() []row {
	return []row{
		{"shape", "x", (*use).shapeOf},
		{"rank", "x", (*use).rank},
		{"dim", "x axis", (*use).dim},
		{"size", "x", (*use).size},
		{"len", "list", (*use).length},
		{"pair", "x", (*use).both},
	}
}

func (u *use) shapeOf() value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	q := &sequence{list: true}
	for _, d := range t.shape() {
		q.items = append(q.items, ofDim(d))
	}
	return q
}

func (u *use) rank() value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	return number0(int64(len(t.shape())))
}

func (u *use) dim() value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	a := u.axis("axis", len(t.shape()))
	if u.bad {
		return nil
	}
	return ofDim(t.shape()[a])
}

// size is the number of elements of a tensor, or the product of a pack or list of dims.
func (u *use) size() value {
	switch v := u.args["x"].v.(type) {
	case *pack:
		return ofDim(v.dims.Size())
	case number:
		return v
	case *sequence:
		n := tensor.Int(1)
		for _, x := range v.items {
			d, ok := u.e.whole(u.s, u.at, x, "a dim")
			if !ok {
				return nil
			}
			n = n.Mul(d.dim)
		}
		return ofDim(n)
	}
	t := u.tens("x")
	if t == nil {
		return nil
	}
	return ofDim(t.shape().Size())
}

func (u *use) length() value {
	switch v := u.args["list"].v.(type) {
	case *sequence:
		return number0(int64(len(v.items)))
	case *pack:
		return number0(int64(len(v.dims)))
	}
	u.fail(check.WrongKind, u.args["list"].at, "len takes a list, not %s", u.args["list"].v.says())
	return nil
}

// both makes a number two equal ones; a list of two stays.
func (u *use) both() value {
	switch v := u.args["x"].v.(type) {
	case number:
		return &sequence{items: []value{v, v}, list: true}
	case *sequence:
		if len(v.items) == 2 {
			return v
		}
	}
	u.fail(check.ConfigValue, u.args["x"].at, "this must be one number or a list of two, not %s", u.args["x"].v.says())
	return nil
}
