package syntax

import (
	"strconv"
	"strings"

	"dlc/lang/diag"
)

// An Expr is an expression: *Number, *String, *Bool, *None, *Name, *Unary, *Binary, *Pipe, *Call,
// *Index, *Member, *Tuple, *Record, *List, *Comprehension, *Range, *If, *Scan or *Lambda; inside
// the brackets of an *Index also *Colon, *Ellipsis and *NewAxis.
type Expr interface {
	Span() diag.Span
	expr()
}

// A Sum is an expression without comparisons, ranges, pipes or words: a dim, a promise's side.
type Sum interface {
	Expr
}

// A Number is a literal as written.
type Number struct {
	Node
	Text string `parser:"@Number"`
}

// Int returns the value when the literal is a whole number without fraction or exponent that fits.
func (n *Number) Int() (int64, bool) {
	v, err := strconv.ParseInt(strings.ReplaceAll(n.Text, "_", ""), 10, 64)
	return v, err == nil
}

// Float returns the value as the nearest float64.
func (n *Number) Float() float64 {
	v, _ := strconv.ParseFloat(strings.ReplaceAll(n.Text, "_", ""), 64)
	return v
}

// A String is a literal with its quotes.
type String struct {
	Node
	Text string `parser:"@String"`
}

// Value returns what the literal says, escapes replaced.
func (s *String) Value() string {
	v, err := strconv.Unquote(s.Text)
	if err != nil {
		return strings.Trim(s.Text, `"`)
	}
	return v
}

// A Bool is true or false.
type Bool struct {
	Node
	Value bool
}

// A None is the literal none.
type None struct{ Node }

// A Name is an identifier.
type Name struct {
	Node
	Text string `parser:"@Name"`
}

// A Unary is `-x` or `not x`.
type Unary struct {
	Node
	Op string
	X  Expr
}

// A Binary is `x op y`: + - * / % @ div ** == != < <= > >= and or.
type Binary struct {
	Node
	Op     string
	OpSpan diag.Span
	X, Y   Expr
}

// A Pipe is `x |> y`: y applied with x as its first input.
type Pipe struct {
	Node
	OpSpan diag.Span
	X, Y   Expr
}

// A Call is `f(args)`.
type Call struct {
	Node
	Func Expr
	Args *Args
}

// Args is a bracketed list of arguments, positional before named.
type Args struct {
	Node
	List []*Arg
}

// An Arg is one argument; Name is nil for a positional one.
type Arg struct {
	Node
	Name  *Name
	Value Expr
}

// An Index is `x[items]`.
type Index struct {
	Node
	X     Expr
	Items []Expr
}

// A Colon is `:` in an index: the whole axis.
type Colon struct{ Node }

// An Ellipsis is `...` in an index: all axes not named.
type Ellipsis struct{ Node }

// A NewAxis is `new` in an index.
type NewAxis struct{ Node }

// A Member is `x.name`.
type Member struct {
	Node
	X    Expr
	Name *Name
}

// A Tuple is `(a, b)`, `(a,)` or `()`.
type Tuple struct {
	Node
	Items []Expr
}

// A Record is `(k = a, v = b)`.
type Record struct {
	Node
	Fields []*Named
}

// A List is `[a, b]`.
type List struct {
	Node
	Items []*Item
}

// An Item is one entry of a list: `x`, `x...` (Spread) or `x over target`.
type Item struct {
	Node
	Value  Expr
	Spread bool
	Over   Expr // nil when not written
}

// A Comprehension is `[item for names in seq]`.
type Comprehension struct {
	Node
	Item  *Item
	Names []*Name
	In    Expr
}

// A Range is `lo..hi`, half open; a side not written is nil.
type Range struct {
	Node
	Lo, Hi Expr
}

// An If is a conditional; Else is nil when not written, and for `else if` a block that holds
// the inner *If alone.
type If struct {
	Node
	Cond Expr
	Then *Block
	Else *Block
}

// A Scan is `scan names in seqs over axis backward with carries { ... }`.
type Scan struct {
	Node
	Names    []*Name
	In       []Expr
	Over     *Name
	Backward bool
	With     []*Named
	Body     *Block
}

// A Lambda is `fn(params) { ... }` as a value.
type Lambda struct {
	Node
	Params *ParamList
	Body   *Block
}

func (*Number) expr()        {}
func (*String) expr()        {}
func (*Bool) expr()          {}
func (*None) expr()          {}
func (*Name) expr()          {}
func (*Unary) expr()         {}
func (*Binary) expr()        {}
func (*Pipe) expr()          {}
func (*Call) expr()          {}
func (*Index) expr()         {}
func (*Colon) expr()         {}
func (*Ellipsis) expr()      {}
func (*NewAxis) expr()       {}
func (*Member) expr()        {}
func (*Tuple) expr()         {}
func (*Record) expr()        {}
func (*List) expr()          {}
func (*Comprehension) expr() {}
func (*Range) expr()         {}
func (*If) expr()            {}
func (*Scan) expr()          {}
func (*Lambda) expr()        {}
