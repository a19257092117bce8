package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// A stageKind is how a stage is scheduled.
type stageKind uint8

const (
	pointStage stageKind = iota
	nestStage
	rowStage
	scatterStage
	weightStage
	sortStage
)

// A stage is a group of definitions computed in one walk over the same axes. Those that reduce
// come first; stores are the maps that the stage writes to outputs. Local maps are in no stage:
// they are evaluated where they are read.
type stage struct {
	kind    stageKind
	number  int
	axes    []kernel.Axis // kept by every reduction, or of the maps; not that of the recurrence
	scan    *kernel.Scan  // of its definitions
	lane    string        // rows: the reduced axis
	reduces []*kernel.Def
	stores  []*kernel.Def
}

// states is the number of accumulators that a point has in all.
func (s *stage) states() int64 {
	n := int64(0)
	for _, d := range s.reduces {
		n += states(d)
	}
	return n
}

func states(d *kernel.Def) int64 {
	if d.Reduce.Op == kernel.Welford {
		return 2
	}
	return 1
}

func (s *stage) has(name string) bool {
	for _, d := range s.reduces {
		if d.Name == name {
			return true
		}
	}
	return false
}

// A need is a reduction that a definition reads, itself or through local maps; plain is whether
// at the plain index.
type need struct {
	def   *kernel.Def
	plain bool
}

// needs returns the reductions behind d, in the order of definition, each once.
func (t *tiler) needs(d *kernel.Def) []need {
	found := map[string]bool{} // to plain
	var walk func(d *kernel.Def, asNamed bool)
	walk = func(d *kernel.Def, asNamed bool) {
		for _, l := range d.Loads() {
			e := t.k.Def(l.Name)
			if e == nil || carried(d, e, l) {
				continue
			}
			p := asNamed && readsPlainly(l, e)
			if (e.Reduce == nil || t.inBlocks[e.Name]) && !t.finished(d, e) {
				walk(e, p)
				continue
			}
			was, ok := found[e.Name]
			found[e.Name] = p && (was || !ok)
		}
	}
	walk(d, true)
	var out []need
	for _, e := range t.k.Defs {
		if p, ok := found[e.Name]; ok {
			out = append(out, need{e, p})
		}
	}
	return out
}

// stages cuts the definitions into t.list and gives the values that cross a border a place in
// memory.
func (t *tiler) stages() {
	home := map[string]int{}
	t.inBlocks = map[string]bool{}
	t.cross()
	t.markScores()
	for _, d := range t.k.Defs {
		if d.Reduce == nil && t.output(d.Name) == nil || t.inBlocks[d.Name] {
			continue
		}
		needs := t.needs(d)
		s := t.stageFor(d, needs, home)
		if d.Reduce != nil {
			s.reduces = append(s.reduces, d)
			home[d.Name] = s.number
			if d.Scatters() || d.Sorts() {
				t.keep(d)
			}
		} else {
			s.stores = append(s.stores, d)
			home[d.Name] = s.number
		}
		for _, n := range needs {
			if home[n.def.Name] != s.number || !n.plain {
				t.keep(n.def)
			}
		}
	}
	t.renameKept()
	for _, s := range t.list {
		for _, d := range s.reduces {
			if !d.Scatters() && !d.Sorts() && (t.output(d.Name) != nil || t.temp(d.Name)) {
				s.stores = append(s.stores, d)
			}
		}
	}
}

// stageFor returns the stage that d joins, a new one if no other fits.
func (t *tiler) stageFor(d *kernel.Def, needs []need, home map[string]int) *stage {
	if m := followed(d); m != "" {
		return t.list[home[m]]
	}
	if c := t.crossing; c.has(d) {
		if c.stage == nil {
			c.stage = &stage{kind: weightStage, number: len(t.list), axes: c.base, lane: c.main[0].Reduce.Axes[0].Name}
			t.list = append(t.list, c.stage)
		}
		return c.stage
	}
	last := -1 // the last stage that d reads
	for _, n := range needs {
		last = max(last, home[n.def.Name])
	}
	for i := len(t.list) - 1; i >= max(0, last); i-- {
		s := t.list[i]
		if !s.sameScan(d) {
			continue
		}
		if d.Reduce == nil && s.takesMap(d, needs, i == last) || d.Reduce != nil && s.takesReduce(d, needs) {
			return s
		}
	}
	s := &stage{number: len(t.list), axes: turnAxes(d), scan: d.Scan}
	if r := d.Reduce; r != nil {
		s.kind = nestStage
		switch {
		case d.Scatters():
			s.kind = scatterStage
		case isRunning(d) && t.weighs(d):
			s.kind = weightStage
		case t.blockBase(d) != nil:
			s.kind, s.axes, s.lane = weightStage, t.blockBase(d), r.Axes[0].Name
		case d.Sorts():
			s.kind = sortStage
		case r.Order.Kind == kernel.Lanes64, r.Order.Kind == kernel.Rescale:
			s.kind, s.lane = rowStage, r.Axes[0].Name
		}
	}
	t.list = append(t.list, s)
	return s
}

