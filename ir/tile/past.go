package tile

import "fmt"

// Past says that Stores and Clears of Def, an output, in this phase should leave nothing in the caches: whoever
// reads it finds it gone from there anyway, and lines that are overwritten whole need not be read
// before. It is advice to the machine and has no meaning.
type Past struct{ Def string }

func (*Past) node() {}

func (c *checker) past(n *Past) error {
	if c.p.Kernel.Def(n.Def) == nil || c.p.Kernel.Buffer(n.Def) == nil {
		return fmt.Errorf("past %s: there is no such output", n.Def)
	}
	return nil
}
