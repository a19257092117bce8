package kernel

import (
	"fmt"
	"strings"

	"dlc/ir/tensor"
)

// A Scan makes a definition part of a recurrence along Axis, one of its kept axes. Neighbouring
// definitions of a kernel with equal Scans are one group: its definitions are made turn by turn,
// position by position of the axis, ascending or, Reversed, descending. So they may read
// definitions of the group, themselves included, at the position of the turn before. Those that
// are read there are outputs of the kernel. Outside of the axis there is no turn: the first one's
// reads stand under a Guard or a When.
type Scan struct {
	Axis     string
	Reversed bool
}

// InScanWith reports whether d and e may stand in one group.
func (d *Def) InScanWith(e *Def) bool {
	return d.Scan != nil && e.Scan != nil && *d.Scan == *e.Scan
}

// ScanPlace returns the place of the recurrence's axis among d's axes, -1 where there is none.
func (d *Def) ScanPlace() int {
	for i, a := range d.Axes {
		if d.Scan != nil && a.Name == d.Scan.Axis {
			return i
		}
	}
	return -1
}

// OtherTurn reports whether l, a load of d by a definition of d's group, reads another turn than
// the one under way.
func (d *Def) OtherTurn(l *Load) bool {
	at := d.ScanPlace()
	if at < 0 || at >= len(l.At) {
		return false
	}
	x, ok := l.At[at].(*Index)
	return !ok || !x.Dim.Equal(tensor.Sym(d.Scan.Axis))
}

// before is how far the turn before lies along the axis.
func (s *Scan) before() int64 {
	if s.Reversed {
		return 1
	}
	return -1
}

// groups cuts definitions into recurrences and single definitions.
func groups(defs []*Def) (out [][]*Def) {
	for i, d := range defs {
		if i > 0 && d.InScanWith(defs[i-1]) {
			out[len(out)-1] = append(out[len(out)-1], d)
			continue
		}
		out = append(out, []*Def{d})
	}
	return out
}

// scanText is the line that begins a recurrence.
func scanText(d *Def) string {
	a := d.Axes[d.ScanPlace()]
	s := "scan " + name(a.Name) + ":" + a.Extent.String()
	if d.Scan.Reversed {
		s += " reversed"
	}
	return s + " {"
}

// scanHead reads such a line, if it is one: no definition has a space after its name.
func (s *scanner) scanHead() (a Axis, scan *Scan, ok bool) {
	if s.peekName() != "scan" || !strings.HasPrefix(s.rest(), "scan ") {
		return a, nil, false
	}
	s.keyword("scan")
	scan = &Scan{Axis: s.name()}
	s.expect(":")
	text, found := strings.CutSuffix(strings.TrimSpace(s.rest()), "{")
	if !found {
		s.failf("{ expected at the end")
	}
	text, scan.Reversed = strings.CutSuffix(strings.TrimSpace(text), " reversed")
	extent, err := tensor.ParseDim(strings.TrimSpace(text))
	if err != nil {
		s.failf("%v", err)
	}
	s.at = len(s.src)
	return Axis{scan.Axis, extent}, scan, true
}

// scanned makes d part of the recurrence that is open, if one is.
func (k *parsedKernel) scanned(s *scanner, d *Def) {
	if k.scan == nil {
		return
	}
	d.Scan = k.scan
	if at := d.ScanPlace(); at < 0 || !d.Axes[at].Extent.Equal(k.axis.Extent) {
		s.failf("%s stands in a scan of %s, and has no such axis", d.Name, axesText([]Axis{k.axis}))
	}
}

// closed fails where a recurrence is open when the kernel ends.
func (k *parsedKernel) closed(s *scanner) {
	if k != nil && k.scan != nil {
		s.failf("the scan of %s in kernel %s has no }", k.axis.Name, k.Name)
	}
}

// recurrence checks what the definitions of a group agree on, and makes known to the verifier
// what may be read of the turn before.
func (v *verifier) recurrence(group []*Def) error {
	v.group = map[string]*Def{}
	first := group[0]
	if first.Scan == nil {
		return nil
	}
	for _, d := range group {
		at := d.ScanPlace()
		if at < 0 || !d.Axes[at].Extent.Equal(first.Axes[max(first.ScanPlace(), 0)].Extent) {
			return fmt.Errorf("definition %s: its scan runs along %s, which is no axis of that extent", d.Name, d.Scan.Axis)
		}
		if d.Scatters() {
			return fmt.Errorf("definition %s: a scatter stands in a scan", d.Name)
		}
		v.group[d.Name] = d
	}
	return nil
}

// earlier checks a load of the group's definition d at another turn.
func (v *verifier) earlier(l *Load, d *Def) error {
	if v.outs[d.Name] == nil {
		return fmt.Errorf("%s is read at another turn, and is no output", d.Name)
	}
	x, ok := l.At[d.ScanPlace()].(*Index)
	if !ok || !x.Dim.Equal(tensor.Sym(d.Scan.Axis).AddInt(d.Scan.before())) {
		return fmt.Errorf("%s is read neither at this turn nor at the one before", d.Name)
	}
	if t := v.outs[d.Name].Type; t.DType != l.DType || len(t.Shape) != len(l.At) {
		return fmt.Errorf("%s is %s, and is loaded otherwise", d.Name, t)
	}
	return nil
}

// interpScan evaluates a recurrence turn by turn.
func interpScan(group []*Def, k *Kernel, symbols map[string]int64, lookup func(string) *tensor.Tensor) {
	var steps []func(turn int64)
	turns := int64(0)
	for _, d := range group {
		r := newRun(d, k, symbols, lookup)
		at := d.ScanPlace()
		turns = int64(r.extents(d.Axes)[at])
		steps = append(steps, r.turn(d, lookup(d.Name), at))
	}
	for i := range turns {
		if group[0].Scan.Reversed {
			i = turns - 1 - i
		}
		for _, step := range steps {
			step(i)
		}
	}
}

// turn returns what defines d where its axis number scan is at a position.
func (r *run) turn(d *Def, x *tensor.Tensor, scan int) func(turn int64) {
	dims := r.extents(d.Axes)
	at := r.bindAxes(d.Axes)
	eval := r.eval(d)
	put := setter(x)
	rest := append(append([]int{}, dims[:scan]...), dims[scan+1:]...)
	moving := append(append([]*int64{}, at[:scan]...), at[scan+1:]...)
	return func(turn int64) {
		*at[scan] = turn
		walk(rest, moving, func() {
			r.compile.Moved()
			place := 0
			for i, n := range dims {
				place = place*n + int(*at[i])
			}
			put(place, eval())
		})
	}
}
