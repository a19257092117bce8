package check

import (
	"fmt"
	"sort"
	"strings"

	"dlc/ir/tensor"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// A Form is the kind of value that a type admits.
type Form uint8

// The forms. Int, Float, Bool and Text are known while compiling, ListOf is a list of one of
// them, Literal one string. Callable is a fn, layer, initializer, schedule or optimizer (Name
// says which). Tensor has a dtype and a shape; Record has fields; Any fits everything.
const (
	Any Form = iota
	Int
	Float
	Bool
	Text
	ListOf
	Literal
	Callable
	Tensor
	Record
)

// A Type1 is one alternative of a type.
type Type1 struct {
	Form  Form
	Name  string // Callable, ListOf: of what; Tensor: float, int, f32 ... ; Literal: the string
	Shape *syntax.Shape
	Node  *syntax.TypeAlt
}

// A Param is one parameter of a list. No Alts means that everything fits.
type Param struct {
	Name     string
	Alts     []Type1
	Optional bool        // none fits
	In       syntax.Expr // the range of its values; nil when none
	Default  syntax.Expr
	Node     *syntax.Param
}

// TypeText returns the declared type as written.
func (p *Param) TypeText() string {
	if p.Node.Type == nil {
		return "_"
	}
	parts := make([]string, len(p.Alts))
	for i, a := range p.Alts {
		parts[i] = a.String()
	}
	return strings.Join(parts, " | ")
}

// String writes the alternative as in source.
func (t Type1) String() string {
	switch t.Form {
	case Any:
		return "_"
	case Int, Float, Bool, Text, Callable:
		return t.Name
	case ListOf:
		return "[" + t.Name + "]"
	case Literal:
		return fmt.Sprintf("%q", t.Name)
	case Record:
		return "record"
	}
	return t.Name + "[" + ShapeText(t.Shape) + "]"
}

// ShapeText writes the dims of a declared shape as in source.
func ShapeText(s *syntax.Shape) string {
	parts := make([]string, len(s.Dims))
	for i, d := range s.Dims {
		parts[i] = "[...]"
		if d.Nested == nil {
			parts[i] = ExprText(d.Size)
		}
		if d.Pack {
			parts[i] += "..."
		}
	}
	return strings.Join(parts, ", ")
}

// ExprText writes a node as its tokens, with blanks only around words and operators.
func ExprText(e syntax.Expr) string {
	switch e := e.(type) {
	case *syntax.Name:
		return e.Text
	case *syntax.Number:
		return e.Text
	case *syntax.Unary:
		return e.Op + ExprText(e.X)
	case *syntax.Binary:
		if e.Op == "*" || e.Op == "/" || e.Op == "**" {
			return ExprText(e.X) + e.Op + ExprText(e.Y)
		}
		return ExprText(e.X) + " " + e.Op + " " + ExprText(e.Y)
	case *syntax.Member:
		return ExprText(e.X) + "." + e.Name.Text
	case *syntax.Call:
		return ExprText(e.Func) + "(...)"
	}
	return "..."
}

func (c *checker) params(list *syntax.ParamList, config bool, seen map[string]diag.Span) []*Param {
	if list == nil {
		return nil
	}
	var out []*Param
	for _, n := range list.Params {
		if old, ok := seen[n.Name.Text]; ok {
			x := c.errorf(DuplicateName, n.Name.Span(), "parameter `%s` is declared twice", n.Name.Text)
			x.Related = []diag.Label{{Span: old, Text: "the first is here"}}
			continue
		}
		seen[n.Name.Text] = n.Name.Span()
		p := &Param{Name: n.Name.Text, Default: n.Default, Node: n}
		if n.Type != nil {
			p.In = n.Type.In
			p.Alts, p.Optional = c.alternatives(n.Type, config)
		}
		out = append(out, p)
	}
	return out
}

// alternatives reads a type. In a configuration list a shape alone is a list type.
func (c *checker) alternatives(t *syntax.Type, config bool) (alts []Type1, optional bool) {
	for _, a := range t.Alts {
		optional = optional || a.Optional
		if one, ok := c.alternative(a); ok {
			alts = append(alts, one)
		}
	}
	return alts, optional
}

func (c *checker) alternative(a *syntax.TypeAlt) (Type1, bool) {
	one := Type1{Node: a, Shape: a.Shape}
	switch {
	case a.Text != nil:
		one.Form, one.Name = Literal, a.Text.Value()
	case a.Fields != nil:
		one.Form = Record
		for _, f := range a.Fields.Params {
			if f.Type != nil {
				c.alternatives(f.Type, false)
			}
		}
	case a.Name == nil:
		one.Form, one.Name = Tensor, "float"
		if n, ok := listElement(a.Shape); ok {
			one.Form, one.Name = ListOf, n
		}
	case a.Name.Text == "_":
		one.Form = Any
	case a.Shape == nil:
		return c.bareType(a, one)
	default:
		one.Form, one.Name = Tensor, a.Name.Text
		return one, c.dtype(a.Name)
	}
	return one, true
}

// listElement recognizes [int], [float], [bool].
func listElement(s *syntax.Shape) (string, bool) {
	if len(s.Dims) != 1 || s.Dims[0].Pack || s.Dims[0].Nested != nil {
		return "", false
	}
	n, ok := s.Dims[0].Size.(*syntax.Name)
	if !ok {
		return "", false
	}
	switch n.Text {
	case "int", "float", "bool":
		return n.Text, true
	}
	return "", false
}

// bareType reads a type that is one word.
func (c *checker) bareType(a *syntax.TypeAlt, one Type1) (Type1, bool) {
	one.Name = a.Name.Text
	words := map[string]Form{"int": Int, "float": Float, "bool": Bool, "string": Text, "fn": Callable,
		"layer": Callable, "initializer": Callable, "schedule": Callable, "optimizer": Callable}
	form, ok := words[one.Name]
	if ok {
		one.Form = form
		return one, true
	}
	if _, err := tensor.ParseDType(one.Name); err == nil {
		x := c.errorf(UnknownType, a.Name.Span(), "`%s` needs a shape", one.Name)
		x.Help = []string{fmt.Sprintf("write `%s[]` for one number", one.Name)}
		return one, false
	}
	names := []string{}
	for w := range words {
		names = append(names, w)
	}
	sort.Strings(names)
	c.unknownType(a.Name, names)
	return one, false
}

func (c *checker) dtype(n *syntax.Name) bool {
	switch n.Text {
	case "float", "int":
		return true
	case "bf16", "f16", "i16", "u16":
		c.errorf(DTypeUnsupported, n.Span(), "dtype `%s` is not supported yet", n.Text)
		return false
	}
	if _, err := tensor.ParseDType(n.Text); err == nil {
		return true
	}
	c.unknownType(n, []string{"float", "int", "bool", "u8", "i8", "i32", "i64", "u32", "u64", "f32", "f64"})
	return false
}

// dtypesElsewhere are names that other languages have for dtypes.
var dtypesElsewhere = map[string]string{"float32": "f32", "float64": "f64", "double": "f64", "int8": "i8", "int32": "i32", "int64": "i64", "long": "i64",
	"uint8": "u8", "byte": "u8", "uint32": "u32", "uint64": "u64", "boolean": "bool"}

func (c *checker) unknownType(n *syntax.Name, names []string) {
	x := c.errorf(UnknownType, n.Span(), "unknown type `%s`", n.Text)
	if here, ok := dtypesElsewhere[n.Text]; ok {
		x.Help, x.Fix = []string{fmt.Sprintf("that is `%s` here", here)}, &diag.Fix{Span: n.Span(), Text: here}
		return
	}
	if s, ok := diag.Suggest(n.Text, names); ok {
		x.Help = []string{fmt.Sprintf("did you mean `%s`?", s)}
		x.Fix = &diag.Fix{Span: n.Span(), Text: s}
	}
}

// Dims calls f for each name that the shapes of a type bind or use.
func (t Type1) Dims(f func(name string, pack bool)) {
	if t.Form != Tensor || t.Shape == nil {
		return
	}
	for _, d := range t.Shape.Dims {
		eachName(d.Size, func(n *syntax.Name) { f(n.Text, d.Pack) })
	}
}

func eachName(e syntax.Expr, f func(*syntax.Name)) {
	switch e := e.(type) {
	case *syntax.Name:
		if e.Text != "_" {
			f(e)
		}
	case *syntax.Unary:
		eachName(e.X, f)
	case *syntax.Binary:
		eachName(e.X, f)
		eachName(e.Y, f)
	}
}

// Params reads a list whose mistakes are told already, as of a local function.
func Params(list *syntax.ParamList) []*Param {
	c := &checker{prog: &Program{}}
	return c.params(list, false, map[string]diag.Span{})
}

// Alternatives reads a type whose mistakes are told already.
func Alternatives(t *syntax.Type) []Type1 {
	c := &checker{prog: &Program{}}
	alts, _ := c.alternatives(t, false)
	return alts
}
