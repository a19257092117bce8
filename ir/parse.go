package ir

import (
	"fmt"
	"strconv"
	"strings"

	"dlc/ir/tensor"
	"dlc/lang/diag"
)

// Parse reads the text that Print writes; lines that begin with // are comments. The result types
// written are checked against Infer.
func Parse(text string) (m *Module, err error) {
	p := &parser{ops: map[string]Op{}}
	for _, o := range Ops() {
		p.ops[o.Name()] = o
	}
	for i, line := range strings.Split(text, "\n") {
		p.scanner = scanner{src: line}
		if err := p.line(); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	switch {
	case p.module == nil:
		return nil, fmt.Errorf("no module")
	case p.fn != nil:
		return nil, fmt.Errorf("func %s has no end", p.fn.Name)
	}
	return p.module, nil
}

type parser struct {
	scanner
	ops    map[string]Op
	module *Module
	fn     *Func // open
	values map[int]*Value
	open   []*openNode // whose regions follow, the innermost last
}

func (p *parser) line() error {
	if p.skip(); p.at == len(p.src) || strings.HasPrefix(p.src[p.at:], "//") {
		return nil
	}
	if p.expected() != "" {
		return p.region()
	}
	if p.fn != nil && p.peek() == '%' {
		return p.definition()
	}
	word, err := p.word()
	switch {
	case err != nil:
		return err
	case p.module == nil:
		if word != "module" {
			return fmt.Errorf("a module must come first, not %q", word)
		}
		p.module = &Module{}
		p.module.Name, err = p.name()
	case p.fn == nil && (word == "weight" || word == "state"):
		err = p.weight(word == "state")
	case p.fn == nil && word == "func":
		p.fn, p.values = &Func{}, map[int]*Value{}
		p.fn.Name, err = p.name()
	case p.fn != nil && (word == "result" || word == "update"):
		err = p.result(word == "update")
	case p.fn != nil && word == "end" && len(p.open) > 0:
		err = p.close()
	case p.fn != nil && word == "end":
		p.module.Funcs = append(p.module.Funcs, p.fn)
		p.fn = nil
	default:
		return fmt.Errorf("unexpected %q", word)
	}
	if err != nil {
		return err
	}
	return p.end()
}

func (p *parser) weight(state bool) (err error) {
	w := &Weight{State: state}
	if w.Path, err = p.name(); err != nil {
		return err
	}
	if err = p.expect(":"); err != nil {
		return err
	}
	if w.Type, err = p.typ(); err != nil {
		return err
	}
	spans, err := p.spans()
	if len(spans) > 0 {
		w.Span = spans[0]
	}
	p.module.Weights = append(p.module.Weights, w)
	return err
}

func (p *parser) result(update bool) (err error) {
	r := Result{Update: update}
	if r.Name, err = p.name(); err != nil {
		return err
	}
	if err = p.expect("="); err != nil {
		return err
	}
	r.Value, err = p.use()
	p.fn.Results = append(p.fn.Results, r)
	return err
}

// definition reads a parameter or a node.
func (p *parser) definition() error {
	var ids []int
	for {
		id, err := p.id()
		if err != nil {
			return err
		}
		ids = append(ids, id)
		if !p.accept(",") {
			break
		}
	}
	if err := p.expect("="); err != nil {
		return err
	}
	word, err := p.word()
	if err != nil {
		return err
	}
	if (word == "input" || word == "weight") && len(ids) == 1 {
		return p.param(word == "weight", ids[0])
	}
	o, ok := p.ops[word]
	if !ok {
		return fmt.Errorf("no op %q", word)
	}
	n := &Node{}
	if n.Op, err = p.attributes(o); err != nil {
		return fmt.Errorf("%s: %w", word, err)
	}
	for p.peek() == '%' {
		v, err := p.use()
		if err != nil {
			return err
		}
		n.In = append(n.In, v)
		if !p.accept(",") {
			break
		}
	}
	return p.node(n, ids)
}

func (p *parser) param(stored bool, id int) error {
	name, err := p.name()
	if err != nil {
		return err
	}
	if err := p.expect(":"); err != nil {
		return err
	}
	t, err := p.typ()
	if err != nil {
		return err
	}
	v := &Value{ID: id, Type: t, Param: &Param{Input, name}}
	if stored {
		v.Param.Kind = Stored
	}
	p.fn.Params = append(p.fn.Params, v)
	if err := p.define(v); err != nil {
		return err
	}
	return p.end()
}

// node reads the result types and spans of n. A node with regions is added when these are read.
func (p *parser) node(n *Node, ids []int) (err error) {
	if err := p.expect(":"); err != nil {
		return err
	}
	for more := len(ids) > 0; more; more = p.accept(",") {
		t, err := p.typ()
		if err != nil {
			return err
		}
		v := &Value{Type: t, Node: n, Index: len(n.Out)}
		if v.Index < len(ids) {
			v.ID = ids[v.Index]
		}
		n.Out = append(n.Out, v)
	}
	if len(n.Out) != len(ids) {
		return fmt.Errorf("%s has %d results, not %d", n.Op.Name(), len(n.Out), len(ids))
	}
	if n.Spans, err = p.spans(); err != nil {
		return err
	}
	if err := p.end(); err != nil {
		return err
	}
	if len(regions(n.Op)) > 0 {
		return p.opened(n)
	}
	return p.add(n)
}

// add checks the result types of n and appends it.
func (p *parser) add(n *Node) error {
	in := make([]tensor.Type, len(n.In))
	for i, v := range n.In {
		in[i] = v.Type
	}
	types, err := n.Op.Infer(in)
	if err != nil {
		return fmt.Errorf("%s: %w", n.Op.Name(), err)
	}
	if len(types) != len(n.Out) {
		return fmt.Errorf("%s has %d results, not %d", n.Op.Name(), len(types), len(n.Out))
	}
	for i, v := range n.Out {
		if !v.Type.Equal(types[i]) {
			return fmt.Errorf("%s gives %s, not %s", n.Op.Name(), types[i], v.Type)
		}
		if err := p.define(v); err != nil {
			return err
		}
	}
	p.fn.Nodes = append(p.fn.Nodes, n)
	return nil
}

func (p *parser) define(v *Value) error {
	if p.values[v.ID] != nil {
		return fmt.Errorf("%s is defined twice", v)
	}
	p.values[v.ID] = v
	return nil
}

func (p *parser) id() (int, error) {
	if err := p.expect("%"); err != nil {
		return 0, err
	}
	word, err := p.word()
	if err != nil {
		return 0, err
	}
	id, err := strconv.Atoi(word)
	if err != nil {
		return 0, fmt.Errorf("%%%s is no value", word)
	}
	return id, nil
}

func (p *parser) use() (*Value, error) {
	id, err := p.id()
	if err != nil {
		return nil, err
	}
	if v := p.values[id]; v != nil {
		return v, nil
	}
	return nil, fmt.Errorf("%%%d is not defined above", id)
}

// spans reads the comment that ends a line.
func (p *parser) spans() (list []diag.Span, err error) {
	if !p.accept("//") {
		return nil, nil
	}
	for {
		p.skip()
		s := diag.Span{}
		if p.peek() == '"' {
			if s.File, err = p.quoted(); err != nil {
				return nil, err
			}
		} else {
			rest := p.src[p.at:]
			if cut := strings.IndexByte(rest, ','); cut >= 0 {
				rest = rest[:cut]
			}
			if cut := strings.LastIndexByte(rest, ':'); cut >= 0 {
				rest = rest[:cut]
			}
			s.File = rest[:max(0, strings.LastIndexByte(rest, ':'))]
			p.at += len(s.File)
		}
		for _, part := range []*int{&s.Line, &s.Col} {
			if err := p.expect(":"); err != nil {
				return nil, err
			}
			if *part, err = p.integer(); err != nil {
				return nil, err
			}
		}
		list = append(list, s)
		if !p.accept(",") {
			return list, nil
		}
	}
}
