package build

import (
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
)

// shapeRows: the same elements in another arrangement.
func shapeRows() []row {
	return []row{
		{"reshape", "x shape", (*use).reshape},
		{"transpose", "x axes=none", (*use).transpose},
		{"squeeze", "x axis=-1", (*use).squeeze},
		{"broadcast", "x shape", (*use).broadcast},
		{"concat", "list axis=-1", (*use).concat},
		{"stack", "list axis=0", (*use).stack},
		{"split", "x parts axis=-1", (*use).split},
		{"unstack", "x axis=0", (*use).unstack},
		{"pad", "x widths mode=\"constant\" value=0", (*use).pad},
		{"reverse", "x axis=-1", (*use).reverse},
		{"roll", "x shift axis=-1", (*use).roll},
		{"slice", "x start=0 end=none step=1 axis=0", (*use).slice},
	}
}

func (u *use) reshape() value {
	t := u.tens("x")
	shape := u.dims("shape")
	if t == nil || u.bad {
		return nil
	}
	if a, b := t.shape().Size(), shape.Size(); !a.Equal(b) {
		d := u.fail(check.NotWhole, u.at, "%s has %s elements, [%s] has %s", t.typ(), a, shape, b)
		u.e.origin(u.s, d, u.args["x"].at, t)
		return nil
	}
	return u.result(t, u.reshaped(t, t.v, shape), nil)
}

func (u *use) transpose() value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	n := len(t.shape())
	perm := make([]int, n)
	if _, reverse := u.args["axes"].v.(none); reverse {
		for i := range perm {
			perm[i] = n - 1 - i
		}
	} else {
		list := u.ints("axes")
		if u.bad {
			return nil
		}
		if !isPermutation(list, n) {
			u.fail(check.BadAxis, u.args["axes"].at, "transpose of %s needs the axes 0 to %d, each once", t.typ(), n-1)
			return nil
		}
		for i, a := range list {
			perm[i] = int(a)
		}
	}
	labels := make([]string, n)
	behind := make([]int, 0, n+1)
	if t.row {
		behind = append(behind, 0)
	}
	for i, p := range perm {
		labels[i] = t.labels[p]
		behind = append(behind, p+t.lead())
	}
	return u.result(t, u.emit(ir.Transpose{Perm: behind}, t.v), labels)
}

func isPermutation(list []int64, n int) bool {
	seen := make([]bool, n)
	for _, a := range list {
		if a < 0 || a >= int64(n) || seen[a] {
			return false
		}
		seen[a] = true
	}
	return len(list) == n
}

func (u *use) squeeze() value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	axes := u.axes("axis", len(t.shape()))
	shape, labels := tensor.Shape{}, []string{}
	for i, d := range t.shape() {
		if !slices.Contains(axes, i) {
			shape, labels = append(shape, d), append(labels, t.labels[i])
		} else if !d.IsConst(1) {
			u.fail(check.BadAxis, u.at, "squeeze drops axes of 1, and axis %d of %s is %s", i, t.typ(), d)
		}
	}
	if u.bad {
		return nil
	}
	return u.result(t, u.reshaped(t, t.v, shape), labels)
}

func (u *use) broadcast() value {
	t := u.tens("x")
	shape := u.dims("shape")
	if t == nil || u.bad {
		return nil
	}
	joint, err := ir.Joint(t.shape(), shape)
	if err != nil || !joint.Equal(shape) {
		u.fail(check.Broadcast, u.at, "%s does not broadcast to [%s]", t.typ(), shape)
		return nil
	}
	return u.result(t, u.e.fit(u.s, u.at, t, shape, t.row), nil)
}

// list returns tensors of one dtype.
func (u *use) list() []*tens {
	a := u.args["list"]
	q, ok := a.v.(*sequence)
	if !ok || len(q.items) == 0 {
		u.fail(check.WrongKind, a.at, "%s needs a list of tensors, not %s", u.prim.name, a.v.says())
		return nil
	}
	var out []*tens
	for _, x := range q.items {
		t, ok := x.(*tens)
		if !ok {
			u.fail(check.WrongKind, a.at, "%s needs a list of tensors, this holds %s", u.prim.name, x.says())
			return nil
		}
		out = append(out, t)
	}
	want := out[0].dtype()
	for _, t := range out[1:] {
		d, ok := joinDType("+", &tens{v: &ir.Value{Type: tensor.Type{DType: want}}}, t)
		if !ok {
			x := u.fail(check.DTypes, a.at, "%s does not join %s and %s", u.prim.name, out[0].typ(), t.typ())
			help(x, "`to(x, f32)` makes a tensor a float; a column of a table is one by `: number`")
			return nil
		}
		want = d
	}
	for i, t := range out {
		if out[i] = u.e.castTens(u.s, a.at, t, want); out[i] == nil {
			u.bad = true
			return nil
		}
	}
	return out
}

// concat lays tensors end to end; in a dataset a single number of a record counts as one place.
func (u *use) concat() value {
	list := u.list()
	if u.bad {
		return nil
	}
	for i, t := range list {
		if t.row && len(t.shape()) == 0 {
			v := u.reshaped(t, t.v, tensor.Ints(1))
			if v == nil {
				return nil
			}
			list[i] = &tens{v: v, labels: []string{""}, row: true}
		}
	}
	return u.joinedAlong(list)
}

