package tensor

import "strings"

// A Shape is a list of dims, outermost first.
type Shape []Dim

// Ints makes a shape of constants.
func Ints(dims ...int64) Shape {
	s := make(Shape, len(dims))
	for i, d := range dims {
		s[i] = Int(d)
	}
	return s
}

// Size returns the number of elements.
func (s Shape) Size() Dim {
	n := Int(1)
	for _, d := range s {
		n = n.Mul(d)
	}
	return n
}

// Equal reports whether s and t have the same dims.
func (s Shape) Equal(t Shape) bool {
	if len(s) != len(t) {
		return false
	}
	for i := range s {
		if !s[i].Equal(t[i]) {
			return false
		}
	}
	return true
}

// String prints the dims without brackets, as in f32[N, 10].
func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = d.String()
	}
	return strings.Join(parts, ", ")
}

// Bind returns the concrete dims under env; ok is false where a symbol is unbound or a dim negative.
func (s Shape) Bind(env map[string]int64) (dims []int, ok bool) {
	dims = make([]int, len(s))
	for i, d := range s {
		v, ok := d.Eval(env)
		if !ok || v < 0 {
			return nil, false
		}
		dims[i] = int(v)
	}
	return dims, true
}

// A Type is what a tensor has before it has values: element type and shape.
type Type struct {
	DType DType `json:"dtype"`
	Shape Shape `json:"shape"`
}

// String prints f32[N, 10].
func (t Type) String() string { return t.DType.String() + "[" + t.Shape.String() + "]" }

// Equal reports whether both have the same dtype and dims.
func (t Type) Equal(u Type) bool { return t.DType == u.DType && t.Shape.Equal(u.Shape) }
