package agree

import (
	"dlc/codegen/cpu"
	"dlc/ir"
	"dlc/ir/generate"
	"dlc/ir/sample"
)

// A Tally is what came of a range of seeds.
type Tally struct {
	Programs int
	Dropped  int            // for want of well-conditioned inputs
	Used     map[string]int // programs that have a row's op, gradients written out
	Arenas   float64        // the sum of what arenas are over what is alive at once, of
	Placed   int            // programs
	Found    []Find
}

// A Find is a program that goes wrong.
type Find struct {
	Seed int64
	Err  error
	Case *Case // nil where there is no program to compare
}

// group is how many programs share a section of code, which saves most of the time of small ones.
const group = 16

// Run makes and compares the programs of n seeds. Of `alone` programs, one is compared with each pass
// alone as well. Of four groups one is compiled for the first target and one for the last, as users'
// programs are, and two for the last quickly, from the same text.
func Run(first, n int64, targets []cpu.Target, alone int64) *Tally {
	t := &Tally{Used: map[string]int{}}
	var cases []*Case
	seeds := map[*Case]int64{}
	flush := func(turn int64) {
		if len(targets) > 0 && len(cases) > 0 {
			target, o := targets[len(targets)-1], cpu.Options{}
			switch turn % 4 {
			case 0:
				target = targets[0]
			case 1:
			default:
				o.Quick = true
			}
			found := Native(cases, target, o)
			for _, c := range cases {
				if found[c] != nil {
					t.Found = append(t.Found, Find{seeds[c], found[c], c})
				}
				t.Arenas, t.Placed = t.Arenas+c.arena, t.Placed+1
			}
		}
		cases = nil
	}
	for seed := first; seed < first+n; seed++ {
		p := generate.New(seed)
		t.Programs++
		c, err := NewCase(p)
		switch {
		case err != nil:
			t.Found = append(t.Found, Find{seed, err, nil})
			continue
		case c == nil:
			t.Dropped++
			continue
		}
		t.count(c)
		err = c.Differentiate()
		if err == nil {
			err = c.Interpret(seed%alone != 0)
		}
		if err != nil {
			t.Found = append(t.Found, Find{seed, err, c})
			continue
		}
		cases, seeds[c] = append(cases, c), seed
		if len(cases) == group {
			flush(seed / group)
		}
	}
	flush(0)
	return t
}

// count notes the rows that a program has, in bodies too, once each.
func (t *Tally) count(c *Case) {
	seen := map[string]bool{}
	for _, m := range []*ir.Module{c.Module, c.written} {
		ir.EachFunc(m, func(f *ir.Func) {
			for _, n := range f.Nodes {
				seen[sample.NameOf(n.Op)] = true
			}
		})
	}
	for name := range seen {
		t.Used[name]++
	}
}

// Add joins another tally.
func (t *Tally) Add(u *Tally) {
	t.Programs, t.Dropped, t.Found = t.Programs+u.Programs, t.Dropped+u.Dropped, append(t.Found, u.Found...)
	t.Arenas, t.Placed = t.Arenas+u.Arenas, t.Placed+u.Placed
	for name, n := range u.Used {
		t.Used[name] += n
	}
}
