package syntax

import (
	"fmt"

	"dlc/lang/diag"

	"github.com/alecthomas/participle/v2/lexer"
)

// words begin the statements of worded; param, state and fn only before a name.
var words = set("param state for while fn minimize yield result penalty assert report")

// parseStmt reads a statement: by its first word, else as ExprList [ [":" Type] ("="|"+="|"<-") Expr ],
// where the list covers targets, which are checked once the sign is met.
func parseStmt(lex *lexer.PeekingLexer) (Stmt, error) {
	c := &climber{PeekingLexer: lex}
	if c.startsWorded() {
		s, err := parseWith(grammar().worded, lex)
		if err != nil {
			return nil, err
		}
		return s.Worded, nil
	}
	return c.simple()
}

func (c *climber) startsWorded() bool {
	t := c.Peek()
	if t.Type != nameToken && t.Type != keywordToken || !words[t.Value] {
		return false
	}
	if t.Value != "param" && t.Value != "state" && t.Value != "fn" {
		return t.Type == keywordToken
	}
	mark := c.MakeCheckpoint()
	c.Next()
	named := c.Peek().Type == nameToken
	c.LoadCheckpoint(mark)
	return named
}

// simple reads an assignment or a lone expression.
func (c *climber) simple() (Stmt, error) {
	start := c.RawCursor()
	var left []Expr
	for {
		x, err := c.expr()
		if err != nil {
			return nil, err
		}
		if left = append(left, x); !c.accept(",") {
			break
		}
	}
	list := c.since(start)
	var typ *Type
	if c.accept(":") {
		var err error
		if typ, err = parseWith(grammar().typ, c.PeekingLexer); err != nil {
			return nil, err
		}
	}
	op := c.Peek()
	if !isSign(op, "=") && !isSign(op, "+=") && !isSign(op, "<-") {
		return lone(list, left, typ, op)
	}
	c.Next()
	if err := checkTargets(left, typ, op.Value); err != nil {
		return nil, err
	}
	value, err := c.expr()
	if err != nil {
		return nil, err
	}
	return &Assign{c.since(start), left, typ, op.Value, tokenSpan(*op), value}, nil
}

// lone makes the statement of one expression without a sign behind it.
func lone(list Node, left []Expr, typ *Type, next *lexer.Token) (Stmt, error) {
	if typ != nil {
		return nil, expected("`=`, `+=` or `<-` after the type", next)
	}
	if len(left) == 1 {
		return &ExprStmt{list, left[0]}, nil
	}
	d := &diag.Diagnostic{Code: "E0111", Span: list.Span(), Message: "several expressions stand only before `=` or `<-`",
		Help: []string{"a tuple is written in parentheses"}}
	return nil, &syntaxError{Diagnostic: d}
}

// checkTargets refuses what cannot be assigned to.
func checkTargets(left []Expr, typ *Type, op string) error {
	for _, e := range left {
		if isTarget(e) {
			continue
		}
		d := &diag.Diagnostic{Code: "E0111", Span: e.Span(), Message: fmt.Sprintf("`%s` cannot set this", op),
			Help: []string{"a target is a name, or an index or member of one"}}
		return &syntaxError{Diagnostic: d}
	}
	if typ != nil && len(left) > 1 {
		return &syntaxError{Diagnostic: &diag.Diagnostic{Code: "E0111", Span: typ.Span(), Message: "only a single name takes a type"}}
	}
	return nil
}

func isTarget(e Expr) bool {
	for {
		switch t := e.(type) {
		case *Name:
			return true
		case *Index:
			e = t.X
		case *Member:
			e = t.X
		default:
			return false
		}
	}
}
