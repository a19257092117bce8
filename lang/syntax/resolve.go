package syntax

import (
	"fmt"
	"strings"

	"dlc/lang/diag"

	"github.com/alecthomas/participle/v2/lexer"
)

// A resolver finishes a declaration that was read: covers become assignments, expressions and
// columns, and doc comments go to what they stand before.
type resolver struct {
	file *File
	err  *diag.Diagnostic
}

func (r *resolver) decl(d Decl) {
	Walk(d, func(n any) bool {
		switch n := n.(type) {
		case *Block:
			for i, s := range n.Stmts {
				if c, ok := s.(*cover); ok {
					n.Stmts[i] = r.statement(c)
				}
			}
		case *DataBlock:
			for i, s := range n.Stmts {
				if c, ok := s.(*columnCover); ok {
					n.Stmts[i] = r.column(c)
				}
			}
		case *Definition:
			n.Doc = r.doc(&n.Node)
		case *Dataset:
			n.Doc = r.doc(&n.Node)
		case *Train:
			n.Doc = r.doc(&n.Node)
		case *Require:
			n.Doc = r.doc(&n.Node)
		case *Test:
			n.Doc = r.doc(&n.Node)
		case *Param:
			n.Doc = r.doc(&n.Node)
		case *ParamStmt:
			n.Doc = r.doc(&n.Node)
		case *StateStmt:
			n.Doc = r.doc(&n.Node)
		case *FnStmt:
			n.Doc = r.doc(&n.Node)
		}
		return true
	})
}

func (r *resolver) fail(d *diag.Diagnostic) {
	if r.err == nil {
		r.err = d
	}
}

// statement splits a cover into what it is.
func (r *resolver) statement(c *cover) Stmt {
	if c.Op == "" {
		if len(c.Left) > 1 {
			d := mistake("E0111", &c.Tokens[len(c.Tokens)-1], "several expressions stand only before `=` or `<-`")
			d.Span = c.Span()
			d.Help = []string{"a tuple is written in parentheses"}
			r.fail(d)
		}
		return &ExprStmt{c.Node, c.Left[0]}
	}
	for _, t := range c.Left {
		r.target(t, c.Op)
	}
	if c.Type != nil && len(c.Left) > 1 {
		d := mistake("E0111", &c.Type.Tokens[0], "only a single name takes a type")
		d.Span = c.Type.Span()
		r.fail(d)
	}
	a := &Assign{Node: c.Node, Targets: c.Left, Type: c.Type, Op: c.Op, Value: c.Value}
	// The sign stands directly before the value's first token, or before brackets around it.
	first := c.Value.Span().Start
	for _, t := range c.Tokens {
		if t.Pos.Offset >= first {
			break
		}
		if t.Type == opToken && t.Value == c.Op && t.Pos.Offset >= c.Left[len(c.Left)-1].Span().End {
			a.OpSpan = tokenSpan(t)
			break
		}
	}
	return a
}

// target refuses what cannot be assigned to.
func (r *resolver) target(e Expr, op string) {
	at := e
	for {
		switch t := e.(type) {
		case *Name:
			return
		case *Index:
			e = t.X
			continue
		case *Member:
			e = t.X
			continue
		}
		break
	}
	d := &diag.Diagnostic{Code: "E0111", Span: at.Span(), Message: fmt.Sprintf("`%s` cannot set this", op),
		Help: []string{"a target is a name, or an index or member of one"}}
	if b, ok := at.(*Binary); ok && op == "=" && levels[b.Op] == compareLevel {
		d.Help = []string{"a comparison is written `==`"}
	}
	r.fail(d)
}

// column checks the names of a dataset's statement.
func (r *resolver) column(c *columnCover) DataStmt {
	col := &Column{Node: c.Node, Op: c.Op, Value: c.Value}
	for _, e := range c.Left {
		if n, ok := e.(*Name); ok {
			col.Names = append(col.Names, n)
			continue
		}
		r.fail(&diag.Diagnostic{Code: "E0111", Span: e.Span(), Message: fmt.Sprintf("a column's name stands before `%s`", c.Op)})
	}
	if len(c.Left) > 1 && c.Op != ":" {
		r.fail(&diag.Diagnostic{Code: "E0111", Span: c.Span(), Message: fmt.Sprintf("one name stands before `%s`", c.Op),
			Help: []string{"several names stand only before `:`"}})
	}
	return col
}

// doc returns the text of the `///` lines that end directly before a node.
func (r *resolver) doc(n *Node) string {
	if len(n.Tokens) == 0 {
		return ""
	}
	line := n.Tokens[0].Pos.Line
	cs := r.file.Comments
	lo, hi := 0, len(cs)
	for lo < hi { // first comment on this line or behind it
		if mid := (lo + hi) / 2; cs[mid].Span.Line < line {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	end := lo
	for lo > 0 && cs[lo-1].Own && strings.HasPrefix(cs[lo-1].Text, "///") && cs[lo-1].Span.Line == line-(end-lo)-1 {
		lo--
	}
	var text []string
	for _, c := range cs[lo:end] {
		text = append(text, strings.TrimPrefix(strings.TrimPrefix(c.Text, "///"), " "))
	}
	if len(text) > 0 && !r.leads(n.Tokens[0]) {
		return ""
	}
	return strings.Join(text, "\n")
}

// leads reports whether a token is the first of its line.
func (r *resolver) leads(t lexer.Token) bool {
	return strings.TrimSpace(string(r.file.Source[t.Pos.Offset-t.Pos.Column+1:t.Pos.Offset])) == ""
}
