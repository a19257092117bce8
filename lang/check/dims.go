package check

import (
	"fmt"

	"dlc/ir/tensor"
	"dlc/lang/syntax"
)

// A Bound is what a dim's name stands for: one dim, or a pack of them. Labels are the names the
// axes have where the value came from.
type Bound struct {
	Dims   tensor.Shape
	Labels []string
	Pack   bool
}

// A Scope resolves the names in dims: those a signature has bound so far, then Outer's
// configuration and dims.
type Scope struct {
	Bound map[string]Bound
	Order []string // names in order of binding
	Float tensor.DType
	Int   tensor.DType
	Outer func(name string) (tensor.Dim, error) // nil error and the value, or why there is none
}

// NewScope returns a scope without bindings.
func NewScope(outer func(string) (tensor.Dim, error)) *Scope {
	return &Scope{Bound: map[string]Bound{}, Outer: outer}
}

// Bind gives a name its meaning.
func (s *Scope) Bind(name string, b Bound) {
	if _, ok := s.Bound[name]; !ok {
		s.Order = append(s.Order, name)
	}
	s.Bound[name] = b
}

// An Unbound error says that a dim's name has no value.
type Unbound struct{ Name string }

func (e *Unbound) Error() string { return fmt.Sprintf("dim `%s` is not known here", e.Name) }

// lookup returns the dim of a name, or an *Unbound.
func (s *Scope) lookup(name string) (tensor.Dim, error) {
	if b, ok := s.Bound[name]; ok {
		if b.Pack {
			return tensor.Dim{}, fmt.Errorf("`%s` is a pack of dims, not one", name)
		}
		return b.Dims[0], nil
	}
	if s.Outer == nil {
		return tensor.Dim{}, &Unbound{name}
	}
	return s.Outer(name)
}

// unboundMark prefixes the symbol that stands for an unbound name while a dim is evaluated.
const unboundMark = "?"

// Eval returns the value of a dim's expression; each unbound name is a symbol `?name` in it and
// is listed.
func (s *Scope) Eval(e syntax.Expr) (d tensor.Dim, unbound []string, err error) {
	switch e := e.(type) {
	case *syntax.Number:
		v, ok := e.Int()
		if !ok {
			return d, nil, fmt.Errorf("a dim must be a whole number, not %s", e.Text)
		}
		return tensor.Int(v), nil, nil
	case *syntax.Name:
		d, err := s.lookup(e.Text)
		if u, ok := err.(*Unbound); ok {
			return tensor.Sym(unboundMark + u.Name), []string{u.Name}, nil
		}
		return d, nil, err
	case *syntax.Unary:
		if e.Op == "-" {
			d, unbound, err = s.Eval(e.X)
			return d.Scale(-1), unbound, err
		}
	case *syntax.Binary:
		x, ux, err := s.Eval(e.X)
		if err != nil {
			return d, nil, err
		}
		y, uy, err := s.Eval(e.Y)
		if err != nil {
			return d, nil, err
		}
		d, err = DimArith(e.Op, x, y)
		return d, append(ux, uy...), err
	}
	return d, nil, fmt.Errorf("this is no dim")
}

// DimArith computes x op y where the result is a dim.
func DimArith(op string, x, y tensor.Dim) (tensor.Dim, error) {
	k, constant := y.Const()
	switch op {
	case "+":
		return x.Add(y), nil
	case "-":
		return x.Sub(y), nil
	case "*":
		return x.Mul(y), nil
	case "/":
		if q, ok := x.Exact(y); ok && !y.IsConst(0) {
			return q, nil
		}
		return tensor.Dim{}, fmt.Errorf("%s / %s is not known to be whole", x, y)
	case "div", "%":
		if !constant || k <= 0 {
			if q, ok := x.Exact(y); ok && !y.IsConst(0) {
				if op == "div" {
					return q, nil
				}
				return tensor.Int(0), nil
			}
			return tensor.Dim{}, fmt.Errorf("`%s` needs a positive constant on its right, not %s", op, y)
		}
		if op == "div" {
			return x.Div(k), nil
		}
		return x.Mod(k), nil
	case "**":
		if !constant || k < 0 || k > 64 {
			return tensor.Dim{}, fmt.Errorf("the power of a dim must be a small constant, not %s", y)
		}
		d := tensor.Int(1)
		for ; k > 0; k-- {
			d = d.Mul(x)
		}
		return d, nil
	}
	return tensor.Dim{}, fmt.Errorf("`%s` gives no dim", op)
}

// A Mismatch says which declared dim a shape breaks; Want is the dim it must be, when one is known.
type Mismatch struct {
	Axis      int // of the actual shape; -1 for the rank
	Got, Want tensor.Dim
	Why       string
}

func (m *Mismatch) Error() string { return m.Why }

