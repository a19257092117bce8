package emulate

// layout places variables one after another in a space, with a hole behind each, so that running over
// the end of one is not an access to the next.
type layout struct {
	size  uint64
	holes [][2]uint64
}

// Addresses start above zero, so that a null pointer points nowhere.
const (
	sharedStart = 1024
	otherStart  = 256
	holeBytes   = 16
)

// sharedLimit gives the bytes of shared memory that a block may have.
func sharedLimit(target string) int {
	switch target {
	case "sm_80", "sm_87":
		return 163 << 10
	case "sm_86", "sm_89", "sm_120", "sm_120a":
		return 99 << 10
	case "sm_90", "sm_90a", "sm_100", "sm_100a", "sm_103", "sm_103a":
		return 227 << 10
	}
	return 48 << 10
}

func (l *layout) add(v *variable) {
	a := uint64(max(v.align, 1))
	start := l.size
	if l.size > sharedStart || l.size > otherStart && len(l.holes) > 0 {
		start += holeBytes
	}
	v.at = (start + a - 1) / a * a
	if v.at > l.size {
		l.holes = append(l.holes, [2]uint64{l.size, v.at})
	}
	l.size = v.at + uint64(v.bytes)
}

// place lays out the variables that the entry's statements name.
func (e *Entry) place(m *Module) {
	e.shared.size, e.constant.size, e.local.size = sharedStart, otherStart, otherStart
	params := layout{size: otherStart}
	for _, v := range e.params {
		a := uint64(max(v.align, 1))
		v.at = (params.size + a - 1) / a * a
		params.size = v.at + uint64(v.bytes)
	}
	named := map[string]bool{}
	for i := range e.stmts {
		names(e.stmts[i].operands, named)
	}
	for _, v := range append(append([]*variable(nil), m.vars...), e.vars...) {
		if !named[v.name] {
			continue
		}
		switch {
		case v.space == "shared" && v.extern && v.bytes == 0:
			if e.dynamic != nil {
				refuse(v.line, "%s: a second extern shared array in one entry", v.name)
			}
			e.dynamic = v
		case v.extern:
			refuse(v.line, "%s: an extern variable that the module does not define", v.name)
		case v.space == "shared":
			if v.init != nil {
				refuse(v.line, "%s: shared variables have no initial values", v.name)
			}
			e.shared.add(v)
		case v.space == "const":
			e.constant.add(v)
			e.placed = append(e.placed, v)
		case v.space == "local":
			e.local.add(v)
		case v.space == "global":
			e.globals = append(e.globals, v)
		}
	}
	if e.dynamic != nil {
		e.shared.add(e.dynamic)
	}
	for i, v := range e.globals {
		v.at = globalBase(i)
	}
}

func names(list []operand, into map[string]bool) {
	for _, o := range list {
		if o.kind == nameOperand {
			into[o.name] = true
		}
		names(o.elems, into)
	}
}

// variable finds what a name in an operand means: a parameter, a variable of the body or of the module.
func (d *decoder) variable(name string) *variable {
	for _, v := range d.e.params {
		if v.name == name {
			return v
		}
	}
	if v, ok := find(d.st.scope, name, func(s *scope) map[string]*variable { return s.vars }); ok {
		return v
	}
	for _, v := range d.m.vars {
		if v.name == name {
			return v
		}
	}
	return nil
}
