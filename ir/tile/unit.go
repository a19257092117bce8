package tile

import (
	"fmt"
	"strings"
)

// A Unit gives a phase to the matrix unit of a GPU. A block of the grid is then computed by all
// warps of one block of threads together: the one reduction of the phase, a Contraction in the
// order matrix, has the tile of its two own indices in fragments, spread over the warps' threads;
// tiles of the operands pass through shared memory, Stages of them at a time. The stores behind
// it are evaluated on the fragments. The last parts of M, N and the reduced index may be short.
//
// Or the contraction begins in each turn of a stream of blocks over its second index, as scores do: a
// running maximum and the sums that follow it are stepped behind it on its fragments, one of them a
// Weighting, whose first factor is rounded to 16 bits on the fragments of the scores. A chain that
// follows a maximum is then multiplied where it is stepped.
type Unit struct {
	Name   string // mma: one warp at a time; wgmma: four, fed by one more warp group; fma: multiply-adds, in a chain
	M, N   Split  // the part of the tile that one warp, or one group of four, has
	Stages int64
}

// String prints `unit mma m by 64, c by 64 stages 3`.
func (u *Unit) String() string {
	return fmt.Sprintf("unit %s %s, %s stages %d", u.Name, u.M, u.N, u.Stages)
}

func parseUnit(text string) (*Unit, error) {
	u := &Unit{}
	name, rest, ok1 := strings.Cut(text, " ")
	rest, stages, ok2 := strings.Cut(rest, " stages ")
	m, n, ok3 := strings.Cut(rest, ", ")
	u.Name = name
	var err1, err2 error
	u.M, _, err1 = parseSplit(m)
	u.N, _, err2 = parseSplit(n)
	if _, err := fmt.Sscan(stages, &u.Stages); err != nil || !ok1 || !ok2 || !ok3 || err1 != nil || err2 != nil {
		return nil, fmt.Errorf("unit %q is not `NAME M by LENGTH, N by LENGTH stages COUNT`", text)
	}
	return u, nil
}

// unit checks the phase of a matrix unit: a grid over both indices that the parts divide, and
// one contraction of them; or, where a stream walks the second, one in each of its turns.
func (c *checker) unit(u *Unit) error {
	if u.Name != "mma" && u.Name != "wgmma" && u.Name != "fma" || u.Stages < 2 || len(u.M.By) != 1 || len(u.N.By) != 1 || u.M.By[0] < 1 || u.N.By[0] < 1 {
		return fmt.Errorf("%s: no such unit", u)
	}
	splits, body := c.ph.Grid, c.ph.Body
	if l := c.ph.ScoreLoop(); l != nil {
		splits, body = append(append([]Split{}, splits...), l.Split), l.Body
	}
	for _, s := range []Split{u.M, u.N} {
		found := false
		for _, g := range splits {
			found = found || g.Index == s.Index && len(g.By) == 1 && g.By[0]%s.By[0] == 0
		}
		if !found {
			return fmt.Errorf("%s: nothing splits %s by a multiple of %d", u, s.Index, s.By[0])
		}
	}
	for _, n := range body {
		if n, ok := n.(*Begin); ok {
			con, err := ContractionOf(c.p.Kernel, c.p.Kernel.Def(n.Def))
			if err != nil {
				return err
			}
			if con.M == u.M.Index && con.N == u.N.Index {
				return nil
			}
		}
	}
	return fmt.Errorf("%s: no contraction of these indices begins", u)
}

// ScoreLoop returns the stream of a phase in whose turns the contraction of its unit begins; nil where
// it begins outside, and the stream walks its reduced index.
func (p *Phase) ScoreLoop() *Loop {
	for _, n := range p.Body {
		if l, ok := n.(*Loop); ok && l.isBlocks() {
			for _, inner := range l.Body {
				if _, ok := inner.(*Begin); ok {
					return l
				}
			}
		}
	}
	return nil
}
