// Package syntax owns the text of a program: tokens, the grammar, the syntax tree and every error
// that can be told without knowing what a name means. It knows no types, shapes or machines.
//
// The structs of the tree are the grammar: declarations, statements and types carry participle
// rules as tags; expressions (expr.go) are climbed by precedence.
package syntax

import (
	"dlc/lang/diag"

	"github.com/alecthomas/participle/v2/lexer"
)

// A Node is what every part of the tree holds: the tokens it was made of.
type Node struct {
	Tokens []lexer.Token
}

// Span returns the place of the node: from its first token to its last.
func (n *Node) Span() diag.Span {
	if len(n.Tokens) == 0 {
		return diag.Span{}
	}
	return tokenSpan(n.Tokens[0]).To(tokenSpan(n.Tokens[len(n.Tokens)-1]))
}

func tokenSpan(t lexer.Token) diag.Span {
	return diag.Span{File: t.Pos.Filename, Line: t.Pos.Line, Col: t.Pos.Column, Start: t.Pos.Offset, End: t.Pos.Offset + len(t.Value)}
}

// A Comment is one `//` or `///` comment, with its slashes.
type Comment struct {
	Span diag.Span
	Text string
	Own  bool // nothing but blanks stands before it on its line
}

// A File is a parsed source: every declaration that could be read, in order.
type File struct {
	Name     string
	Source   []byte
	Decls    []Decl
	Comments []Comment // in order of place
}

// A Decl is a declaration in column 1: *Edition, *Import, *Definition, *Dataset, *Train,
// *Require or *Test.
type Decl interface {
	Span() diag.Span
	decl()
	tokens() []lexer.Token
}

// An Edition is `edition 2026`.
type Edition struct {
	Node
	Year *Number `parser:"'edition' @@"`
}

// An Import is `import "file.dlc" (a, b)`.
type Import struct {
	Node
	Path  *String `parser:"'import' @@"`
	Names []*Name `parser:"( '(' @@ ( ',' @@ )* ')' )?"`
}

// A Definition is a model, layer, fn, entry, metric, loss, optimizer, schedule, initializer,
// regularizer, constraint or gradient.
type Definition struct {
	Node
	Doc    string
	Kind   string       `parser:"@( 'model' | 'layer' | 'fn' | 'entry' | 'metric' | 'loss' | 'optimizer' | 'schedule' | 'initializer' | 'regularizer' | 'constraint' | 'gradient' )"`
	Path   []*Name      `parser:"@@ ( '.' @@ )*"`
	Lists  []*ParamList `parser:"@@ @@?"` // one or two; see Config and Inputs
	Result *Type        `parser:"( '->' @@ )?"`
	Body   *Block       `parser:"@@"`
}

// Name returns the dotted path.
func (d *Definition) Name() string { return pathText(d.Path) }

// Config returns the first of two lists, or the only one where it configures; nil when there is none.
func (d *Definition) Config() *ParamList {
	if len(d.Lists) == 2 || !d.takesInputs() {
		return d.Lists[0]
	}
	return nil
}

// Inputs returns the second of two lists, or the only one where it is inputs; nil when there is none.
func (d *Definition) Inputs() *ParamList {
	if len(d.Lists) == 2 {
		return d.Lists[1]
	}
	if d.takesInputs() {
		return d.Lists[0]
	}
	return nil
}

// takesInputs reports whether a single list of this kind holds inputs, not configuration.
func (d *Definition) takesInputs() bool {
	switch d.Kind {
	case "fn", "entry", "metric", "loss", "gradient":
		return true
	}
	return false
}

// A Dataset is `dataset Name = source { ... }`; Body is nil without a block.
type Dataset struct {
	Node
	Doc    string
	Name   *Name      `parser:"'dataset' @@ '='"`
	Source Expr       `parser:"@@"`
	Body   *DataBlock `parser:"@@?"`
}

// A Train is `train Model(args) { ... }`; Args is nil without brackets.
type Train struct {
	Node
	Doc  string
	Name *Name       `parser:"'train' @@"`
	Args *Args       `parser:"@@?"`
	Body *TrainBlock `parser:"@@"`
}

// A Require is a block of promises; Kind is require or promote.
type Require struct {
	Node
	Doc      string
	Kind     string     `parser:"@( 'require' | 'promote' )"`
	Name     *Name      `parser:"@@ '{'"`
	Promises []*Promise `parser:"( @@ NL )* '}'"`
}

// A Promise is `left <= right unit at N=1`; Unit is empty and At nil when not written.
type Promise struct {
	Node
	Left  Sum      `parser:"@@"`
	Op    string   `parser:"@( '<=' | '>=' | '==' | '!=' | '<' | '>' )"`
	Right Sum      `parser:"@@"`
	Unit  *Name    `parser:"( (?! 'at' ) @@ )?"`
	At    []*Named `parser:"( 'at' @@ ( ',' @@ )* )?"`
}

// A Test is `test "title" { ... }`.
type Test struct {
	Node
	Doc   string
	Title *String `parser:"'test' @@"`
	Body  *Block  `parser:"@@"`
}

func (*Edition) decl()    {}
func (*Import) decl()     {}
func (*Definition) decl() {}
func (*Dataset) decl()    {}
func (*Train) decl()      {}
func (*Require) decl()    {}
func (*Test) decl()       {}

// A ParamList is a bracketed list of parameters, also the fields of a record type.
type ParamList struct {
	Node
	Params []*Param `parser:"'(' ( @@ ( (?! ',' ')' ) ',' @@ )* ','? )? ')'"`
}

// A Param is `name: type = default`; Type and Default are nil when not written.
type Param struct {
	Node
	Doc     string
	Name    *Name `parser:"@@"`
	Type    *Type `parser:"( ':' @@ )?"`
	Default Expr  `parser:"( '=' @@ )?"`
}

// A Type is one or more alternatives and perhaps the range of its values.
type Type struct {
	Node
	Alts []*TypeAlt `parser:"@@ ( '|' @@ )*"`
	In   Expr       `parser:"( 'in' @@ )?"`
}

// A TypeAlt is one of: Name with or without Shape (f32[N, D], int, _), a Shape alone ([N, D] with
// the signature's dtype, or a list type as [int]), a record's Fields, or a Text ("same").
type TypeAlt struct {
	Node
	Name     *Name      `parser:"( @@"`
	Shape    *Shape     `parser:"@@? | @@"`
	Fields   *ParamList `parser:"| @@"`
	Text     *String    `parser:"| @@ )"`
	Optional bool       `parser:"@'?'?"`
}

// A Shape is a bracketed list of dims.
type Shape struct {
	Node
	Dims []*Dim `parser:"'[' ( @@ ( ',' @@ )* )? ']'"`
}

// A Dim is an extent, a pack of extents (B...), or a nested Shape; the name _ is to be inferred.
type Dim struct {
	Node
	Nested *Shape `parser:"@@"`
	Size   Sum    `parser:"| @@"`
	Pack   bool   `parser:"@'...'?"`
}

func pathText(path []*Name) string {
	s := ""
	for i, n := range path {
		if i > 0 {
			s += "."
		}
		s += n.Text
	}
	return s
}

// Tokens returns the tokens of all declarations in order, newlines that end statements included.
func (f *File) Tokens() []lexer.Token {
	var all []lexer.Token
	for _, d := range f.Decls {
		all = append(all, d.tokens()...)
	}
	return all
}

func (n *Node) tokens() []lexer.Token { return n.Tokens }

// Reserved reports whether a word can never be a name.
func Reserved(word string) bool { return reserved[word] }
