package build

import (
	"fmt"
	"strings"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// A value is what an expression stands for while a body is elaborated: poison, number, text,
// boolean, none, *tens, *sequence, *span, *pack, *layer, *function, *configured, *fill or *primitive.
type value interface {
	// says is what an error calls the value.
	says() string
}

// poison stands for a value whose mistake is told already.
type poison struct{}

// A number is known while compiling: a dim (whole, perhaps symbolic) or a fraction.
type number struct {
	dim      tensor.Dim
	f        float64
	fraction bool
	divided  bool // a fraction that `/` made
}

type text string
type boolean bool
type none struct{}

// A tens is a tensor of the entry being built. Its labels are the names its axes have in the
// body at hand. A weak one has no dtype of its own yet. A row one belongs to a dataset: its
// leading axis, the records, is hidden.
type tens struct {
	v      *ir.Value
	labels []string
	weak   bool
	row    bool
}

// A sequence is a list, a tuple or, with names, a record.
type sequence struct {
	items []value
	names []string
	list  bool
}

// A span is a range lo..hi, half open.
type span struct{ lo, hi value }

// A pack is the dims that `B...` bound.
type pack struct {
	dims   tensor.Shape
	labels []string
}

// A layer is one instance, configured; path is empty until a name or a first use gives one.
type layer struct {
	def    *check.Def
	config map[string]value
	path   string
	named  bool
	at     diag.Span
}

// A function is a lambda or a function local to a body.
type function struct {
	name   string
	params []*check.Param
	result *syntax.Type
	body   *syntax.Block
	home   *scope
}

// A definition is a declared name not yet configured or applied.
type definition struct{ def *check.Def }

// A configured is an initializer, schedule, optimizer or fn with its configuration.
type configured struct {
	def    *check.Def
	config map[string]value
}

// A fill is a primitive that makes a tensor of a shape, without the shape: an initializer.
type fill struct {
	prim *primitive
	args map[string]value
}

func number0(v int64) number       { return number{dim: tensor.Int(v)} }
func fraction(f float64) number    { return number{f: f, fraction: true} }
func ofDim(d tensor.Dim) number    { return number{dim: d} }
func (poison) says() string        { return "nothing" }
func (t text) says() string        { return fmt.Sprintf("%q", string(t)) }
func (boolean) says() string       { return "a bool" }
func (none) says() string          { return "none" }
func (*span) says() string         { return "a range" }
func (*pack) says() string         { return "a pack of dims" }
func (l *layer) says() string      { return "the layer " + l.def.Name }
func (*function) says() string     { return "a function" }
func (*fill) says() string         { return "an initializer" }
func (p *primitive) says() string  { return "the function " + p.name }
func (d definition) says() string  { return "`" + d.def.Name + "` without its arguments" }
func (c *configured) says() string { return "the " + c.def.Kind + " " + c.def.Name }

func (n number) says() string { return "the number " + n.String() }

// String prints the number as in source.
func (n number) String() string {
	if n.fraction {
		text := fmt.Sprint(n.f)
		if strings.Trim(text, "-0123456789") == "" {
			text += ".0"
		}
		return text
	}
	return n.dim.String()
}

func (s *sequence) says() string {
	switch {
	case len(s.names) > 0:
		return "a record"
	case s.list:
		return fmt.Sprintf("a list of %d", len(s.items))
	}
	return fmt.Sprintf("a tuple of %d", len(s.items))
}

func (t *tens) says() string { return t.typ().String() }

// float returns the value of a number that holds no symbol.
func (n number) float() (float64, bool) {
	if n.fraction {
		return n.f, true
	}
	v, ok := n.dim.Const()
	return float64(v), ok
}

// shape returns the dims that the program's text speaks of.
func (t *tens) shape() tensor.Shape {
	if t.row {
		return t.v.Type.Shape[1:]
	}
	return t.v.Type.Shape
}

// typ returns the type that the program's text speaks of.
func (t *tens) typ() tensor.Type { return tensor.Type{DType: t.v.Type.DType, Shape: t.shape()} }

func (t *tens) dtype() tensor.DType { return t.v.Type.DType }

// lead is the number of hidden axes.
func (t *tens) lead() int {
	if t.row {
		return 1
	}
	return 0
}

func (s *sequence) field(name string) (value, bool) {
	for i, n := range s.names {
		if n == name {
			return s.items[i], true
		}
	}
	return nil, false
}

// isPoison reports whether a value, or a part of it, is poison.
func isPoison(vs ...value) bool {
	for _, v := range vs {
		switch v := v.(type) {
		case nil, poison:
			return true
		case *sequence:
			if isPoison(v.items...) {
				return true
			}
		}
	}
	return false
}

// snake writes a layer's name as its weights' paths do: BatchNorm is batch_norm, Conv2D conv2d.
func snake(name string) string {
	var b strings.Builder
	for i, c := range []byte(name) {
		upper := 'A' <= c && c <= 'Z'
		if upper && i > 0 && startsWord(name, i) {
			b.WriteByte('_')
		}
		if upper {
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// startsWord reports whether the capital at i begins a word: after a small letter, or before one
// at the end of a run of capitals. A capital after a digit does not.
func startsWord(s string, i int) bool {
	small := func(c byte) bool { return 'a' <= c && c <= 'z' }
	if small(s[i-1]) {
		return true
	}
	return i+1 < len(s) && small(s[i+1]) && 'A' <= s[i-1] && s[i-1] <= 'Z'
}
