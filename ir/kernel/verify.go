package kernel

import (
	"fmt"

	"dlc/ir/tensor"
)

// Verify says which rule of the level p breaks first, if any.
func Verify(p *Program) error {
	v := &programVerifier{p: p, declared: map[string]*Buffer{}, written: map[string]bool{}, readable: map[string]bool{}, seen: map[*Region]bool{}}
	for _, b := range p.Buffers {
		if v.declared[b.Name] != nil {
			return fmt.Errorf("buffer %s stands twice", b.Name)
		}
		v.declared[b.Name] = b
	}
	for _, b := range p.Buffers {
		if err := verifyBuffer(b, v.declared); err != nil {
			return fmt.Errorf("buffer %s: %w", b.Name, err)
		}
		v.written[b.Name] = b.Role == Input || b.Role == Weight || b.Role == Const
		v.readable[b.Name] = v.written[b.Name]
	}
	if err := v.nests(); err != nil {
		return err
	}
	if _, err := v.kernels(p.Whole()); err != nil {
		return err
	}
	for _, b := range p.Buffers {
		if !v.written[b.Name] && b.Role != Temp {
			return fmt.Errorf("buffer %s: nothing writes it", b.Name)
		}
	}
	return nil
}

func verifyBuffer(b *Buffer, declared map[string]*Buffer) error {
	if b.Type.DType == tensor.Invalid {
		return fmt.Errorf("no dtype")
	}
	switch w := declared[b.Of]; {
	case b.Role != Update && b.Role != Output && b.Of != "":
		return fmt.Errorf("only an update is of a weight, and an output of its public name")
	case b.Role == Update && (w == nil || w.Role != Weight):
		return fmt.Errorf("%q is no weight", b.Of)
	case b.Role == Update && !w.Type.Equal(b.Type):
		return fmt.Errorf("%s updates %s", b.Type, w.Type)
	case (b.Role == Const) != (b.Value != nil):
		return fmt.Errorf("a const, and nothing else, has a value")
	}
	if b.Value != nil {
		if dims, ok := b.Type.Shape.Bind(nil); !ok || (&tensor.Tensor{DType: b.Type.DType, Dims: dims}).String() != b.Value.String() {
			return fmt.Errorf("the value is %s, not %s", b.Value, b.Type)
		}
	}
	if x := b.Indexes; x != nil {
		if to := declared[x.Buffer]; to == nil || x.Axis < 0 || x.Axis >= len(to.Type.Shape) || b.Type.DType != tensor.I64 {
			return fmt.Errorf("%s is no index of axis %d of %q", b.Type, x.Axis, x.Buffer)
		}
	}
	if l := b.Layout; l != nil {
		return verifyLayout(b, l)
	}
	return nil
}

func verifyLayout(b *Buffer, l *Layout) error {
	if len(l.At) != len(l.Dims) {
		return fmt.Errorf("layout %s has %d indices and %d extents", l.Name, len(l.At), len(l.Dims))
	}
	set, have := map[string]bool{}, map[string]bool{}
	for i := range b.Type.Shape {
		have[fmt.Sprintf("$%d", i)] = true
	}
	for _, d := range l.At {
		d.Symbols(set)
	}
	for n := range set {
		if !have[n] {
			return fmt.Errorf("layout %s uses %s, which is no axis", l.Name, n)
		}
	}
	return nil
}

// VerifyKernel checks one kernel by itself.
func VerifyKernel(k *Kernel) error {
	v := &verifier{types: map[string]tensor.Type{}, outs: map[string]*Buffer{}, above: &Kernel{}}
	for _, b := range k.Ins {
		if _, twice := v.types[b.Name]; twice {
			return fmt.Errorf("kernel %s: input %s stands twice", k.Name, b.Name)
		}
		v.types[b.Name] = b.Type
	}
	for _, b := range k.Outs {
		if v.outs[b.Name] != nil {
			return fmt.Errorf("kernel %s: output %s stands twice", k.Name, b.Name)
		}
		v.outs[b.Name] = b
	}
	v.collectAxes(k)
	for _, group := range groups(k.Defs) {
		if err := v.recurrence(group); err != nil {
			return fmt.Errorf("kernel %s: %w", k.Name, err)
		}
		for _, d := range group {
			if err := v.def(d); err != nil {
				return fmt.Errorf("kernel %s: definition %s: %w", k.Name, d.Name, err)
			}
		}
	}
	for _, b := range k.Outs {
		if _, ok := v.types[b.Name]; !ok {
			return fmt.Errorf("kernel %s: output %s is not defined", k.Name, b.Name)
		}
	}
	return nil
}

// A verifier walks the definitions in order.
type verifier struct {
	types   map[string]tensor.Type // of what may be read here
	above   *Kernel                // the definitions looked at
	outs    map[string]*Buffer
	anyAxis map[string]bool // axes of all definitions: no symbol has such a name
	axes    map[string]bool // of this definition
	group   map[string]*Def // of the recurrence at hand
}

func (v *verifier) collectAxes(k *Kernel) {
	v.anyAxis = map[string]bool{}
	for _, d := range k.Defs {
		for _, a := range d.AllAxes() {
			v.anyAxis[a.Name] = true
		}
	}
}

