package tile

import (
	"fmt"
	"maps"
	"strings"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// If runs Then where the model's symbol has the value Is, else Else: two schedules of the same work,
// which store the same. Nothing that is alive outside is in registers inside.
type If struct {
	Symbol     string
	Is         int64
	Then, Else []Node
}

func (*If) node() {}

func (n *If) header() string { return fmt.Sprintf("if %s == %d", n.Symbol, n.Is) }

// choice checks both ways for themselves, and that they leave the same behind.
func (c *checker) choice(n *If, s *scope) error {
	found := false
	for _, name := range kernel.Symbols(c.p.Kernel) {
		found = found || name == n.Symbol
	}
	if !found {
		return fmt.Errorf("%s: the kernel has no symbol %s", n.header(), n.Symbol)
	}
	in := *s
	in.alive = map[string]*value{}
	before := c.save(&in)
	if err := c.list(n.Then, &in); err != nil {
		return err
	}
	stored, spills, joined := maps.Clone(c.stored), maps.Clone(c.spills), maps.Clone(c.joined)
	before()
	if err := c.list(n.Else, &in); err != nil {
		return err
	}
	if !maps.Equal(stored, c.stored) || !maps.Equal(spills, c.spills) || !maps.Equal(joined, c.joined) {
		return fmt.Errorf("%s: the two ways do not store the same", n.header())
	}
	return nil
}

// parseIf reads `N == 1 {`.
func parseIf(text string) (Node, error) {
	n := &If{}
	if _, err := fmt.Sscanf(text, "%s == %d {", &n.Symbol, &n.Is); err != nil || !strings.HasSuffix(text, " {") {
		return nil, fmt.Errorf("`if SYMBOL == NUMBER {` is expected")
	}
	return n, nil
}

// otherwise ends the list of the If that was read last and begins that of its other way.
func (r *reader) otherwise() error {
	if len(r.open) < 2 {
		return fmt.Errorf("unexpected else")
	}
	r.open = r.open[:len(r.open)-1]
	list := *r.open[len(r.open)-1]
	n, ok := list[len(list)-1].(*If)
	if !ok || n.Else != nil {
		return fmt.Errorf("else behind what is no if, or has one")
	}
	return r.enter(&n.Else)
}

func (in *interp) choice(n *If) {
	if in.value(tensor.Sym(n.Symbol)) == n.Is {
		in.list(n.Then)
	} else {
		in.list(n.Else)
	}
}
