package passes

import "dlc/ir/kernel"

// window returns how many terms of a sum of windows along the innermost axis of the rows read what
// neighbouring rows read; 1 where rows share nothing.
func (t *tiler) window(s *stage, rows []kernel.Axis) int64 {
	if t.gpu() || len(rows) == 0 || len(s.reduces) != 1 {
		return 1
	}
	r := s.reduces[0].Reduce
	inner := r.Axes[len(r.Axes)-1]
	for _, l := range s.reduces[0].Loads() {
		step := t.strideOf(l, rows[0].Name)
		if step > 0 && step == t.strideOf(l, inner.Name) && r.Order.Kind == kernel.Chain {
			return extentOf(inner, 1)
		}
	}
	return 1
}
