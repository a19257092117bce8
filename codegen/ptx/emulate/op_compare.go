package emulate

// Comparisons and selection.

// relation compares; ordered says whether both were numbers.
type relation func(less, equal, ordered bool) bool

var relations = map[string]relation{
	"eq":  func(_, equal, ordered bool) bool { return ordered && equal },
	"ne":  func(_, equal, ordered bool) bool { return ordered && !equal },
	"lt":  func(less, _, ordered bool) bool { return ordered && less },
	"le":  func(less, equal, ordered bool) bool { return ordered && (less || equal) },
	"gt":  func(less, equal, ordered bool) bool { return ordered && !less && !equal },
	"ge":  func(less, _, ordered bool) bool { return ordered && !less },
	"equ": func(_, equal, ordered bool) bool { return !ordered || equal },
	"neu": func(_, equal, ordered bool) bool { return !ordered || !equal },
	"ltu": func(less, _, ordered bool) bool { return !ordered || less },
	"leu": func(less, equal, ordered bool) bool { return !ordered || less || equal },
	"gtu": func(less, equal, ordered bool) bool { return !ordered || !less && !equal },
	"geu": func(less, _, ordered bool) bool { return !ordered || !less },
	"num": func(_, _, ordered bool) bool { return ordered },
	"nan": func(_, _, ordered bool) bool { return !ordered },
	"lo":  func(less, _, _ bool) bool { return less },
	"ls":  func(less, equal, _ bool) bool { return less || equal },
	"hi":  func(less, equal, _ bool) bool { return !less && !equal },
	"hs":  func(less, _, _ bool) bool { return !less },
}

// compare takes the comparison and the type, and gives a function of two values' bits.
func (d *decoder) compare() (func(a, b uint64) bool, typ) {
	if len(d.mods) == 0 {
		d.refuse("without a comparison")
	}
	name := d.mods[0]
	rel, ok := relations[name]
	if !ok {
		d.refuse("comparison .%s is not known", name)
	}
	d.mods = d.mods[1:]
	t := d.typ()
	ftz := d.has("ftz")
	switch {
	case t == f32:
		return func(a, b uint64) bool {
			if ftz {
				a, b = flush(a), flush(b)
			}
			x, y := float(a), float(b)
			return rel(x < y, x == y, x == x && y == y)
		}, t
	case t == f64:
		return func(a, b uint64) bool {
			x, y := double(a), double(b)
			return rel(x < y, x == y, x == x && y == y)
		}, t
	case t == f16 || t == bf16:
		f, _ := d.formatOf(t)
		return func(a, b uint64) bool {
			x, y := f.decode(a), f.decode(b)
			return rel(x < y, x == y, x == x && y == y)
		}, t
	}
	d.among(t, b16, b32, b64, u16, u32, u64, s16, s32, s64)
	d.integerRelation(name, t)
	return func(a, b uint64) bool { return rel(lessInt(t, a, b), a == b, true) }, t
}

func (d *decoder) integerRelation(name string, t typ) {
	switch name {
	case "eq", "ne":
		return
	case "lt", "le", "gt", "ge":
		if !t.untyped() {
			return
		}
	case "lo", "ls", "hi", "hs":
		if t.integer() && !t.signed() {
			return
		}
	}
	d.refuse("comparison .%s of type %s is not known", name, t)
}

// combine takes setp's boolean modifier.
func (d *decoder) combine() func(cmp, p uint32) uint32 {
	switch d.one("and", "or", "xor") {
	case "and":
		return func(cmp, p uint32) uint32 { return cmp & p }
	case "or":
		return func(cmp, p uint32) uint32 { return cmp | p }
	case "xor":
		return func(cmp, p uint32) uint32 { return cmp ^ p }
	}
	return nil
}

func setp(d *decoder) {
	test, t := d.compare()
	with := d.combine()
	o := d.next()
	dst, other := d.predDstOf(o), -1
	if o.pair != nil {
		other = d.predDstOf(o.pair)
	}
	a, b := d.src(t), d.src(t)
	var p predicate
	if with != nil {
		p = d.predSrc()
	} else {
		with = func(cmp, _ uint32) uint32 { return cmp }
		p = predicate{-1, true}
	}
	d.in.exec = func(w *warp, m uint32) {
		v := w.where(m, a, b, test)
		extra := p.mask(w)
		w.setPred(dst, m, with(v, extra))
		if other >= 0 {
			w.setPred(other, m, with(^v, extra))
		}
	}
}

// where gives the lanes of m for which the test holds.
func (w *warp) where(m uint32, a, b int, test func(a, b uint64) bool) uint32 {
	x, y := w.lanesOf(a), w.lanesOf(b)
	var v uint32
	for l := range x {
		if m>>l&1 != 0 && test(x[l], y[l]) {
			v |= 1 << l
		}
	}
	return v
}

func selp(d *decoder) {
	t := d.typ()
	if t == pred {
		d.refuse("not known with type pred")
	}
	dst, a, b, p := d.dst(t), d.src(t), d.src(t), d.predSrc()
	d.in.exec = func(w *warp, m uint32) {
		choose := p.mask(w)
		to, x, y := w.lanesOf(dst), w.lanesOf(a), w.lanesOf(b)
		for l := range to {
			switch {
			case m>>l&1 == 0:
			case choose>>l&1 != 0:
				to[l] = x[l]
			default:
				to[l] = y[l]
			}
		}
	}
}

// slct picks a where c >= 0.
func slct(d *decoder) {
	t := d.typ()
	c := d.among(d.typ(), s32, f32)
	ftz := d.has("ftz")
	dst, a, b, by := d.dst(t), d.src(t), d.src(t), d.src(c)
	d.ternaryTo(dst, a, b, by, t, func(a, b, c2 uint64) uint64 {
		if ftz {
			c2 = flush(c2)
		}
		if c == s32 && int32(c2) >= 0 || c == f32 && float(c2) >= 0 {
			return a
		}
		return b
	})
}
