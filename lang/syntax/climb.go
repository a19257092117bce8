package syntax

import (
	"fmt"

	"dlc/lang/diag"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// A climber reads one expression by precedence climbing: each level is a loop, so that recursion
// follows brackets and the right-associative `**` only, both bounded by maxDepth.
type climber struct {
	*lexer.PeekingLexer
	powers int // `**` and `else if` entered
}

func parseExpr(lex *lexer.PeekingLexer) (Expr, error) { return (&climber{PeekingLexer: lex}).expr() }

func parseSum(lex *lexer.PeekingLexer) (Sum, error) {
	return (&climber{PeekingLexer: lex}).binary(sumLevel)
}

// The levels of operators between two operands, loosest first; notLevel is the prefix `not`.
const (
	orLevel = 1 + iota
	andLevel
	notLevel
	compareLevel
	sumLevel
	productLevel
)

var levels = map[string]int{"or": orLevel, "and": andLevel,
	"==": compareLevel, "!=": compareLevel, "<": compareLevel, "<=": compareLevel, ">": compareLevel, ">=": compareLevel,
	"+": sumLevel, "-": sumLevel, "*": productLevel, "/": productLevel, "%": productLevel, "@": productLevel, "div": productLevel}

// levelOf returns the binary level of a token, 0 when it is no binary operator.
func levelOf(t *lexer.Token) int {
	if t.Type == opToken || t.Type == keywordToken {
		return levels[t.Value]
	}
	return 0
}

// is reports whether the next token is that sign or reserved word.
func (c *climber) is(text string) bool { return isSign(c.Peek(), text) }

func isSign(t *lexer.Token, text string) bool {
	return t.Value == text && (t.Type == opToken || t.Type == keywordToken)
}

func (c *climber) accept(text string) bool {
	if c.is(text) {
		c.Next()
		return true
	}
	return false
}

// expect takes that sign or fails naming what it was wanted for.
func (c *climber) expect(text, purpose string) error {
	if c.accept(text) {
		return nil
	}
	return expected(fmt.Sprintf("`%s`%s", text, purpose), c.Peek())
}

// since makes the node of what was read after a cursor.
func (c *climber) since(start lexer.RawCursor) Node { return Node{c.Range(start, c.RawCursor())} }

func (c *climber) name(what string) (*Name, error) {
	start, t := c.RawCursor(), c.Peek()
	if t.Type != nameToken {
		return nil, expected(what, t)
	}
	c.Next()
	return &Name{c.since(start), t.Value}, nil
}

func (c *climber) names() (names []*Name, err error) {
	for {
		n, err := c.name("a name")
		if err != nil {
			return nil, err
		}
		if names = append(names, n); !c.accept(",") {
			return names, nil
		}
	}
}

func (c *climber) expr() (Expr, error) { return c.piped(false) }

// piped reads Range { "|>" Postfix }; open says that a side of the range may be missing.
func (c *climber) piped(open bool) (Expr, error) {
	start := c.RawCursor()
	x, err := c.ranged(open)
	for n := 0; err == nil && c.is("|>"); n++ {
		op := c.Next()
		if n == maxChain {
			return nil, tooLong(op)
		}
		var y Expr
		if y, err = c.postfix(); err != nil {
			break
		}
		x = &Pipe{c.since(start), tokenSpan(*op), x, y}
		if t := c.Peek(); levelOf(t) > 0 || isSign(t, "**") || isSign(t, "..") {
			return nil, afterPipe(t, x.Span())
		}
	}
	return x, err
}

// ranged reads Or [ ".." [ Or ] ] | ".." [ Or ].
func (c *climber) ranged(open bool) (Expr, error) {
	start := c.RawCursor()
	var lo, hi Expr
	var err error
	if !c.is("..") {
		if lo, err = c.binary(orLevel); err != nil || !c.is("..") {
			return lo, err
		}
	}
	dots := c.Next()
	if c.startsExpr() {
		if hi, err = c.binary(orLevel); err != nil {
			return nil, err
		}
	}
	if !open && (lo == nil || hi == nil) {
		d := mistake("E0114", dots, "a range needs both ends here")
		d.Help = []string{"only inside index brackets may a side be left out, as in x[1..]"}
		if lo != nil && c.is("=") {
			d.Help = []string{"a range leaves its end out: 0..10 is 0 to 9"}
		}
		return nil, &syntaxError{Diagnostic: d}
	}
	if c.is("..") {
		return nil, &syntaxError{Diagnostic: mistake("E0109", c.Peek(), "ranges do not chain")}
	}
	return &Range{c.since(start), lo, hi}, nil
}

// startsExpr reports whether the next token can begin an expression.
func (c *climber) startsExpr() bool {
	switch t := c.Peek(); t.Type {
	case nameToken, numberToken, stringToken:
		return true
	case opToken:
		return t.Value == "(" || t.Value == "[" || t.Value == "-"
	case keywordToken:
		switch t.Value {
		case "true", "false", "none", "not", "if", "scan", "fn":
			return true
		}
	}
	return false
}

// binary reads the operators of a level and tighter ones.
func (c *climber) binary(level int) (Expr, error) {
	start := c.RawCursor()
	x, err := c.operand(level)
	for n := 0; err == nil; n++ {
		op := c.Peek()
		l := levelOf(op)
		if l < level {
			return x, nil
		}
		c.Next()
		if n == maxChain {
			return nil, tooLong(op)
		}
		var y Expr
		if l == productLevel {
			y, err = c.unary()
		} else {
			y, err = c.binary(l + 1)
		}
		if err != nil {
			break
		}
		x = &Binary{c.since(start), op.Value, tokenSpan(*op), x, y}
		if l == compareLevel && levelOf(c.Peek()) == compareLevel {
			return nil, chained(op, c.Peek(), y)
		}
	}
	return nil, err
}

// operand reads the first operand of a level: `not` may stand before a comparison.
func (c *climber) operand(level int) (Expr, error) {
	if level > notLevel {
		return c.unary()
	}
	return c.prefixed("not", func() (Expr, error) { return c.binary(compareLevel) })
}

// unary reads { "-" } Power.
func (c *climber) unary() (Expr, error) { return c.prefixed("-", c.power) }

// prefixed reads any number of one prefix operator and what they apply to.
func (c *climber) prefixed(op string, operand func() (Expr, error)) (Expr, error) {
	var starts []lexer.RawCursor
	for c.is(op) {
		if starts = append(starts, c.RawCursor()); len(starts) > maxDepth {
			return nil, tooLong(c.Peek())
		}
		c.Next()
	}
	x, err := operand()
	if err != nil {
		return nil, err
	}
	for i := len(starts) - 1; i >= 0; i-- {
		x = &Unary{c.since(starts[i]), op, x}
	}
	return x, nil
}

// power reads Postfix [ "**" Unary ].
func (c *climber) power() (Expr, error) {
	start := c.RawCursor()
	x, err := c.postfix()
	if err != nil || !c.is("**") {
		return x, err
	}
	op := c.Next()
	if err := c.descend(op); err != nil {
		return nil, err
	}
	defer c.ascend()
	y, err := c.unary()
	if err != nil {
		return nil, err
	}
	return &Binary{c.since(start), "**", tokenSpan(*op), x, y}, nil
}

// descend counts a step of recursion that no bracket bounds.
func (c *climber) descend(t *lexer.Token) error {
	if c.powers++; c.powers > maxDepth {
		return tooLong(t)
	}
	return nil
}

func (c *climber) ascend() { c.powers-- }

// postfix reads Primary { Args | Index | "." NAME }.
func (c *climber) postfix() (Expr, error) {
	start := c.RawCursor()
	x, err := c.primary()
	for n := 0; err == nil; n++ {
		t := c.Peek()
		if n == maxChain {
			return nil, tooLong(t)
		}
		switch {
		case isSign(t, "("):
			var args *Args
			if args, err = c.args(); err == nil {
				x = &Call{c.since(start), x, args}
			}
		case isSign(t, "["):
			var items []Expr
			if items, err = c.index(); err == nil {
				x = &Index{c.since(start), x, items}
			}
		case isSign(t, "."):
			c.Next()
			var name *Name
			if name, err = c.name("a name after `.`"); err == nil {
				x = &Member{c.since(start), x, name}
			}
		default:
			return x, nil
		}
	}
	return nil, err
}

// Parse reads bracketed arguments: participle calls it where a rule names Args.
func (a *Args) Parse(lex *lexer.PeekingLexer) error {
	c := &climber{PeekingLexer: lex}
	if !c.is("(") {
		return participle.NextMatch
	}
	read, err := c.args()
	if err == nil {
		*a = *read
	}
	return err
}

func (c *climber) args() (*Args, error) {
	start := c.RawCursor()
	list, _, err := c.arguments()
	if err != nil {
		return nil, err
	}
	return &Args{c.since(start), list}, nil
}

// arguments reads "(" [ Arg { "," Arg } [ "," ] ] ")" and whether it ended with a comma.
func (c *climber) arguments() (list []*Arg, comma bool, err error) {
	c.Next()
	for !c.is(")") {
		a, err := c.arg()
		if err != nil {
			return nil, false, err
		}
		if n := len(list); n > 0 && list[n-1].Name != nil && a.Name == nil {
			d := mistake("E0112", &a.Tokens[0], "a positional argument stands after a named one")
			d.Span = a.Span()
			d.Related = []diag.Label{{Span: list[n-1].Span(), Text: "named"}}
			return nil, false, &syntaxError{Diagnostic: d}
		}
		list = append(list, a)
		if comma = c.accept(","); !comma && !c.is(")") {
			return nil, false, expected("`,` or `)`", c.Peek())
		}
	}
	c.Next()
	return list, comma, nil
}

// arg reads [ NAME "=" ] Expr; `over` is a name here.
func (c *climber) arg() (*Arg, error) {
	start, t := c.RawCursor(), c.Peek()
	a := &Arg{}
	if t.Type == nameToken || t.Type == keywordToken {
		mark := c.MakeCheckpoint()
		c.Next()
		switch {
		case !c.is("="):
			c.LoadCheckpoint(mark)
		case t.Type == keywordToken && t.Value != "over":
			return nil, expected("an argument's name", t)
		default:
			a.Name = &Name{c.since(start), t.Value}
			c.Next()
		}
	}
	var err error
	if a.Value, err = c.expr(); err != nil {
		return nil, err
	}
	a.Node = c.since(start)
	return a, nil
}

// index reads "[" Ix { "," Ix } "]".
func (c *climber) index() (items []Expr, err error) {
	c.Next()
	for {
		ix, err := c.indexItem()
		if err != nil {
			return nil, err
		}
		items = append(items, ix)
		switch {
		case c.accept("]"):
			return items, nil
		case !c.accept(","):
			return nil, expected("`,` or `]`", c.Peek())
		}
	}
}

func (c *climber) indexItem() (Expr, error) {
	start := c.RawCursor()
	switch {
	case c.accept(":"):
		return &Colon{c.since(start)}, nil
	case c.accept("..."):
		return &Ellipsis{c.since(start)}, nil
	case c.accept("new"):
		return &NewAxis{c.since(start)}, nil
	}
	return c.piped(true)
}