func (u *use) joinedAlong(list []*tens) value {
	first := list[0]
	a := u.axis("axis", len(first.shape()))
	if u.bad {
		return nil
	}
	vs := make([]*ir.Value, len(list))
	for i, t := range list {
		same := len(t.shape()) == len(first.shape()) && t.row == first.row
		for j := range t.shape() {
			same = same && (j == a || t.shape()[j].Equal(first.shape()[j]))
		}
		if !same {
			u.fail(check.Broadcast, u.args["list"].at, "%s along axis %d does not join %s and %s", u.prim.name, a, first.typ(), t.typ())
			return nil
		}
		vs[i] = t.v
	}
	labels := slices.Clone(first.labels)
	labels[a] = ""
	return u.result(first, u.levels(a+first.lead(), vs), labels)
}

// widest is how many tensors one Concat joins: each element of it looks for its operand among
// all of them.
const widest = 32

// levels joins tensors along an axis, many of them level by level.
func (u *use) levels(axis int, vs []*ir.Value) *ir.Value {
	for len(vs) > widest {
		var joined []*ir.Value
		for part := range slices.Chunk(vs, widest) {
			joined = append(joined, u.emit(ir.Concat{Axis: axis}, part...))
		}
		vs = joined
	}
	return u.emit(ir.Concat{Axis: axis}, vs...)
}

func (u *use) stack() value {
	list := u.list()
	if u.bad {
		return nil
	}
	rank := len(list[0].shape())
	a := u.axis("axis", rank+1)
	if u.bad {
		return nil
	}
	for i, t := range list {
		if len(t.shape()) != rank {
			u.fail(check.Broadcast, u.args["list"].at, "stack does not join %s and %s", list[0].typ(), t.typ())
			return nil
		}
		shape := slices.Insert(slices.Clone(t.shape()), a, tensor.Int(1))
		v := u.reshaped(t, t.v, shape)
		if v == nil {
			return nil
		}
		list[i] = &tens{v: v, labels: slices.Insert(slices.Clone(t.labels), a, ""), row: t.row}
	}
	u.args["axis"] = operand{number0(int64(a)), u.args["axis"].at}
	return u.joinedAlong(list)
}

// pieces cuts t into n equal parts along an axis.
func (u *use) pieces(t *tens, a int, n int64) []value {
	d := t.shape()[a]
	each, err := check.DimArith("/", d, tensor.Int(n))
	if err != nil || n < 1 {
		u.fail(check.NotWhole, u.at, "an axis of %s does not divide into %d parts", d, n)
		return nil
	}
	var out []value
	full := t.v.Type.Shape
	for i := range n {
		lo, hi := make(tensor.Shape, len(full)), slices.Clone(full)
		lo[a+t.lead()], hi[a+t.lead()] = each.Scale(i), each.Scale(i+1)
		labels := slices.Clone(t.labels)
		labels[a] = ""
		out = append(out, u.result(t, u.emit(ir.Slice{Lo: lo, Hi: hi}, t.v), labels))
	}
	return out
}

// split cuts t into equal parts, or into parts of the sizes listed.
func (u *use) split() value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	a := u.axis("axis", len(t.shape()))
	if sizes, ok := u.args["parts"].v.(*sequence); ok && !u.bad {
		return u.sized(t, a, sizes)
	}
	n, ok := u.e.constant(u.s, u.args["parts"].at, u.args["parts"].v, "the number of parts")
	if u.bad || !ok {
		return nil
	}
	return &sequence{items: u.pieces(t, a, n)}
}

// sized cuts t into parts of sizes that fill the axis.
func (u *use) sized(t *tens, a int, sizes *sequence) value {
	out, at := &sequence{}, tensor.Dim{}
	for _, v := range sizes.items {
		n, ok := u.e.whole(u.s, u.args["parts"].at, v, "the size of a part")
		if !ok {
			return nil
		}
		labels := slices.Clone(t.labels)
		labels[a] = ""
		out.items = append(out.items, u.result(t, u.cutAlong(t.v, a+t.lead(), at, at.Add(n.dim)), labels))
		at = at.Add(n.dim)
	}
	if !at.Equal(t.shape()[a]) {
		u.fail(check.NotWhole, u.args["parts"].at, "parts of %s together do not fill an axis of %s", at, t.shape()[a])
		return nil
	}
	return out
}

func (u *use) unstack() value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	a := u.axis("axis", len(t.shape()))
	if u.bad {
		return nil
	}
	n, constant := t.shape()[a].Const()
	if !constant {
		u.fail(check.NotWhole, u.at, "unstack needs an axis of a constant size, not %s", t.shape()[a])
		return nil
	}
	out := &sequence{}
	for _, p := range u.pieces(t, a, n) {
		x, ok := p.(*tens)
		if !ok {
			return nil
		}
		shape := slices.Delete(slices.Clone(x.shape()), a, a+1)
		out.items = append(out.items, u.result(x, u.reshaped(x, x.v, shape), slices.Delete(slices.Clone(x.labels), a, a+1)))
	}
	return out
}
