package kernel

import (
	"slices"
	"strings"

	"dlc/ir/tensor"
)

// A Region is a stretch of neighbouring kernels that runs if, or as long as, a condition holds.
// What its kernels write is read inside of it only. A carry is a buffer that nothing but Copies
// write: of a loop, from what it begins with and from what each turn makes of it; of a branch,
// from what stands there where the branch is not taken and from what it makes, or from what each
// of two neighbouring branches makes, of which the second has Not. A carry is read in its region,
// unless it is one of two branches, and behind it.
type Region struct {
	Parent *Region
	Cond   string // a bool of rank 0, read when the region begins and, in a loop, before each further turn
	Not    bool   // runs where Cond is false
	Loop   bool
	Enter  []Copy // made before the first turn, also where none follows
	Leave  []Copy // made at the end of each turn
}

// A Copy gives one buffer the elements of another.
type Copy struct{ To, From string }

// Inside reports whether r is of or stands in it; everything stands in no region.
func (r *Region) Inside(of *Region) bool {
	for ; r != of && r != nil; r = r.Parent {
	}
	return r == of
}

// below returns the region directly in the region in that r is or stands in, nil where r is in.
func (r *Region) below(in *Region) *Region {
	if r == in {
		return nil
	}
	for r.Parent != in {
		r = r.Parent
	}
	return r
}

// joins reports whether r and the region before it are the two branches of one condition.
func (r *Region) joins(before *Region) bool {
	return before != nil && r.Parent == before.Parent && r.Cond == before.Cond && r.Not != before.Not && !r.Loop && !before.Loop
}

// carries reports whether a list of copies writes name.
func carries(list []Copy, name string) bool {
	return slices.ContainsFunc(list, func(c Copy) bool { return c.To == name })
}

// A Stretch is a neighbouring part of a program's kernels, from From to before To, that one region
// holds: all of it, or, of In nil, the whole program.
type Stretch struct {
	In       *Region
	From, To int
}

// Stretches cuts a stretch into single kernels, whose In is the stretch's, and the regions that
// stand directly in it.
func (p *Program) Stretches(of Stretch) (out []Stretch) {
	for i := of.From; i < of.To; {
		next := Stretch{In: p.Kernels[i].In.below(of.In), From: i, To: i + 1}
		for next.In != nil && next.To < of.To && p.Kernels[next.To].In.Inside(next.In) {
			next.To++
		}
		if next.In == nil {
			next.In = of.In
		}
		out = append(out, next)
		i = next.To
	}
	return out
}

// Whole is the stretch of all kernels.
func (p *Program) Whole() Stretch { return Stretch{To: len(p.Kernels)} }

// A Flow is what happens on the way through a program: a kernel runs, a condition is read, copies
// are made.
type Flow struct {
	Run   func(number int) error
	Holds func(cond string) bool
	Copy  func(c Copy)
}

// Follow goes through the program: kernels in order, regions as their conditions say.
func (p *Program) Follow(f Flow) error { return p.follow(f, p.Whole()) }

func (p *Program) follow(f Flow, in Stretch) error {
	for _, s := range p.Stretches(in) {
		if s.In == in.In {
			if err := f.Run(s.From); err != nil {
				return err
			}
			continue
		}
		for _, c := range s.In.Enter {
			f.Copy(c)
		}
		for f.Holds(s.In.Cond) != s.In.Not {
			if err := p.follow(f, s); err != nil {
				return err
			}
			for _, c := range s.In.Leave {
				f.Copy(c)
			}
			if !s.In.Loop {
				break
			}
		}
	}
	return nil
}

// Over is the flow over tensors: run runs a kernel, by number.
func Over(buffers map[string]*tensor.Tensor, run func(number int) error) Flow {
	return Flow{
		Run:   run,
		Holds: func(cond string) bool { return ReadScalar(buffers[cond], 0) != 0 },
		Copy: func(c Copy) {
			from := buffers[c.From]
			if buffers[c.To] == nil {
				buffers[c.To] = tensor.New(from.DType, from.Dims...)
			}
			copy(buffers[c.To].Data, from.Data)
		},
	}
}

// head is the line that begins a region.
func (r *Region) head() string {
	word := "if "
	if r.Loop {
		word = "while "
	}
	if r.Not {
		word += "not "
	}
	s := word + name(r.Cond)
	for _, l := range []struct {
		word string
		list []Copy
	}{{" enter ", r.Enter}, {" leave ", r.Leave}} {
		for i, c := range l.list {
			if i > 0 {
				l.word = ", "
			}
			s += l.word + name(c.To) + " = " + name(c.From)
		}
	}
	return s + " {"
}

// bodyText prints the kernels of a stretch, those of regions between braces.
func (p *Program) bodyText(b *strings.Builder, in Stretch, indent string, kernel func(*Kernel) string) {
	for _, s := range p.Stretches(in) {
		b.WriteByte('\n')
		if s.In == in.In {
			for line := range strings.Lines(kernel(p.Kernels[s.From])) {
				b.WriteString(indent + line)
			}
			continue
		}
		b.WriteString(indent + s.In.head() + "\n")
		p.bodyText(b, s, indent+"  ", kernel)
		b.WriteString("\n" + indent + "}\n")
	}
}

// regionHead reads such a line, if it is one: no definition has a space after its name.
func (s *scanner) regionHead(parent *Region) *Region {
	word := s.peekName()
	if word != "if" && word != "while" || !strings.HasPrefix(s.rest(), word+" ") {
		return nil
	}
	s.keyword(word)
	r := &Region{Parent: parent, Loop: word == "while"}
	r.Not = s.keyword("not")
	r.Cond = s.name()
	r.Enter, r.Leave = s.copies("enter"), s.copies("leave")
	s.expect("{")
	return r
}

func (s *scanner) copies(word string) (list []Copy) {
	if !s.keyword(word) {
		return nil
	}
	for {
		c := Copy{To: s.name()}
		s.expect("=")
		c.From = s.name()
		if list = append(list, c); !s.accept(",") {
			return list
		}
	}
}
