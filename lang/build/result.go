package build

import (
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// checkResult fits a body's value to its declared result.
func (e *elaborator) checkResult(in *scope, name string, t *syntax.Type, v value, at diag.Span) value {
	alts := check.Alternatives(t)
	if len(alts) != 1 {
		return strong(v)
	}
	if alts[0].Form == check.Record {
		return e.checkRecord(in, name, alts[0], v, at)
	}
	if alts[0].Form != check.Tensor {
		return v
	}
	return e.checkTensor(in, name, alts[0], v, at)
}

// checkRecord fits a tuple or record to named results; one result may come bare.
func (e *elaborator) checkRecord(in *scope, name string, t check.Type1, v value, at diag.Span) value {
	fields := check.Params(t.Node.Fields)
	q, ok := v.(*sequence)
	if !ok && len(fields) == 1 {
		q, ok = &sequence{items: []value{v}}, true
	}
	if !ok || len(q.items) != len(fields) {
		d := e.errorf(in, check.ResultShape, at, "`%s` declares %d results, this is %s", name, len(fields), v.says())
		label(d, t.Node.Span(), "declared here")
		nothingHelp(d, v)
		return poison{}
	}
	out := &sequence{}
	for i, f := range fields {
		x := q.items[i]
		if len(q.names) > 0 {
			if x, ok = q.field(f.Name); !ok {
				e.errorf(in, check.ResultShape, at, "the result `%s` of %s is missing", f.Name, name)
				return poison{}
			}
		}
		if len(f.Alts) == 1 && f.Alts[0].Form == check.Tensor {
			x = e.checkTensor(in, name, f.Alts[0], x, at)
		}
		out.items, out.names = append(out.items, x), append(out.names, f.Name)
	}
	return out
}

func (e *elaborator) checkTensor(in *scope, name string, t check.Type1, v value, at diag.Span) value {
	if n, ok := v.(number); ok {
		filled, fits, _ := e.filled(in, in, t, operand{v, at}, n)
		if fits {
			return filled
		}
	}
	x, ok := v.(*tens)
	if !ok {
		if !isPoison(v) {
			d := e.errorf(in, check.ResultShape, at, "`%s` gives %s, declared is %s", name, v.says(), t)
			label(d, t.Node.Span(), "declared here")
			nothingHelp(d, v)
		}
		return poison{}
	}
	c := *x
	if c.weak {
		c.weak = false
		if cast := e.castTens(in, at, &c, classDType(t.Name, in.frame.dims, c.dtype())); cast != nil {
			c = *cast
		}
	}
	bare := t.Node.Name == nil
	var err error
	if !bare && !classHolds(t.Name, c.dtype()) {
		err = &check.Mismatch{Why: c.dtype().String() + ", not " + t.Name}
	}
	if err == nil {
		c.labels, err = in.frame.dims.Unify(t.Shape, c.shape(), c.labels)
	}
	if err != nil {
		d := e.errorf(in, check.ResultShape, at, "`%s` gives %s, declared is %s", name, c.typ(), t)
		d.Label = err.Error()
		label(d, t.Node.Span(), "declared here")
		if rank := len(c.shape()); rank > len(t.Shape.Dims) && len(t.Shape.Dims) == 2 && !in.frame.lib {
			help(d, "`|> Flatten()` makes one row of each record's %d dims", rank-1)
		}
		return poison{}
	}
	return &c
}

// nothingHelp says what a body without a value lacks.
func nothingHelp(d *diag.Diagnostic, v value) {
	if _, nothing := v.(none); nothing {
		help(d, "a body's value is its last statement, which must be an expression: end it with the name of the result")
	}
}