// Unify makes a declared shape fit an actual one: names bind at their first occurrence and must
// be equal later; one pack takes the dims that the fixed ones at both ends leave; an expression
// is checked, or solved when it is linear in one unbound name. It returns the label of each axis.
func (s *Scope) Unify(declared *syntax.Shape, actual tensor.Shape, from []string) ([]string, error) {
	pack := -1
	for i, d := range declared.Dims {
		if d.Pack && pack >= 0 {
			return nil, fmt.Errorf("a shape holds one pack at most")
		}
		if d.Pack {
			pack = i
		}
	}
	fixed := len(declared.Dims)
	if pack >= 0 {
		fixed--
	}
	if len(actual) < fixed || pack < 0 && len(actual) > fixed {
		return nil, &Mismatch{Axis: -1, Why: fmt.Sprintf("rank %d, not %s%d", len(actual), map[bool]string{true: "at least ", false: ""}[pack >= 0], fixed)}
	}
	labels := make([]string, len(actual))
	at := 0
	for i, d := range declared.Dims {
		n := 1
		if i == pack {
			n = len(actual) - fixed
		}
		label, err := s.unifyDim(d, at, actual[at:at+n], slice(from, at, n))
		if err != nil {
			return nil, err
		}
		for k := range n {
			labels[at+k] = label
		}
		at += n
	}
	return labels, nil
}

func slice(labels []string, at, n int) []string {
	if at+n > len(labels) {
		return make([]string, n)
	}
	return labels[at : at+n]
}

func (s *Scope) unifyDim(d *syntax.Dim, axis int, actual tensor.Shape, from []string) (string, error) {
	if d.Nested != nil {
		return "", fmt.Errorf("a nested shape is not a dim")
	}
	if d.Pack {
		return s.unifyPack(d, axis, actual, from)
	}
	got := actual[0]
	name, bare := d.Size.(*syntax.Name)
	if bare && name.Text == "_" {
		return "", nil
	}
	want, unbound, err := s.Eval(d.Size)
	switch {
	case err != nil:
		return "", err
	case bare && len(unbound) == 1:
		s.Bind(name.Text, Bound{Dims: actual, Labels: from})
		return name.Text, nil
	case len(unbound) == 1:
		mark := unboundMark + unbound[0]
		coef, rest, ok := want.Linear(mark)
		v, whole := got.Sub(rest).Exact(coef)
		if !ok || !whole {
			return "", &Mismatch{Axis: axis, Got: got, Why: fmt.Sprintf("%s cannot be %s for any whole %s", got, plain(want), unbound[0])}
		}
		s.Bind(unbound[0], Bound{Dims: tensor.Shape{v}, Labels: []string{""}})
		return "", nil
	case len(unbound) > 1:
		return "", fmt.Errorf("dims `%s` and `%s` are not known here", unbound[0], unbound[1])
	case !want.Equal(got):
		return "", &Mismatch{Axis: axis, Got: got, Want: want, Why: fmt.Sprintf("%s, not %s", got, s.describe(d.Size, want))}
	}
	if bare {
		return name.Text, nil
	}
	return "", nil
}

func (s *Scope) unifyPack(d *syntax.Dim, axis int, actual tensor.Shape, from []string) (string, error) {
	name, ok := d.Size.(*syntax.Name)
	if !ok {
		return "", fmt.Errorf("a pack is a name and `...`")
	}
	if b, ok := s.Bound[name.Text]; ok {
		if !b.Dims.Equal(actual) {
			return "", &Mismatch{Axis: axis, Why: fmt.Sprintf("[%s], not %s... = [%s]", actual, name.Text, b.Dims)}
		}
		return name.Text, nil
	}
	s.Bind(name.Text, Bound{Dims: append(tensor.Shape{}, actual...), Labels: append([]string{}, from...), Pack: true})
	return name.Text, nil
}

// describe writes a dim as declared and, when that says more, its value: `units = 10`.
func (s *Scope) describe(e syntax.Expr, v tensor.Dim) string {
	if n, ok := e.(*syntax.Name); ok && n.Text != v.String() {
		return n.Text + " = " + v.String()
	}
	return v.String()
}

// plain prints a dim with its unbound names.
func plain(d tensor.Dim) string {
	out := []byte{}
	for _, c := range []byte(d.String()) {
		if c != unboundMark[0] {
			out = append(out, c)
		}
	}
	return string(out)
}

// Resolve returns the shape that a declaration stands for; unbound names and `_` are listed by
// the axes where no dim is known.
func (s *Scope) Resolve(declared *syntax.Shape) (shape tensor.Shape, labels []string, open []int, err error) {
	for _, d := range declared.Dims {
		name, bare := d.Size.(*syntax.Name)
		if d.Pack {
			b, ok := Bound{}, false
			if bare {
				b, ok = s.Bound[name.Text]
			}
			if !ok || !b.Pack {
				return nil, nil, nil, fmt.Errorf("the pack is not bound by an input")
			}
			for range b.Dims {
				labels = append(labels, name.Text)
			}
			shape = append(shape, b.Dims...)
			continue
		}
		if d.Nested != nil {
			return nil, nil, nil, fmt.Errorf("a nested shape is not a dim")
		}
		label := ""
		if bare {
			label = name.Text
		}
		v, unbound, err := tensor.Dim{}, []string{"_"}, error(nil)
		if label != "_" {
			v, unbound, err = s.Eval(d.Size)
		}
		if err != nil {
			return nil, nil, nil, err
		}
		if len(unbound) > 0 {
			open = append(open, len(shape))
		}
		shape, labels = append(shape, v), append(labels, label)
	}
	return shape, labels, open, nil
}
