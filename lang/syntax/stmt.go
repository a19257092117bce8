package syntax

import "dlc/lang/diag"

// A Block is `{ ... }`; its value is the last statement's when that is an *ExprStmt.
type Block struct {
	Node
	Stmts []Stmt `parser:"'{' ( @@ NL )* '}'"`
}

// A Stmt is a statement of a body, read by parseStmt: *ParamStmt, *StateStmt, *For, *While, *FnStmt, *Minimize,
// *Yield, *Result, *Penalty, *Assert, *Report, *Assign or *ExprStmt.
type Stmt interface {
	Span() diag.Span
	stmt()
}

// A worded is a statement that begins with a word of its own: all but *Assign and *ExprStmt.
type worded interface {
	Stmt
}

// A ParamStmt declares a trained weight: `param kernel: [D, units] = kernel_init with decay=0.1`.
type ParamStmt struct {
	Node
	Doc  string
	Name *Name    `parser:"'param' @@"`
	Type *Type    `parser:"( ':' @@ )?"`
	Init Expr     `parser:"( '=' @@ )?"`
	With []*Named `parser:"( 'with' @@ ( ',' @@ )* )?"`
}

// A StateStmt declares a carried value: `state hits: f64[] = 0`.
type StateStmt struct {
	Node
	Doc  string
	Name *Name `parser:"'state' @@"`
	Type *Type `parser:"( ':' @@ )?"`
	Init Expr  `parser:"( '=' @@ )?"`
}

// A For is `for i, x in e { ... }`.
type For struct {
	Node
	Names []*Name `parser:"'for' @@ ( ',' @@ )*"`
	In    Expr    `parser:"'in' @@"`
	Body  *Block  `parser:"@@"`
}

// A While is `while c limit n { ... }`; Limit is nil when not written.
type While struct {
	Node
	Cond  Expr   `parser:"'while' @@"`
	Limit Expr   `parser:"( 'limit' @@ )?"`
	Body  *Block `parser:"@@"`
}

// A FnStmt is a function local to a body.
type FnStmt struct {
	Node
	Doc    string
	Name   *Name      `parser:"'fn' @@"`
	Params *ParamList `parser:"@@"`
	Result *Type      `parser:"( '->' @@ )?"`
	Body   *Block     `parser:"@@"`
}

// A Minimize is `minimize loss over instance with optimizer`; Over and With are nil when not written.
type Minimize struct {
	Node
	Loss Expr `parser:"'minimize' @@"`
	Over Expr `parser:"( 'over' @@ )?"`
	With Expr `parser:"( 'with' @@ )?"`
}

// A Yield is `yield e` of a scan.
type Yield struct {
	Node
	Value Expr `parser:"'yield' @@"`
}

// A Result is `result e` of a metric.
type Result struct {
	Node
	Value Expr `parser:"'result' @@"`
}

// A Penalty is `penalty e`: a term for the loss.
type Penalty struct {
	Node
	Value Expr `parser:"'penalty' @@"`
}

// An Assert is `assert e`.
type Assert struct {
	Node
	Cond Expr `parser:"'assert' @@"`
}

// A Report is `report name = e`.
type Report struct {
	Node
	Value *Named `parser:"'report' @@"`
}

// An Assign is `targets [: type] op value`; Op is "=", "+=" or "<-". A target is a *Name, or an
// *Index or *Member of a target.
type Assign struct {
	Node
	Targets []Expr
	Type    *Type // nil when not written
	Op      string
	OpSpan  diag.Span
	Value   Expr
}

// An ExprStmt is an expression standing alone.
type ExprStmt struct {
	Node
	Value Expr
}

func (*ParamStmt) stmt() {}
func (*StateStmt) stmt() {}
func (*For) stmt()       {}
func (*While) stmt()     {}
func (*FnStmt) stmt()    {}
func (*Minimize) stmt()  {}
func (*Yield) stmt()     {}
func (*Result) stmt()    {}
func (*Penalty) stmt()   {}
func (*Assert) stmt()    {}
func (*Report) stmt()    {}
func (*Assign) stmt()    {}
func (*ExprStmt) stmt()  {}

// A DataBlock is the body of a dataset.
type DataBlock struct {
	Node
	Stmts []DataStmt `parser:"'{' ( @@ NL )* '}'"`
}

// A DataStmt is a statement of a dataset: *Column, *DataIf, *Split, *Bucket or *Join.
type DataStmt interface {
	Span() diag.Span
	dataStmt()
}

// A Column is `a, b : e` (a transformation of each), `a = e` (a definition) or `a in e` (a
// contract); Op is ":", "=" or "in".
type Column struct {
	Node
	Names []*Name // one, or more with ":"
	Op    string
	Value Expr
}

// A columnCover is what a *Column is read as, before its names are checked.
type columnCover struct {
	Node
	Left  []Expr `parser:"@@ ( ',' @@ )*"`
	Op    string `parser:"@( ':' | '=' | 'in' )"`
	Value Expr   `parser:"@@"`
}

// A DataIf is `if c { ... } else { ... }` in a dataset; Else is nil when not written.
type DataIf struct {
	Node
	Cond Expr       `parser:"'if' @@"`
	Then *DataBlock `parser:"@@"`
	Else *DataBlock `parser:"( 'else' @@ )?"`
}

// A Split is `split 80/10/10 by e`; By is nil when not written.
type Split struct {
	Node
	Parts []*Number `parser:"(?= 'split' Number ) 'split' @@ ( '/' @@ )*"`
	By    Expr      `parser:"( 'by' @@ )?"`
}

// A Bucket is `bucket by e in sizes`.
type Bucket struct {
	Node
	By Expr `parser:"(?= 'bucket' 'by' ) 'bucket' 'by' @@"`
	In Expr `parser:"'in' @@"`
}

// A Join is `join a, b over V`.
type Join struct {
	Node
	Names []*Name `parser:"(?= 'join' Name ) 'join' @@ ( ',' @@ )*"`
	Over  *Name   `parser:"'over' @@"`
}

func (*Column) dataStmt()      {}
func (*columnCover) dataStmt() {}
func (*DataIf) dataStmt()      {}
func (*Split) dataStmt()       {}
func (*Bucket) dataStmt()      {}
func (*Join) dataStmt()        {}

// A TrainBlock is the body of a train declaration or of a phase.
type TrainBlock struct {
	Node
	Stmts []TrainStmt `parser:"'{' ( @@ NL )* '}'"`
}

// A TrainStmt is a statement of a train block: *Step, *Phase or *Named (a setting or an instance).
type TrainStmt interface {
	Span() diag.Span
	trainStmt()
}

// A Step is a training step of one's own.
type Step struct {
	Node
	Body *Block `parser:"(?= 'step' '{' ) 'step' @@"`
}

// A Phase overrides settings for a while.
type Phase struct {
	Node
	Name *Name       `parser:"(?= 'phase' Name ) 'phase' @@"`
	Body *TrainBlock `parser:"@@"`
}

// A Named is `name = value`.
type Named struct {
	Node
	Name  *Name `parser:"@@ '='"`
	Value Expr  `parser:"@@"`
}

func (*Step) trainStmt()  {}
func (*Phase) trainStmt() {}
func (*Named) trainStmt() {}
