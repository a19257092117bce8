package passes

import (
	"slices"
	"strconv"

	"dlc/ir/kernel"
)

// shareWeights makes maps of the costly functions of a row's elements that several definitions of
// k compute: the weights exp(x - m) of a softmax. What is computed does not change.
func shareWeights(k *kernel.Kernel) {
	rows := map[string]bool{}
	for _, d := range k.Defs {
		if r := d.Reduce; r != nil && (r.Order.Kind == kernel.Lanes64 || r.Order.Kind == kernel.Rescale) {
			rows[r.Axes[0].Name] = true
		}
	}
	if len(rows) == 0 {
		return
	}
	users := map[string]int{}
	for _, d := range k.Defs {
		for text := range costlyParts(d.Expr, rows) {
			users[text]++
			if m := k.Def(followed(d)); m != nil && len(d.Axes) > len(m.Axes) {
				users[text]++ // once for all of its axes
			}
		}
	}
	made := map[string]*kernel.Def{}
	var defs []*kernel.Def
	for _, d := range k.Defs {
		d.Expr = outermost(d.Expr, func(e kernel.Expr) kernel.Expr {
			text := costlyPart(e, rows)
			if users[text] < 2 {
				return nil
			}
			w := made[text]
			if w == nil {
				w = &kernel.Def{Name: unusedWeight(k, len(made)), DType: e.Type(), Expr: e}
				for _, a := range d.AllAxes() {
					if usesIndex(e, a.Name) {
						w.Axes = append(w.Axes, a)
					}
				}
				made[text] = w
				defs = append(defs, w)
			}
			return &kernel.Load{Name: w.Name, DType: w.DType, At: kernel.Points(w.Axes)}
		})
		defs = append(defs, d)
	}
	k.Defs = defs
}

// costlyPart is the text of e where it is a function that is expanded, of an element of a row.
func costlyPart(e kernel.Expr, rows map[string]bool) string {
	c, ok := e.(*kernel.Call)
	if !ok {
		return ""
	}
	f, _ := kernel.LookupFunc(c.Fn)
	if !f.Expanded {
		return ""
	}
	for row := range rows {
		if usesIndex(e, row) {
			return c.String()
		}
	}
	return ""
}

func costlyParts(e kernel.Expr, rows map[string]bool) map[string]bool {
	set := map[string]bool{}
	kernel.Walk(e, func(e kernel.Expr) bool {
		if text := costlyPart(e, rows); text != "" {
			set[text] = true
		}
		return true
	})
	return set
}

// outermost replaces the parts of e for which by gives something, from the outside in.
func outermost(e kernel.Expr, by func(kernel.Expr) kernel.Expr) kernel.Expr {
	to := map[kernel.Expr]kernel.Expr{}
	kernel.Walk(e, func(e kernel.Expr) bool {
		if x := by(e); x != nil {
			to[e] = x
			return false
		}
		return true
	})
	if x, ok := to[e]; ok {
		return x
	}
	return kernel.Rewrite(e, func(e kernel.Expr) kernel.Expr {
		if c, ok := e.(*kernel.Call); ok && slices.ContainsFunc(c.Args, func(a kernel.Expr) bool { return to[a] != nil }) {
			args := slices.Clone(c.Args)
			for i, a := range args {
				if x, ok := to[a]; ok {
					args[i] = x
				}
			}
			return &kernel.Call{Fn: c.Fn, DType: c.DType, Args: args}
		}
		return e
	})
}

func unusedWeight(k *kernel.Kernel, n int) string {
	for name := "w" + strconv.Itoa(n); ; name += "_" {
		if k.Def(name) == nil && k.Buffer(name) == nil {
			return name
		}
	}
}
