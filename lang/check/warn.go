package check

import (
	"bytes"
	"fmt"

	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// warn tells what compiles and is probably not what was meant. The library is not told of itself.
func (c *checker) warn(code string, at diag.Span, format string, args ...any) *diag.Diagnostic {
	d := New(code, at, format, args...)
	d.Severity = diag.Warning
	if c.def == nil || !c.def.Lib {
		c.prog.Diags = append(c.prog.Diags, d)
	}
	return d
}

// A declared name is an input, a configuration name or a dim of the definition being resolved.
type declared struct {
	kind string
	at   diag.Span
	read bool // an input that an expression has used
}

// signature lists the names that a definition declares.
func signature(d *Def) map[string]*declared {
	names := map[string]*declared{}
	for _, p := range d.Inputs {
		for _, a := range p.Alts {
			a.Dims(func(n string, _ bool) { names[n] = &declared{kind: "dim", at: p.Node.Span()} })
		}
	}
	for _, p := range d.Config {
		names[p.Name] = &declared{kind: "configuration name", at: p.Node.Span()}
	}
	for _, p := range d.Inputs {
		names[p.Name] = &declared{kind: "input", at: p.Node.Span()}
	}
	return names
}

// fresh binds names of their own, such as a loop's, which hide what the signature calls so.
func (c *checker) fresh(names ...*syntax.Name) {
	for _, n := range names {
		if d := c.signature[n.Text]; d != nil {
			c.hides(n, d)
		}
		c.bind(n.Text)
	}
}

// rebinds is `name = value`. That an input becomes something else is the way of a body; one that
// nobody has read is lost.
func (c *checker) rebinds(n *syntax.Name) {
	if d := c.signature[n.Text]; d != nil && (d.kind != "input" || !d.read) {
		c.hides(n, d)
	}
	c.bind(n.Text)
}

func (c *checker) hides(n *syntax.Name, d *declared) {
	x := c.warn(Shadowed, n.Span(), "`%s` is shadowed: from here on the name means another value", n.Text)
	x.Related = []diag.Label{{Span: d.at, Text: fmt.Sprintf("the %s `%s` is declared here", d.kind, n.Text)}}
	x.Help = []string{"give one of the two another name"}
	delete(c.signature, n.Text) // told once
}

// hasEdition warns of a file that does not say which edition it is written in.
func (c *checker) hasEdition(f *syntax.File) {
	for line := range bytes.Lines(f.Source) {
		if bytes.HasPrefix(line, []byte("edition")) {
			return // told, where it is wrong
		}
	}
	if len(f.Decls) == 0 {
		return
	}
	start := diag.Span{File: f.Decls[0].Span().File, Line: 1, Col: 1}
	x := c.warn(NoEdition, start, "the file does not say which edition of the language it is written in")
	x.Help = []string{fmt.Sprintf("begin it with `edition %d`: later compilers then read it as this one does", Editions()[0])}
	x.Fix = &diag.Fix{Span: start, Text: fmt.Sprintf("edition %d\n\n", Editions()[0])}
}
