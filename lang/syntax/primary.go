package syntax

import (
	"github.com/alecthomas/participle/v2/lexer"
)

// primary reads what no operator stands in: literals, names, brackets, if, scan, fn.
func (c *climber) primary() (Expr, error) {
	start, t := c.RawCursor(), c.Peek()
	switch t.Type {
	case nameToken:
		c.Next()
		return &Name{c.since(start), t.Value}, nil
	case numberToken:
		c.Next()
		return &Number{c.since(start), t.Value}, nil
	case stringToken:
		c.Next()
		return &String{c.since(start), t.Value}, nil
	case opToken, keywordToken:
		switch t.Value {
		case "(":
			return c.bracketed()
		case "[":
			return c.list()
		case "true", "false":
			c.Next()
			return &Bool{c.since(start), t.Value == "true"}, nil
		case "none":
			c.Next()
			return &None{c.since(start)}, nil
		case "if":
			return c.conditional()
		case "scan":
			return c.scan()
		case "fn":
			return c.lambda()
		}
	}
	return nil, expected("an expression", t)
}

// bracketed reads a grouping, a tuple or a record.
func (c *climber) bracketed() (Expr, error) {
	start := c.RawCursor()
	list, comma, err := c.arguments()
	if err != nil {
		return nil, err
	}
	if len(list) == 1 && list[0].Name == nil && !comma {
		return list[0].Value, nil
	}
	if len(list) == 0 || list[0].Name == nil {
		tuple := &Tuple{Node: c.since(start)}
		for _, a := range list {
			if a.Name != nil {
				d := mistake("E0116", &a.Tokens[0], "a tuple's items have no names")
				d.Help = []string{"name all of them, as in (k = a, v = b), or none"}
				return nil, &syntaxError{Diagnostic: d}
			}
			tuple.Items = append(tuple.Items, a.Value)
		}
		return tuple, nil
	}
	record := &Record{Node: c.since(start)}
	for _, a := range list {
		record.Fields = append(record.Fields, &Named{a.Node, a.Name, a.Value})
	}
	return record, nil
}

// list reads "[" [ Item { "," Item } [ "," ] | Item "for" Names "in" Expr ] "]".
func (c *climber) list() (Expr, error) {
	start := c.RawCursor()
	c.Next()
	l := &List{}
	for !c.is("]") {
		item, err := c.item()
		if err != nil {
			return nil, err
		}
		if len(l.Items) == 0 && c.is("for") {
			return c.comprehension(start, item)
		}
		l.Items = append(l.Items, item)
		if !c.accept(",") && !c.is("]") {
			return nil, expected("`,` or `]`", c.Peek())
		}
	}
	c.Next()
	l.Node = c.since(start)
	return l, nil
}

func (c *climber) comprehension(start lexer.RawCursor, item *Item) (Expr, error) {
	c.Next()
	names, err := c.names()
	if err != nil {
		return nil, err
	}
	if err := c.expect("in", " after the names of `for`"); err != nil {
		return nil, err
	}
	in, err := c.expr()
	if err != nil {
		return nil, err
	}
	if err := c.expect("]", ""); err != nil {
		return nil, err
	}
	return &Comprehension{c.since(start), item, names, in}, nil
}

// item reads Expr [ "..." ] [ "over" Expr ].
func (c *climber) item() (*Item, error) {
	start := c.RawCursor()
	x, err := c.expr()
	if err != nil {
		return nil, err
	}
	item := &Item{Value: x, Spread: c.accept("...")}
	if c.accept("over") {
		if item.Over, err = c.expr(); err != nil {
			return nil, err
		}
	}
	item.Node = c.since(start)
	return item, nil
}

// conditional reads "if" Expr Block [ "else" ( If | Block ) ].
func (c *climber) conditional() (Expr, error) {
	start, t := c.RawCursor(), c.Next()
	if err := c.descend(t); err != nil {
		return nil, err
	}
	defer c.ascend()
	cond, err := c.expr()
	if err != nil {
		return nil, err
	}
	then, err := c.block("the condition of `if`")
	if err != nil {
		return nil, err
	}
	x := &If{Cond: cond, Then: then}
	if c.accept("else") {
		if x.Else, err = c.otherwise(); err != nil {
			return nil, err
		}
	}
	x.Node = c.since(start)
	return x, nil
}

func (c *climber) otherwise() (*Block, error) {
	if !c.is("if") {
		return c.block("`else`")
	}
	start := c.RawCursor()
	inner, err := c.conditional()
	if err != nil {
		return nil, err
	}
	node := c.since(start)
	return &Block{node, []Stmt{&ExprStmt{node, inner}}}, nil
}

// scan reads "scan" Names "in" Expr { "," Expr } "over" NAME [ "backward" ] [ "with" Named { "," Named } ] Block.
func (c *climber) scan() (Expr, error) {
	start := c.RawCursor()
	c.Next()
	x := &Scan{}
	var err error
	if x.Names, err = c.names(); err != nil {
		return nil, err
	}
	if err = c.expect("in", " after the names of `scan`"); err != nil {
		return nil, err
	}
	for {
		in, err := c.expr()
		if err != nil {
			return nil, err
		}
		if x.In = append(x.In, in); !c.accept(",") {
			break
		}
	}
	if err = c.expect("over", " and the axis of the scan"); err != nil {
		return nil, err
	}
	if x.Over, err = c.name("the axis to scan over"); err != nil {
		return nil, err
	}
	if t := c.Peek(); t.Type == nameToken && t.Value == "backward" {
		c.Next()
		x.Backward = true
	}
	if c.accept("with") {
		if x.With, err = c.carries(); err != nil {
			return nil, err
		}
	}
	if x.Body, err = c.block("the head of `scan`"); err != nil {
		return nil, err
	}
	x.Node = c.since(start)
	return x, nil
}

// carries reads Named { "," Named }.
func (c *climber) carries() (list []*Named, err error) {
	for {
		start := c.RawCursor()
		n := &Named{}
		if n.Name, err = c.name("a carry's name"); err != nil {
			return nil, err
		}
		if err = c.expect("=", " and the carry's first value"); err != nil {
			return nil, err
		}
		if n.Value, err = c.expr(); err != nil {
			return nil, err
		}
		n.Node = c.since(start)
		if list = append(list, n); !c.accept(",") {
			return list, nil
		}
	}
}

// lambda reads "fn" Params Block.
func (c *climber) lambda() (Expr, error) {
	start := c.RawCursor()
	c.Next()
	if !c.is("(") {
		return nil, expected("`(` and the parameters of `fn`", c.Peek())
	}
	params, err := parseWith(grammar().params, c.PeekingLexer)
	if err != nil {
		return nil, err
	}
	body, err := c.block("the parameters of `fn`")
	if err != nil {
		return nil, err
	}
	return &Lambda{c.since(start), params, body}, nil
}

// block hands a body back to the grammar of statements.
func (c *climber) block(after string) (*Block, error) {
	if !c.is("{") {
		return nil, expected("`{` after "+after, c.Peek())
	}
	return parseWith(grammar().block, c.PeekingLexer)
}
