package tile

import (
	"fmt"
	"strings"
)

// Ahead says that steps of Def should ask the second cache for what they will read of From: with
// each element, for the one that lies By elements further in memory. Where terms of Def lie across the
// lanes, From may be any buffer that the kernel reads or writes at a point of Def's tile: each step asks
// for what lies By elements from there. Once: Begin asks, for what is By elements from the first that
// each point of the tile reads of From, or from what is stored there. A copy of From for Def, Stage or Pair, asks for what lies By elements from each it copies. Later: not steps of Def ask, but maps
// that are evaluated while Def is alive, for what lies By elements from each that they read or store of
// From. New: what the step itself reads is not asked for, so that of windows along an axis those ask that
// come into sight. It ends with the node list. It is advice to the machine and has no meaning.
type Ahead struct {
	Def, From string
	By        int64
	Once      bool
	Later     bool
	New       bool
}

func (*Ahead) node() {}

func (c *checker) ahead(n *Ahead) error {
	d := c.p.Kernel.Def(n.Def)
	if d == nil || d.Reduce == nil || c.p.Kernel.Buffer(n.From) == nil || n.By < 0 {
		return fmt.Errorf("ahead %s for %s by %d: there is no such reduction, buffer or distance", n.From, n.Def, n.By)
	}
	return nil
}

func parseAhead(text string) (Node, error) {
	n := &Ahead{}
	text, n.Once = strings.CutPrefix(text, "once ")
	text, n.Later = strings.CutPrefix(text, "later ")
	text, n.New = strings.CutPrefix(text, "new ")
	if _, err := fmt.Sscanf(text, "%s for %s by %d", &n.From, &n.Def, &n.By); err != nil {
		return nil, fmt.Errorf("`ahead FROM for DEF by DISTANCE` is expected")
	}
	return n, nil
}
