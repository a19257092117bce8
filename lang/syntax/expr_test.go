package syntax

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bracketed writes an expression with every grouping shown.
func bracketedText(e Expr) string {
	list := func(es []Expr) string {
		var parts []string
		for _, x := range es {
			parts = append(parts, bracketedText(x))
		}
		return strings.Join(parts, ", ")
	}
	switch e := e.(type) {
	case nil:
		return ""
	case *Name:
		return e.Text
	case *Number:
		return e.Text
	case *Unary:
		return fmt.Sprintf("(%s %s)", e.Op, bracketedText(e.X))
	case *Binary:
		return fmt.Sprintf("(%s %s %s)", bracketedText(e.X), e.Op, bracketedText(e.Y))
	case *Pipe:
		return fmt.Sprintf("(%s |> %s)", bracketedText(e.X), bracketedText(e.Y))
	case *Range:
		return fmt.Sprintf("(%s..%s)", bracketedText(e.Lo), bracketedText(e.Hi))
	case *Member:
		return fmt.Sprintf("%s.%s", bracketedText(e.X), e.Name.Text)
	case *Index:
		return fmt.Sprintf("%s[%s]", bracketedText(e.X), list(e.Items))
	case *Tuple:
		return "tuple(" + list(e.Items) + ")"
	case *Colon:
		return ":"
	case *Ellipsis:
		return "..."
	case *NewAxis:
		return "new"
	case *Call:
		var parts []string
		for _, a := range e.Args.List {
			s := bracketedText(a.Value)
			if a.Name != nil {
				s = a.Name.Text + "=" + s
			}
			parts = append(parts, s)
		}
		return fmt.Sprintf("%s(%s)", bracketedText(e.Func), strings.Join(parts, ", "))
	}
	return fmt.Sprintf("%T", e)
}

func TestPrecedence(t *testing.T) {
	for in, want := range map[string]string{
		"a + b * c - d":            "((a + (b * c)) - d)",
		"-a ** b":                  "(- (a ** b))",
		"a ** -b ** c":             "(a ** (- (b ** c)))",
		"- -a":                     "(- (- a))",
		"a div b % c @ d":          "(((a div b) % c) @ d)",
		"not a < b and c or d":     "(((not (a < b)) and c) or d)",
		"a and not b == c":         "(a and (not (b == c)))",
		"not not a":                "(not (not a))",
		"a or b and c":             "(a or (b and c))",
		"x + 1 |> f |> g(2)":       "(((x + 1) |> f) |> g(2))",
		"0..n + 1":                 "(0..(n + 1))",
		"x[1.., ..-1, .., :, new]": "x[(1..), (..(- 1)), (..), :, new]",
		"x[..., at..at + T]":       "x[..., (at..(at + T))]",
		"(a, b)":                   "tuple(a, b)",
		"(a,)":                     "tuple(a)",
		"()":                       "tuple()",
		"((a + b)) * c":            "((a + b) * c)",
		"(a < b) == (c < d)":       "((a < b) == (c < d))",
		"f(x)(y)[0].g":             "f(x)(y)[0].g",
		"sum(x, over=T)":           "sum(x, over=T)",
		"x -1":                     "(x - 1)",
		"f(a=b == c)":              "f(a=(b == c))",
		"1e-3 + 20_000.5E+2":       "(1e-3 + 20_000.5E+2)",
		"[x for i in 0..3]":        "*syntax.Comprehension",
		"fn(x) { x }":              "*syntax.Lambda",
		"a\n |> b":                 "(a |> b)",
		"a +\n b":                  "(a + b)",
	} {
		f, list := Parse("a.dlc", []byte("fn f() {\n  "+in+"\n}\n"))
		if len(list) > 0 {
			t.Errorf("%s: %v", in, list)
			continue
		}
		body := f.Decls[0].(*Definition).Body.Stmts
		if got := bracketedText(body[0].(*ExprStmt).Value); got != want || len(body) != 1 {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// TestSpansHoldTheText: a node's span is its text, parts lie within wholes, and no cover is left.
func TestSpansHoldTheText(t *testing.T) {
	src := []byte("fn f(x: int) {\n  y = (x + 1) * g(x,\n    2)[0]\n  y[0] += -1\n}\n")
	f := mustParse(t, "a.dlc", src)
	var got []string
	Walk(f.Decls[0], func(n any) bool {
		s := n.(spanned).Span()
		switch n.(type) {
		case *Assign, *Binary, *Index, *Unary:
			got = append(got, string(src[s.Start:s.End]))
		}
		return true
	})
	want := []string{"y = (x + 1) * g(x,\n    2)[0]", "(x + 1) * g(x,\n    2)[0]", "x + 1", "g(x,\n    2)[0]", "y[0] += -1", "y[0]", "-1"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q", got)
	}
	a := f.Decls[0].(*Definition).Body.Stmts[1].(*Assign)
	if a.OpSpan.Line != 4 || a.OpSpan.Col != 8 {
		t.Errorf("the sign stands at %v", a.OpSpan)
	}
}

func TestDocs(t *testing.T) {
	f := mustParse(t, "a.dlc", []byte("/// far\n\n/// One.\n/// Two.\nlayer A(a: int, // no doc\n  /// about b\n  b: int)(x: f32[N]) {\n  // plain\n  param c: [N]\n  /// of d\n  state d = 0\n  x\n}\n"))
	d := f.Decls[0].(*Definition)
	if d.Doc != "One.\nTwo." || d.Config().Params[1].Doc != "about b" || d.Config().Params[0].Doc != "" {
		t.Errorf("docs: %q %q %q", d.Doc, d.Config().Params[0].Doc, d.Config().Params[1].Doc)
	}
	if d.Body.Stmts[0].(*ParamStmt).Doc != "" || d.Body.Stmts[1].(*StateStmt).Doc != "of d" {
		t.Error("docs of statements")
	}
	if len(f.Comments) != 7 || !f.Comments[0].Own || f.Comments[3].Own {
		t.Errorf("comments: %+v", f.Comments)
	}
}

func TestPrintGolden(t *testing.T) {
	src, err := os.ReadFile(filepath.Join("testdata", "mlp.dlc"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := Print(&b, mustParse(t, "mlp.dlc", src)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "mlp.ast")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != b.String() {
		t.Errorf("the tree changed (%v); got:\n%s", err, b.String())
	}
}