func (v *verifier) def(d *Def) error {
	if _, twice := v.types[d.Name]; twice {
		return fmt.Errorf("the name is taken")
	}
	v.axes = map[string]bool{}
	shape := tensor.Shape{}
	for i, a := range d.AllAxes() {
		if n := nameLength(a.Name); n == 0 || n < len(a.Name) || v.axes[a.Name] {
			return fmt.Errorf("axis %q stands twice or is no name", a.Name)
		}
		if err := v.extent(a.Extent); err != nil {
			return fmt.Errorf("axis %s: %w", a.Name, err)
		}
		v.axes[a.Name] = true
		if i < len(d.Axes) {
			shape = append(shape, a.Extent)
		}
	}
	if d.Expr == nil {
		return fmt.Errorf("no expression")
	}
	if err := v.expr(d.Expr); err != nil {
		return err
	}
	if d.Sorts() {
		if err := v.sort(d); err != nil {
			return err
		}
	} else if d.Expr.Type() != d.DType {
		return fmt.Errorf("the expression is %s, not %s", d.Expr.Type(), d.DType)
	}
	if d.Reduce != nil {
		if err := v.reduce(d); err != nil {
			return err
		}
		if err := v.matches(d); err != nil {
			return err
		}
	}
	t := tensor.Type{DType: d.DType, Shape: shape}
	if b := v.outs[d.Name]; b != nil && !b.Type.Equal(t) {
		return fmt.Errorf("it is %s, its buffer %s", t, b.Type)
	}
	v.types[d.Name] = t
	v.above.Defs = append(v.above.Defs, d)
	return nil
}

// extent: a polynomial of symbols that is not negative.
func (v *verifier) extent(d tensor.Dim) error {
	if c, ok := d.Const(); ok && c < 0 {
		return fmt.Errorf("the extent is %d", c)
	}
	set := map[string]bool{}
	d.Symbols(set)
	for n := range set {
		if v.anyAxis[n] {
			return fmt.Errorf("the extent %s uses an index", d)
		}
	}
	return nil
}

// index: names are axes of this definition or symbols, never axes of others.
func (v *verifier) index(d tensor.Dim) error {
	set := map[string]bool{}
	d.Symbols(set)
	for n := range set {
		if v.anyAxis[n] && !v.axes[n] {
			return fmt.Errorf("%s is no index here", n)
		}
	}
	return nil
}

func (v *verifier) conds(conds []Cond) error {
	for _, c := range conds {
		if err := v.index(c.Index); err != nil {
			return fmt.Errorf("condition %s: %w", c, err)
		}
		if err := v.extent(c.Extent); err != nil {
			return fmt.Errorf("condition %s: %w", c, err)
		}
	}
	return nil
}

func (v *verifier) reduce(d *Def) error {
	r, t := d.Reduce, d.DType
	if err := v.conds(r.When); err != nil {
		return err
	}
	if err := v.welford(r, t); err != nil {
		return err
	}
	if r.Op.sorts() {
		return nil
	}
	if t.IsHalf() {
		return fmt.Errorf("%s of %s: it is a type of memory only", r.Op, t)
	}
	if r.Order.Kind == Matrix && !d.IsMatrix() {
		return fmt.Errorf("the order matrix, and no sum of products of 16-bit floats in f32")
	}
	boolean := r.Op == Any || r.Op == All
	if boolean != (t == tensor.Bool) {
		return fmt.Errorf("%s of %s", r.Op, t)
	}
	switch r.Order.Kind {
	case Rescale:
		return v.rescale(d)
	case Chunks:
	default:
		return nil
	}
	if r.Order.By < 1 {
		return fmt.Errorf("chunks by %d", r.Order.By)
	}
	for _, a := range r.Axes {
		if a.Name == r.Order.Axis {
			return nil
		}
	}
	return fmt.Errorf("chunks along %s, which is not reduced", r.Order.Axis)
}

func (v *verifier) expr(root Expr) (err error) {
	Walk(root, func(e Expr) bool {
		if err == nil {
			err = v.node(e)
		}
		return err == nil
	})
	return err
}

func (v *verifier) node(e Expr) error {
	switch e := e.(type) {
	case *Lit:
		if e.DType == tensor.Invalid || e.DType.IsHalf() || e.DType == tensor.F32 && float64(float32(e.F)) != e.F && e.F == e.F {
			return fmt.Errorf("literal %v is no %s", e.F, e.DType)
		}
	case *Index:
		return v.index(e.Dim)
	case *Load:
		return v.load(e)
	case *Guard:
		return v.conds(e.Conds)
	case *Call:
		types := make([]tensor.DType, len(e.Args))
		for i, a := range e.Args {
			types[i] = a.Type()
		}
		return CheckCall(e.Fn, e.DType, types...)
	case *Random:
		for i, want := range []tensor.DType{tensor.U64, tensor.I64, tensor.I64, tensor.I64} {
			if t := Operands(e)[i].Type(); t != want {
				return fmt.Errorf("random: operand %d is %s, not %s", i, t, want)
			}
		}
	}
	return nil
}

func (v *verifier) load(l *Load) error {
	if d := v.group[l.Name]; d != nil && d.OtherTurn(l) {
		return v.earlier(l, d)
	}
	t, ok := v.types[l.Name]
	if !ok {
		return fmt.Errorf("%s is not defined above", l.Name)
	}
	if t.DType != l.DType {
		return fmt.Errorf("%s is %s, loaded as %s", l.Name, t, l.DType)
	}
	if len(l.At) != len(t.Shape) {
		return fmt.Errorf("%d indices for %s %s", len(l.At), l.Name, t)
	}
	for _, a := range l.At {
		if !a.Type().IsInt() {
			return fmt.Errorf("an index of %s is %s", l.Name, a.Type())
		}
	}
	return nil
}
