package ir

import (
	"fmt"
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// loop runs the turns of a scan one by one: a region of kernels. What a turn yields goes into its
// place of a carry that holds what all turns yield.
func (o Scan) loop(l *Lowering) {
	integer := tensor.Type{DType: tensor.I64}
	r := &kernel.Region{Parent: l.in, Loop: true, Cond: l.carry(tensor.Type{DType: tensor.Bool})}
	counter, first := l.carry(integer), l.fresh("t")
	number := func(name string) kernel.Expr { return &kernel.Load{Name: name, DType: tensor.I64} }
	turns := kernel.Expr(kernel.IndexOf(o.Length))
	if o.Counted {
		turns = kernel.Apply("min", number(l.In[len(l.In)-1]), turns)
	}
	inside := func(count string) kernel.Expr { return kernel.Compare("lt", number(count), turns) }
	begin, step := kernel.Expr(kernel.I(tensor.I64, 0)), int64(1)
	if o.Reversed {
		inside = func(count string) kernel.Expr { return kernel.Compare("ge", number(count), kernel.I(tensor.I64, 0)) }
		begin, step = kernel.Apply("sub", turns, kernel.I(tensor.I64, 1)), -1
	}
	l.define(first, tensor.I64, nil, begin)
	goes := func(count string) string {
		name := l.fresh("t")
		l.define(name, tensor.Bool, nil, inside(count))
		return name
	}
	r.Enter = []kernel.Copy{{To: r.Cond, From: goes(first)}, {To: counter, From: first}}
	r.Enter = append(r.Enter, l.begun(o.Carries)...)
	outside := l.in
	l.enter(r)
	place := number(counter)
	next := l.body(o.Body, o.operands(l, place), true)
	for i, t := range l.OutType {
		if i >= o.Carries {
			next[i] = l.placed(l.Out[i], next[i], t, place)
		}
		r.Leave = append(r.Leave, kernel.Copy{To: l.Out[i], From: next[i]})
	}
	count := l.fresh("t")
	l.define(count, tensor.I64, nil, kernel.Apply("add", number(counter), kernel.I(tensor.I64, step)))
	r.Leave = append(r.Leave, kernel.Copy{To: counter, From: count}, kernel.Copy{To: r.Cond, From: goes(count)})
	l.enter(outside)
}

// zeros defines a tensor of zeros.
func (l *Lowering) zeros(t tensor.Type) string {
	name := l.fresh("t")
	l.define(name, t.DType, l.Axes(t.Shape), kernel.Number(t.DType, 0))
	return name
}

// carry declares a buffer that a region carries.
func (l *Lowering) carry(t tensor.Type) string {
	b := &kernel.Buffer{Name: l.fresh("t"), Type: t}
	l.Carries = append(l.Carries, b)
	return b.Name
}

// operands are what the body reads in a turn: the carries, the elements of the sequences, the rest.
func (o Scan) operands(l *Lowering, place kernel.Expr) []string {
	names := append(slices.Clone(l.Out[:o.Carries]), l.In[o.Carries:]...)
	for i := range names {
		if !o.isSequence(i) {
			continue
		}
		t := l.InType[i]
		over := l.Axes(t.Shape[1:])
		at := append([]kernel.Expr{place}, kernel.Points(over)...)
		names[i] = l.fresh("t")
		l.define(names[i], t.DType, over, &kernel.Load{Name: l.In[i], DType: t.DType, At: at})
	}
	return names
}

// begun is what a loop's results hold before its first turn: the carries their operands, the yields zeros.
func (l *Lowering) begun(carries int) (list []kernel.Copy) {
	for i, t := range l.OutType {
		from := ""
		if i < carries {
			from = l.In[i]
		} else {
			from = l.zeros(t)
		}
		list = append(list, kernel.Copy{To: l.Out[i], From: from})
	}
	return list
}

// placed defines a tensor as it is but for one place along axis 0, where it is another's elements.
func (l *Lowering) placed(all, one string, t tensor.Type, place kernel.Expr) string {
	over := l.Axes(t.Shape)
	at := kernel.Points(over)
	name := l.fresh("t")
	l.define(name, t.DType, over, kernel.Select(kernel.Compare("eq", at[0], place),
		&kernel.Load{Name: one, DType: t.DType, At: at[1:]}, &kernel.Load{Name: all, DType: t.DType, At: at}))
	return name
}

// flows reports whether the scan is lowered to a loop.
func (o Scan) flows() bool {
	l := &Lowering{}
	for i, p := range o.Body.Params {
		t := p.Type
		if o.isSequence(i) {
			t.Shape = append(tensor.Shape{o.Length}, t.Shape...)
		}
		l.In, l.InType = append(l.In, fmt.Sprint("x", i)), append(l.InType, t)
	}
	types, err := o.Infer(l.InType)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	for i := range types {
		l.Out = append(l.Out, fmt.Sprint("y", i))
	}
	l.OutType = types
	return !o.fits(l)
}

func (o Map) flows() bool { return o.scan().flows() }
