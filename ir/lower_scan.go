package ir

import (
	"fmt"
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// The lowering of Scan and Map. The nodes of the body are lowered one by one, as anywhere; then their
// definitions get an axis in front, the turns, and so do the loads of what has one. So no op needs
// to know how it is batched: a definition over named indices batches itself.
//
// What of the body depends on no other turn is made for all turns at once, before the recurrence,
// and what no other turn depends on is made behind it. The rest is a recurrence of level 1; a carry
// is a definition in it, of what the turn before made of it or of its first value. What depends on
// no turn at all gets no axis.
//
// What such a kernel cannot hold is a loop over kernels (lower_turns.go).

// A reach says where a value of a body belongs.
type reach uint8

// steady is the same for all turns; apart depends on this turn's elements alone; within depends on
// turns before, and they on it; behind depends on turns before.
const (
	steady reach = iota
	apart
	within
	behind
)

// turn is the axis in front.
const turn = "i0"

// A scanLowering lowers the body of one Scan.
type scanLowering struct {
	Scan
	l       *Lowering
	name    map[*Value]string // of values of the body
	reach   map[*Value]reach
	turns   map[string]bool   // names that have the axis
	from    map[string]string // parameters: what they read
	carried map[string]int    // names of the carries
	parts   [behind + 1][]chunk
}

// A chunk is the definitions of one node, or of one kernel of it.
type chunk []*kernel.Def

// Lower is the body with an axis in front, or where level 1 cannot hold that, a loop.
func (o Scan) Lower(l *Lowering) {
	if !l.Flat && !o.fits(l) {
		o.loop(l)
		return
	}
	if o.Counted {
		l.Refuse(l.Span, "a loop backwards inside of a `scan` or a `vmap` that is itself inside of one is not supported yet")
		return
	}
	o.group(l)
}

// The bounds of a recurrence that keeps nothing of its turns but the last carries: a larger one has no
// gain from being one kernel, which holds the carries of all turns in memory.
const (
	mostReduced = 8       // reductions
	mostHeld    = 1 << 16 // elements of the carries of all turns, a symbol counting as heldTurns
	heldTurns   = 16
)

// fits reports whether level 1 can hold the recurrence, by trying.
func (o Scan) fits(l *Lowering) bool {
	if o.Counted {
		return false
	}
	trial, names := *l, 0
	trial.Defs, trial.cuts, trial.Consts, trial.Carries, trial.Err = nil, nil, nil, nil, nil
	trial.fresh = func(prefix string) string { names++; return fmt.Sprint(prefix, names) }
	reductions := 0
	for _, d := range o.group(&trial) {
		if d.Reduce != nil {
			reductions++
		}
	}
	return trial.Err == nil && (reductions <= mostReduced && o.held() <= mostHeld || len(o.Body.Results) > o.Carries)
}

// held is about how many elements the carries of all turns have.
func (o Scan) held() int64 {
	env := map[string]int64{}
	sum := tensor.Dim{}
	for _, p := range o.Body.Params[:o.Carries] {
		sum = sum.Add(p.Type.Shape.Size())
	}
	sum = sum.Mul(o.Length)
	names := map[string]bool{}
	sum.Symbols(names)
	for name := range names {
		env[name] = heldTurns
	}
	n, _ := sum.Eval(env)
	return n
}

// group is the body with an axis in front. It returns the definitions of the recurrence.
func (o Scan) group(l *Lowering) chunk {
	s := &scanLowering{Scan: o, l: l, name: map[*Value]string{}, turns: map[string]bool{}, from: map[string]string{}, carried: map[string]int{}}
	s.sort()
	s.outputs()
	s.params()
	for _, n := range o.Body.Nodes {
		s.node(n)
	}
	s.results()
	s.settle()
	group := chunk{}
	for _, c := range s.parts[within] {
		group = append(group, c...)
	}
	for _, d := range group {
		if d.Scan != nil || d.Scatters() || d.Sorts() {
			l.Refuse(d.Span, "a scatter, a sort or a scan in each turn, on which the next turn depends, inside of another `scan` or a `vmap`, is not supported yet")
		}
		d.Scan = &kernel.Scan{Axis: turn, Reversed: o.Reversed}
	}
	s.parts[within] = []chunk{group}
	for _, part := range s.parts {
		for _, c := range part {
			l.cut()
			l.Defs = append(l.Defs, c...)
		}
	}
	l.cut()
	return group
}

// Lower is the body with an axis in front.
func (o Map) Lower(l *Lowering) { o.scan().Lower(l) }

// sort finds out where each value belongs.
func (s *scanLowering) sort() {
	s.reach = map[*Value]reach{}
	feeds := map[*Value]bool{} // a carry depends on it
	for _, r := range s.Body.Results[:s.Carries] {
		feeds[r.Value] = true
	}
	for i := len(s.Body.Nodes) - 1; i >= 0; i-- {
		n := s.Body.Nodes[i]
		fed := false
		for _, v := range n.Out {
			fed = fed || feeds[v]
		}
		for _, v := range n.In {
			feeds[v] = feeds[v] || fed
		}
	}
	for i, p := range s.Body.Params {
		switch {
		case i < s.Carries:
			s.reach[p] = within
		case s.isSequence(i):
			s.reach[p] = apart
		}
	}
	for _, n := range s.Body.Nodes {
		most, fed := steady, false
		for _, v := range n.In {
			most = max(most, s.reach[v])
		}
		for _, v := range n.Out {
			fed = fed || feeds[v]
		}
		if most == within && !fed {
			most = behind
		}
		for _, v := range n.Out {
			s.reach[v] = most
		}
	}
}

// outputs gives what is yielded the name of its result, where it can have it.
func (s *scanLowering) outputs() {
	for i, r := range s.Body.Results {
		if v := r.Value; i >= s.Carries && v.Node != nil && s.reach[v] != steady && s.name[v] == "" {
			s.name[v] = s.l.Out[i]
		}
	}
}

// params names the operands and defines the carries.
func (s *scanLowering) params() {
	for i, p := range s.Body.Params {
		s.name[p] = s.l.fresh("t")
		if i >= s.Carries {
			s.from[s.name[p]] = s.l.In[i]
		}
		s.turns[s.name[p]] = s.reach[p] != steady
		if i < s.Carries {
			s.carried[s.name[p]] = i
		}
	}
	for i, p := range s.Body.Params[:s.Carries] {
		next := s.Body.Results[i].Value
		if next.Node != nil && s.name[next] == "" {
			s.name[next] = s.l.fresh("t")
		}
		s.carry(i, p, next)
	}
}

// carry defines what p is in each turn.
func (s *scanLowering) carry(i int, p, next *Value) {
	out := s.axes(p.Type.Shape)
	before := s.before()
	held := guard(s.at(next, kernel.IndexOf(before), kernel.Points(out[1:])), []kernel.Cond{{Index: before, Extent: s.Length}})
	first := &kernel.Load{Name: s.l.In[i], DType: p.Type.DType, At: kernel.Points(out[1:])}
	s.put(within, s.name[p], p.Type.DType, out, kernel.Select(s.begins(), first, held))
}

// axes are the turns, then the dims of a shape.
func (s *scanLowering) axes(shape tensor.Shape) []kernel.Axis {
	return axes("i", append(tensor.Shape{s.Length}, shape...))
}

// at reads a value of the body in a turn.
func (s *scanLowering) at(v *Value, turn kernel.Expr, at []kernel.Expr) *kernel.Load {
	name := s.name[v]
	if s.reach[v] != steady {
		at = append([]kernel.Expr{turn}, at...)
	}
	if from := s.from[name]; from != "" {
		name = from
	}
	return &kernel.Load{Name: name, DType: v.Type.DType, At: at}
}

func (s *scanLowering) put(where reach, name string, t tensor.DType, axes []kernel.Axis, e kernel.Expr) {
	s.parts[where] = append(s.parts[where], chunk{{Name: name, DType: t, Axes: axes, Expr: e, Span: s.l.Span}})
}

// node lowers one node of the body and gives its definitions the axis.
func (s *scanLowering) node(n *Node) {
	var in, out []string
	for _, v := range n.In {
		in = append(in, s.name[v])
	}
	for _, v := range n.Out {
		if s.name[v] == "" {
			s.name[v] = s.l.fresh("t")
		}
		out = append(out, s.name[v])
	}
	where := s.reach[n.Out[0]]
	inner := NewLowering(n, in, out, s.l.fresh)
	inner.Flat = true
	n.Op.Lower(inner)
	if s.l.Err == nil {
		s.l.Err = inner.Err
	}
	s.l.Consts = append(s.l.Consts, inner.Consts...)
	for _, d := range inner.Defs {
		s.turns[d.Name] = where != steady
	}
	for _, piece := range inner.Kernels() {
		c := chunk{}
		for _, d := range piece.Defs {
			if where == within && s.reducesCarry(d) {
				s.reduced(d)
				continue
			}
			c = append(c, s.lifted(d, where, s.read))
		}
		if len(c) > 0 {
			s.parts[where] = append(s.parts[where], c)
		}
	}
}

// lifted gives a definition the turns as its first axis, unless it is steady, and its loads what they
// read in a turn.
func (s *scanLowering) lifted(d *kernel.Def, where reach, load func(*kernel.Load) *kernel.Load) *kernel.Def {
	if where != steady {
		names := map[string]string{}
		for i := range d.Axes {
			names[d.Axes[i].Name] = axes("i", make(tensor.Shape, i+2))[i+1].Name
		}
		d = kernel.RenameAxes(d, names)
		d.Axes = append([]kernel.Axis{{Name: turn, Extent: s.Length}}, d.Axes...)
	}
	return d.MapExprs(func(e kernel.Expr) kernel.Expr {
		return kernel.Rewrite(e, func(e kernel.Expr) kernel.Expr {
			if l, ok := e.(*kernel.Load); ok {
				return load(l)
			}
			return e
		})
	})
}

// read is what a load in the body reads in a turn.
func (s *scanLowering) read(l *kernel.Load) *kernel.Load {
	moved := *l
	if s.turns[l.Name] {
		moved.At = append([]kernel.Expr{kernel.At(turn)}, l.At...)
	}
	if from := s.from[l.Name]; from != "" {
		moved.Name = from
	}
	return &moved
}

// reducesCarry reports whether a definition reduces what a carry is, beside what is the same in all
// turns.
func (s *scanLowering) reducesCarry(d *kernel.Def) bool {
	if d.Reduce == nil || d.Scatters() || d.Sorts() {
		return false
	}
	carried := false
	for _, l := range d.Loads() {
		if _, is := s.carried[l.Name]; is {
			carried = true
		} else if s.turns[l.Name] {
			return false
		}
	}
	return carried
}

// reduced makes a reduction of a carry one of what the turn before left in memory; in the first turn
// it is the reduction of what the carry begins with, which is made before. So the carry itself
// need not be laid out for the reduction in each turn.
func (s *scanLowering) reduced(d *kernel.Def) {
	first, rest := *d, *d
	first.Name, rest.Name = s.l.fresh("t"), s.l.fresh("t")
	begin := s.lifted(&first, steady, func(l *kernel.Load) *kernel.Load {
		if i, is := s.carried[l.Name]; is {
			return &kernel.Load{Name: s.l.In[i], DType: l.DType, At: l.At}
		}
		return s.read(l)
	})
	s.parts[steady] = append(s.parts[steady], chunk{begin})
	before := s.before()
	later := s.lifted(&rest, within, func(l *kernel.Load) *kernel.Load {
		if i, is := s.carried[l.Name]; is {
			return s.at(s.Body.Results[i].Value, kernel.IndexOf(before), l.At)
		}
		return s.read(l)
	})
	later.Reduce.When = append(later.Reduce.When, kernel.Cond{Index: before, Extent: s.Length})
	s.parts[within] = append(s.parts[within], chunk{later})
	points := kernel.Points(later.Axes)
	s.put(within, d.Name, d.DType, later.Axes, kernel.Select(s.begins(), &kernel.Load{Name: begin.Name, DType: d.DType, At: points[1:]},
		&kernel.Load{Name: later.Name, DType: d.DType, At: points}))
}

// before is the turn before, and begins holds in the first one.
func (s *scanLowering) before() tensor.Dim {
	if s.Reversed {
		return tensor.Sym(turn).AddInt(1)
	}
	return tensor.Sym(turn).AddInt(-1)
}

func (s *scanLowering) begins() kernel.Expr {
	return kernel.Compare("eq", kernel.At(turn), kernel.IndexOf(firstOf(kernel.Axis{Extent: s.Length}, s.Reversed)))
}

// settle moves the carries that nothing in the recurrence reads behind it.
func (s *scanLowering) settle() {
	for _, p := range s.Body.Params[:s.Carries] {
		read := func(c chunk) bool {
			for _, d := range c {
				for _, l := range d.Loads() {
					if l.Name == s.name[p] {
						return true
					}
				}
			}
			return false
		}
		if at := slices.IndexFunc(s.parts[within], func(c chunk) bool { return c[0].Name == s.name[p] }); at >= 0 && !slices.ContainsFunc(s.parts[within], read) {
			s.parts[behind] = slices.Insert(s.parts[behind], 0, s.parts[within][at])
			s.parts[within] = slices.Delete(s.parts[within], at, at+1)
		}
	}
}

// results defines the last carries, and what is yielded that no definition of a node has made.
func (s *scanLowering) results() {
	for i, r := range s.Body.Results {
		v := r.Value
		if i >= s.Carries {
			if s.name[v] != s.l.Out[i] {
				out := s.axes(v.Type.Shape)
				s.put(behind, s.l.Out[i], v.Type.DType, out, s.at(v, kernel.At(turn), kernel.Points(out[1:])))
			}
			continue
		}
		out := axes("i", v.Type.Shape)
		end, turns := s.Length.AddInt(-1), s.Length.Bounds(nil)
		if s.Reversed {
			end = tensor.Dim{}
		}
		last := kernel.Expr(s.at(v, kernel.IndexOf(end), kernel.Points(out)))
		first := &kernel.Load{Name: s.l.In[i], DType: v.Type.DType, At: kernel.Points(out)}
		if turns.OpenLo || turns.Lo < 1 {
			held := guard(last, []kernel.Cond{{Index: end, Extent: s.Length}})
			last = kernel.Select(kernel.Compare("eq", kernel.IndexOf(s.Length), kernel.I(tensor.I64, 0)), first, held)
		}
		s.put(behind, s.l.Out[i], v.Type.DType, out, last)
	}
}
