package syntax

import (
	"fmt"
	"strings"

	"dlc/lang/diag"

	"github.com/alecthomas/participle/v2/lexer"
)

// A resolver finishes a declaration that was read: covers become columns, and doc comments go to
// what they stand before.
type resolver struct {
	file *File
	err  *diag.Diagnostic
}

func (r *resolver) decl(d Decl) {
	Walk(d, func(n any) bool {
		switch n := n.(type) {
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
