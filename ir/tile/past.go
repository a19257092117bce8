package tile

import (
	"fmt"
	"strconv"
	"strings"
)

// Past says that Stores and Clears of Def, an output, in this phase should leave nothing in the caches: whoever
// reads it finds it gone from there anyway, and lines that are overwritten whole need not be read
// before. With From, they do so only where the kernel's buffers have that many bytes. It is advice to
// the machine and has no meaning.
type Past struct {
	Def  string
	From int64
}

// String prints `past y from 1024`.
func (n *Past) String() string {
	if n.From == 0 {
		return "past " + n.Def
	}
	return fmt.Sprintf("past %s from %d", n.Def, n.From)
}

func parsePast(text string) (Node, error) {
	n := &Past{Def: text}
	if def, from, ok := strings.Cut(text, " from "); ok {
		bytes, err := strconv.ParseInt(from, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("`past DEF from BYTES` is expected")
		}
		n.Def, n.From = def, bytes
	}
	return n, nil
}

func (*Past) node() {}

func (c *checker) past(n *Past) error {
	if c.p.Kernel.Def(n.Def) == nil || c.p.Kernel.Buffer(n.Def) == nil || n.From < 0 {
		return fmt.Errorf("past %s: there is no such output", n.Def)
	}
	return nil
}
