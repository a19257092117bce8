package cpu

import (
	"strings"
	"testing"

	"dlc/ir/tile"
	"dlc/runtime/program"
)

// TestStagedMatmul has copies of both operands, cut short at the end of every index.
func TestStagedMatmul(t *testing.T) {
	for _, c := range []int64{1, 37, 70} {
		for _, k := range []int64{1, 83} {
			check(t, func(target Target) []*tile.Program {
				p := matmulTile(target, n0, in(k), in(c))
				body := p.Phases[0].Body
				p.Phases[0].Grid = []tile.Split{grid("m", 17), grid("c", 64)}
				p.Phases[0].Body = []tile.Node{&tile.Stage{Def: "a", From: "x"},
					each1("c", []int64{2 * int64(target.Machine.Lanes)}, append([]tile.Node{&tile.Stage{Def: "a", From: "w"}}, body...)...)}
				return []*tile.Program{p}
			}, []map[string]int64{{"N": 0}, {"N": 1}, {"N": 5}, {"N": 31}, {"N": 64}}, false)
		}
	}
}

// TestStagedConvolution copies windows that reach over the edges; the copy ends at a guard page.
func TestStagedConvolution(t *testing.T) {
	for _, st := range []int64{1, 2} {
		for _, i := range []int64{1, 20} {
			check(t, func(target Target) []*tile.Program {
				inner := unrolled(stream("s", []int64{1}, stream("i", []int64{4, 1}, &tile.Step{Def: "y"})))
				walk := each1("w", []int64{4, 1}, &tile.Begin{Def: "y"}, stream("r", []int64{1}, inner), &tile.Store{Def: "y"})
				return []*tile.Program{{Name: "conv", Machine: target.Machine.Name, Kernel: conv(7, 9, i, 20, st), Phases: []*tile.Phase{{
					Grid: []tile.Split{grid("n", 1), grid("h", 1), grid("o", 32)}, Vector: "o", Body: []tile.Node{&tile.Stage{Def: "y", From: "x"}, walk}}}}}
			}, []map[string]int64{{"N": 1}, {"N": 3}}, false)
		}
	}
}

// TestCrowdedRows are the shapes for which the tile pass copies operands by itself.
func TestCrowdedRows(t *testing.T) {
	for _, p := range [][3]int64{{0, 1024, 33}, {29, 512, 48}, {37, 300, 65}} {
		m := in(p[0])
		if p[0] == 0 {
			m = n0
		}
		check(t, func(target Target) []*tile.Program {
			return tiled(t, target, []*tile.Program{{Kernel: matmul(m, in(p[1]), in(p[2]))}})
		}, []map[string]int64{{"N": 1}, {"N": 23}}, false)
	}
}

// TestPartialSums has accumulators in memory between blocks of terms, cut short at every edge.
func TestPartialSums(t *testing.T) {
	for _, c := range []int64{1, 37, 70} {
		check(t, func(target Target) []*tile.Program {
			p := matmulTile(target, n0, in(83), in(c))
			begin, store := &tile.Begin{Def: "a"}, &tile.Store{Def: "a"}
			inner := each1("c", []int64{32}, each1("m", []int64{4, 1}, begin, stream("k", []int64{4, 1}, &tile.Step{Def: "a"}), store))
			if target.Machine.Lanes == 8 {
				inner.Split.By = []int64{16}
			}
			p.Phases[0].Grid = []tile.Split{grid("m", 17), grid("c", 64)}
			p.Phases[0].Body = []tile.Node{&tile.Hold{Def: "a", Along: "c"}, &tile.Ahead{Def: "a", From: "w", By: 100}, stream("k", []int64{40, 3}, inner),
				each1("m", []int64{3, 1}, &tile.Store{Def: "y"})}
			return []*tile.Program{p}
		}, []map[string]int64{{"N": 0}, {"N": 1}, {"N": 5}, {"N": 31}}, false)
	}
}

// TestPartialShapes are those for which the tile pass keeps partial sums in memory by itself.
func TestPartialShapes(t *testing.T) {
	for _, p := range [][3]int64{{0, 322, 820}, {1, 66, 4000}, {3, 66, 4101}} {
		m := in(p[0])
		if p[0] == 0 {
			m = n0
		}
		check(t, func(target Target) []*tile.Program {
			list := tiled(t, target, []*tile.Program{{Kernel: matmul(m, in(p[1]), in(p[2]))}})
			if !strings.Contains(list[0].String(), "hold a") {
				t.Errorf("%v for %s has no partial sums in memory:\n%s", p, target.Name, list[0])
			}
			if versions := strings.Contains(list[0].String(), "if N == 1"); versions != (p[0] == 0) {
				t.Errorf("%v for %s: a way of its own for one row: %v", p, target.Name, versions)
			}
			return list
		}, []map[string]int64{{"N": 0}, {"N": 1}, {"N": 9}}[:3-2*min(p[0], 1)], false)
	}
}

// TestCopiesFit holds the tile pass's limit to the memory that threads have.
func TestCopiesFit(t *testing.T) {
	if n := program.ScratchBytes - argumentBytes; tile.StageBytes > n {
		t.Errorf("copies of %d bytes in %d", tile.StageBytes, n)
	}
}
