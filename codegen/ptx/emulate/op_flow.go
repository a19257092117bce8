package emulate

// Branches and exits.

func bra(d *decoder) {
	d.has("uni")
	d.in.flow = jump
	d.in.target = d.label(d.next())
}

// label finds a label's instruction. Statements and instructions are numbered alike.
func (d *decoder) label(o *operand) int {
	if o.kind != nameOperand {
		d.refuse("expected a label")
	}
	return d.labelNamed(o.name)
}

func (d *decoder) labelNamed(name string) int {
	at, ok := find(d.st.scope, name, func(s *scope) map[string]int { return s.labels })
	if !ok {
		d.refuse("label %s is not in scope", name)
	}
	return at
}

// brx.idx jumps to one of a table's labels.
func brxIdx(d *decoder) {
	d.has("uni")
	index := d.src(u32)
	name := d.next().name
	table, ok := find(d.st.scope, name, func(s *scope) map[string][]string { return s.tables })
	if !ok {
		d.refuse("%s is not a table of branch targets", name)
	}
	targets := make([]int, len(table))
	for i, label := range table {
		targets[i] = d.labelNamed(label)
	}
	d.in.flow = jump
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) {
			i := w.r[index*32+l]
			if i >= uint64(len(targets)) {
				w.fault(OutOfBounds, l, "index %d into a table of %d labels", i, len(targets))
				return
			}
			w.pc[l] = targets[i]
		})
	}
}

func exit(d *decoder) { d.in.flow = leave }

// ret of an entry ends the thread.
func ret(d *decoder) {
	d.has("uni")
	d.in.flow = leave
}

func trap(d *decoder) {
	d.in.exec = func(w *warp, m uint32) { w.each(m, func(l int) { w.fault(Misuse, l, "is reached") }) }
}

func nothing(d *decoder) { d.in.exec = func(*warp, uint32) {} }
