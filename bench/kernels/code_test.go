package main

import (
	"regexp"
	"strings"
	"testing"

	"dlc/codegen/cpu"
	"dlc/ir/tile"
	"dlc/runtime/program"
)

// What a kernel that computes more than it moves keeps, on a machine with AVX-512 and bf16.
const (
	computes  = 8    // operations for each byte that it moves at least
	leastAdds = 1.55 // multiply-adds for each operand that the busiest inner loop reads
	mostShare = 0.58 // of a phase's points, for the first of two threads
	leastLane = 0.8  // of the lanes, in use where sums lie across them
)

// fewerAdds are the rows whose inner loops read more.
var fewerAdds = map[string]float64{
	"conv 7x7 s2 224x224x3->64 b2 data": 0.75, // each row of columns has its own condition: one vector a row
}

// sums counts the reductions that a program begins: scores of attention's gradients are made once.
var sums = map[string]int{"attention gradients 16x128x64": 6, "attention gradients 16x2048x64": 6}

var (
	operandRead = regexp.MustCompile(`(?m)^\tv.*\(%r`)
	multiplyAdd = regexp.MustCompile(`vfn?madd|vdpbf16ps`)
	vectorSpill = regexp.MustCompile(`[xyz]mm\d+.*\(%rsp\)|\(%rsp\).*[xyz]mm\d+`)
)

// TestCode reads the schedules and the assembly of the rows: what a bench would show as a slower
// kernel. No clock is read.
func TestCode(t *testing.T) {
	target, err := cpu.TargetOf("x86-64-v4-bf16")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range works() {
		if w.flops < computes*(w.reads+w.writes) {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			e, schedules, err := scheduled(w.text, target)
			if err != nil {
				t.Fatal(err)
			}
			text, err := cpu.EmitAsm(schedules, []*program.Entry{e}, target, cpu.Options{})
			if err != nil {
				t.Fatal(err)
			}
			checkCode(t, w, text)
			checkSchedules(t, w, schedules, target.Machine.Lanes)
		})
	}
}

func checkCode(t *testing.T, w work, text string) {
	loop := busiest(text)
	adds, reads := len(multiplyAdd.FindAllString(loop, -1)), len(operandRead.FindAllString(loop, -1))
	least := leastAdds
	if fewer, ok := fewerAdds[w.name]; ok {
		least = fewer
	}
	if adds == 0 || float64(adds) < least*float64(reads) {
		t.Errorf("the busiest inner loop has %d multiply-adds for %d operands read, of which %.2f each are meant", adds, reads, least)
	}
	if s := vectorSpill.FindString(loop); s != "" {
		t.Errorf("spill in the busiest inner loop: %s", s)
	}
}

func checkSchedules(t *testing.T, w work, schedules []*tile.Program, lanes int) {
	begun := 0
	for _, p := range schedules {
		extents := tile.Extents(p.Kernel)
		for i, ph := range p.Phases {
			extent := func(index string) int64 {
				n, _ := extents[index].Eval(w.symbols)
				return n
			}
			n := begins(ph.Body)
			begun += n
			if first, points := firstShare(ph.Grid, extent); points > 16 && first > mostShare {
				t.Errorf("%s, phase %d: one of two threads has %.2f of the work", p.Name, i, first)
			}
			if v := extent(ph.Vector); n > 0 && float64(v) < leastLane*float64((v+int64(lanes)-1)/int64(lanes)*int64(lanes)) {
				t.Errorf("%s, phase %d: %d of %s lie across %d lanes", p.Name, i, v, ph.Vector, lanes)
			}
		}
	}
	if most, ok := sums[w.name]; ok && begun > most {
		t.Errorf("%d sums are begun, of which %d are needed", begun, most)
	}
}

// begins counts the reductions that nodes begin.
func begins(nodes []tile.Node) (n int) {
	for _, node := range nodes {
		switch node := node.(type) {
		case *tile.Begin:
			n++
		case *tile.Loop:
			n += begins(node.Body)
		case *tile.Across:
			n += begins(node.Body)
		case *tile.If:
			n += max(begins(node.Then), begins(node.Else))
		}
	}
	return n
}

// firstShare is the larger of the shares of a grid's points that two threads have, and how many blocks
// there are.
func firstShare(grid []tile.Split, extent func(string) int64) (share float64, blocks int) {
	points := []int64{1}
	for _, g := range grid {
		var next []int64
		for _, p := range points {
			for at, n := int64(0), extent(g.Index); at < n; at += g.By[0] {
				next = append(next, p*min(g.By[0], n-at))
			}
		}
		points = next
	}
	first, all := int64(0), int64(0)
	for i, n := range points {
		if 2*i < len(points) {
			first += n
		}
		all += n
	}
	return float64(max(first, all-first)) / float64(max(all, 1)), len(points)
}

// busiest is the inner loop with the most multiply-adds.
func busiest(text string) (loop string) {
	most, label, body := 0, "", []string{}
	for _, l := range strings.Split(text, "\n") {
		if strings.HasPrefix(l, ".LBB") {
			label, body = strings.TrimSuffix(strings.Fields(l)[0], ":"), nil
			continue
		}
		body = append(body, l)
		if f := strings.Fields(l); len(f) == 2 && f[0][0] == 'j' && f[1] == label {
			inner := strings.Join(body, "\n")
			if n := len(multiplyAdd.FindAllString(inner, -1)); n > most {
				most, loop = n, inner
			}
		}
	}
	return loop
}
