package emulate

// Comparisons and selection.

// relations gives the lanes for which a relation holds.
var relations = map[string]func(c compared) uint32{
	"eq":  func(c compared) uint32 { return c.ordered & c.equal },
	"ne":  func(c compared) uint32 { return c.ordered &^ c.equal },
	"lt":  func(c compared) uint32 { return c.ordered & c.less },
	"le":  func(c compared) uint32 { return c.ordered & (c.less | c.equal) },
	"gt":  func(c compared) uint32 { return c.ordered &^ (c.less | c.equal) },
	"ge":  func(c compared) uint32 { return c.ordered &^ c.less },
	"equ": func(c compared) uint32 { return ^c.ordered | c.equal },
	"neu": func(c compared) uint32 { return ^c.ordered | ^c.equal },
	"ltu": func(c compared) uint32 { return ^c.ordered | c.less },
	"leu": func(c compared) uint32 { return ^c.ordered | c.less | c.equal },
	"gtu": func(c compared) uint32 { return ^c.ordered | ^(c.less | c.equal) },
	"geu": func(c compared) uint32 { return ^c.ordered | ^c.less },
	"num": func(c compared) uint32 { return c.ordered },
	"nan": func(c compared) uint32 { return ^c.ordered },
	"lo":  func(c compared) uint32 { return c.less },
	"ls":  func(c compared) uint32 { return c.less | c.equal },
	"hi":  func(c compared) uint32 { return ^(c.less | c.equal) },
	"hs":  func(c compared) uint32 { return ^c.less },
}

// compare takes the comparison and the type, and gives a function of two registers' values.
func (d *decoder) compare() (func(x, y *lanes) uint32, typ) {
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
	case t == f32 && ftz:
		return func(x, y *lanes) uint32 {
			return rel(compareFloats(x, y, func(v uint64) float64 { return float64(float(flush(v))) }))
		}, t
	case t == f32:
		return func(x, y *lanes) uint32 { return rel(compareSingles(x, y)) }, t
	case t == f64:
		return func(x, y *lanes) uint32 { return rel(compareFloats(x, y, double)) }, t
	case t == f16 || t == bf16:
		f, _ := d.formatOf(t)
		return func(x, y *lanes) uint32 { return rel(compareFloats(x, y, f.decode)) }, t
	}
	d.among(t, b16, b32, b64, u16, u32, u64, s16, s32, s64)
	d.integerRelation(name, t)
	if t.signed() {
		width := t.bits()
		return func(x, y *lanes) uint32 { return rel(compareSigned(x, y, width)) }, t
	}
	return func(x, y *lanes) uint32 { return rel(compareRows(x, y)) }, t
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
		v := test(w.row(a), w.row(b)) & m
		extra := p.mask(w)
		w.setPred(dst, m, with(v, extra))
		if other >= 0 {
			w.setPred(other, m, with(^v, extra))
		}
	}
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