func (s *stage) takesMap(d *kernel.Def, needs []need, reads bool) bool {
	if s.kind == pointStage {
		return sameAxes(s.axes, turnAxes(d))
	}
	if s.kind == scatterStage || s.kind == sortStage {
		return false
	}
	for _, n := range needs {
		if s.has(n.def.Name) && !n.plain {
			return false
		}
	}
	axes := turnAxes(d)
	if sameAxes(s.axes, axes) || s.kind == weightStage && s.reaches(d) || s.kind == nestStage && s.scan != nil && s.besides(axes) != nil {
		return reads
	}
	at := axisNamed(axes, s.lane)
	if s.kind != rowStage || !reads || at < 0 {
		return false
	}
	rest := append(append([]kernel.Axis{}, axes[:at]...), axes[at+1:]...)
	return sameAxes(s.axes, rest)
}

func (s *stage) takesReduce(d *kernel.Def, needs []need) bool {
	if s.kind == weightStage && s.lane != "" {
		return s.alike(d)
	}
	if len(s.reduces) == 0 || s.kind == scatterStage || s.kind == weightStage || s.kind == sortStage || d.Scatters() || d.Sorts() || !sameAxes(s.axes, turnAxes(d)) {
		return false
	}
	first := s.reduces[0].Reduce
	if first.Order.Kind != d.Reduce.Order.Kind {
		return false
	}
	switch d.Reduce.Order.Kind {
	case kernel.Lanes64, kernel.Rescale:
		if d.Reduce.Axes[0].Name != s.lane {
			return false
		}
	case kernel.Chunks:
		if first.Order != d.Reduce.Order || !sameNames(first.Axes, d.Reduce.Axes) {
			return false
		}
	}
	for _, n := range needs {
		if s.has(n.def.Name) && (!n.plain || d.Reduce.Order.Kind == kernel.Chunks) {
			return false
		}
	}
	return true
}

// alike reports whether d is a chain over the same index as the stage's, under the same conditions,
// that has its axes and others.
func (s *stage) alike(d *kernel.Def) bool {
	first, r := s.reduces[0].Reduce, d.Reduce
	return r.Order == first.Order && len(r.Axes) == 1 && r.Axes[0].Name == s.lane && sameConds(first.When, r.When) && len(d.Axes) > len(s.axes) && subset(s.axes, d.Axes)
}

// reaches reports whether the map d has the axes of a sum of the stage, which are constant beside
// those of its maximum.
func (s *stage) reaches(d *kernel.Def) bool {
	for _, r := range s.reduces {
		if sameAxes(r.Axes, d.Axes) {
			return true
		}
	}
	return false
}

// markScores notes the reductions that stages of weights compute block by block.
func (t *tiler) markScores() {
	if c := t.crossing; c != nil {
		scores, _ := t.scoresOf(c.all(), c.base)
		for _, s := range scores {
			t.inBlocks[s.Name] = true
		}
	}
	for _, d := range t.k.Defs {
		if isRunning(d) && t.weighs(d) {
			scores, _ := t.scoresOf(append(t.family(d), d), d.Axes)
			for _, s := range scores {
				t.inBlocks[s.Name] = true
			}
		}
		if base := t.blockBase(d); base != nil {
			scores, _ := t.scoresOf(t.blockFamily(d.Reduce.Axes[0], base), base)
			for _, s := range scores {
				t.inBlocks[s.Name] = true
			}
		}
	}
}

func sameNames(a, b []kernel.Axis) bool {
	for i := range a {
		if i >= len(b) || a[i].Name != b[i].Name {
			return false
		}
	}
	return len(a) == len(b)
}

func (t *tiler) output(name string) *kernel.Buffer {
	for _, b := range t.k.Outs {
		if b.Name == name {
			return b
		}
	}
	return nil
}

func (t *tiler) temp(name string) bool {
	for _, b := range t.out.Temps {
		if b.Name == name {
			return true
		}
	}
	return false
}

// keep gives a reduction that is no output a Temp of its name.
func (t *tiler) keep(d *kernel.Def) {
	if t.output(d.Name) != nil || t.temp(d.Name) {
		return
	}
	t.out.Temps = append(t.out.Temps, &kernel.Buffer{Name: d.Name, Role: kernel.Temp,
		Type: tensor.Type{DType: d.DType, Shape: axisExtents(d.Axes)}})
}

// renameKept puts the kernel's name before those of the values kept in Temps: a Temp's name is
// unique in a whole program.
func (t *tiler) renameKept() {
	by := map[string]string{}
	for _, b := range t.out.Temps {
		by[b.Name] = t.k.Name + "." + b.Name
		b.Name = by[b.Name]
	}
	for _, d := range t.k.Defs {
		if to, ok := by[d.Name]; ok {
			d.Name = to
		}
		*d = *d.RenameReads(by)
	}
}

func axisExtents(axes []kernel.Axis) tensor.Shape {
	var s tensor.Shape
	for _, a := range axes {
		s = append(s, a.Extent)
	}
	return s
}
