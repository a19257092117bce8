package emulate

// access is one instruction's touching of memory by one warp, or by the agent of an asynchronous
// operation; cells point to it. Lane l of the warp is thread base+l of the unit.
type access struct {
	unit    int // units run one after another and are never ordered between themselves
	base    int
	clock   uint32
	line    int
	what    *string
	pending bool // an asynchronous operation that nobody has waited for
	reads   bool // only reads
	single  bool // of one thread, base itself, and not of a warp
	async   bool // through the asynchronous proxy
	atomic  bool
}

// accessesAtOnce are made together: there are very many of them, and most live as long as their neighbours.
const accessesAtOnce = 128

func (r *run) access() *access {
	if len(r.fresh) == 0 {
		r.fresh = make([]access, accessesAtOnce)
	}
	a := &r.fresh[0]
	r.fresh = r.fresh[1:]
	return a
}

// cell is the shadow of one word of memory, or of one byte where somebody touched less than a word.
type cell struct {
	w     *access // the last write
	r     *access // reads since, by the lanes of rmask
	rmask uint32
	wlane uint8
	flags cellFlags
	rest  *cellRest
}

// shadow has the cells of a region's words. Those that nobody came near take no memory.
type shadow struct {
	pages []*page
	free  *[]*page // clean ones of regions that have ended
}

const pageCells = 1 << 8

type page [pageCells]cell

func newShadow(bytes int, free *[]*page) *shadow {
	return &shadow{make([]*page, ((bytes+3)/4+pageCells-1)/pageCells), free}
}

// of gives the cell of the word at an offset.
func (s *shadow) of(off uint64) *cell {
	if p := s.pages[off/4/pageCells]; p != nil {
		return &p[off/4%pageCells]
	}
	return &s.page(off / 4 / pageCells)[off/4%pageCells]
}

func (s *shadow) page(i uint64) *page {
	if n := len(*s.free); n > 0 {
		s.pages[i] = (*s.free)[n-1]
		*s.free = (*s.free)[:n-1]
	} else {
		s.pages[i] = new(page)
	}
	return s.pages[i]
}

// end gives the pages back.
func (s *shadow) end() {
	for i, p := range s.pages {
		if p != nil {
			*p = page{}
			*s.free = append(*s.free, p)
			s.pages[i] = nil
		}
	}
}

type cellFlags uint8

const (
	filled      cellFlags = 1 << iota // has an initial value
	hole                              // belongs to no variable
	foreign                           // read by an earlier unit, at line rest.line
	nonCoherent                       // read by ld.global.nc, at line rest.ncLine
)

// cellRest is what few cells need.
type cellRest struct {
	reads  []reader // further reads, and atomic updates before the last one
	bytes  *[4]cell // the cell of each byte; the word's own is out of use
	line   int
	ncLine int
}

type reader struct {
	a    *access
	mask uint32
}

func (c *cell) more() *cellRest {
	if c.rest == nil {
		c.rest = &cellRest{}
	}
	return c.rest
}

// touch is an access of one lane to one cell.
type touch struct {
	w    *warp
	reg  *region
	lane int // the thread that touches
	as   int // the lane that the cell remembers: 0 when the access is one thread's
	a    *access
	off  uint64
	kind touchKind
}

// touchKind is what a touch does with cells.
type touchKind uint8

const (
	reading    touchKind = iota
	writing              // or updating atomically
	inspecting           // checks that an update does not start from bytes nobody has written
	promising            // ld.global.nc promises that nobody writes the word
)

func (t *touch) visit(c *cell) bool {
	if c.flags&hole != 0 {
		t.w.fault(OutOfBounds, t.lane, "touches %s, which lies between variables", t.reg.place(t.off))
		return false
	}
	switch t.kind {
	case reading:
		return t.read(c)
	case writing:
		return t.write(c)
	case inspecting:
		return t.inspect(c)
	}
	return t.promise(c)
}

// plain does what is done to most cells: a read or write by a thread, behind those that it conflicts with. It tells
// false where there is more to be looked at.
func (t *touch) plain(c *cell) bool {
	a := t.a
	if c.flags&^filled != 0 || a.atomic || a.async || t.kind > writing {
		return false
	}
	if c.w != nil {
		if c.w.atomic || !t.after(c.w, int(c.wlane)) {
			return false
		}
	} else if t.kind == reading && t.reg.blank && c.flags&filled == 0 {
		return false
	}
	if t.kind == reading {
		return t.readsAlong(c)
	}
	if c.r != nil && (c.r.atomic || !t.afterAny(c.r, c.rmask)) {
		return false
	}
	if c.rest != nil {
		for _, r := range c.rest.reads {
			if r.a.atomic || !t.afterAny(r.a, r.mask) {
				return false
			}
		}
		c.rest.reads = c.rest.reads[:0]
	}
	c.r, c.rmask = nil, 0
	c.w, c.wlane = a, uint8(t.as)
	return true
}

// readsAlong remembers a read like those that the cell remembers, or the first one, or one behind the last.
func (t *touch) readsAlong(c *cell) bool {
	a, bit := t.a, uint32(1)<<t.as
	switch {
	case c.r == nil:
		c.r, c.rmask = a, bit
		return true
	case c.r == a || joinable(c.r, a):
		c.rmask |= bit
		return true
	case c.r.atomic || c.r.unit != a.unit:
		return false
	}
	if t.afterAny(c.r, c.rmask) {
		c.r, c.rmask = a, bit
		return true
	}
	if c.rest != nil {
		for i := range c.rest.reads {
			if r := &c.rest.reads[i]; r.a == a || joinable(r.a, a) {
				r.mask |= bit
				return true
			}
		}
	}
	return false
}

// afterAny is afterAll for an access of a warp that was asked for before, most often: many cells remember the same.
func (t *touch) afterAny(a *access, mask uint32) bool {
	k := &t.w.known
	seen := t.w.seen[t.lane]
	if k.a == a && mask&^k.mask == 0 && same(k.seen, seen) && seen != nil {
		return true
	}
	if _, ok := t.afterAll(a, mask); !ok {
		return false
	}
	if own := t.w.base + t.lane - a.base; own < 0 || own > 31 || mask>>own&1 == 0 {
		*k = known{a, mask, seen}
	}
	return true
}

// known is the last access that threads with that vector were found to be behind.
type known struct {
	a    *access
	mask uint32
	seen vector
}

func (t *touch) inspect(c *cell) bool {
	if c.w == nil && c.flags&filled == 0 {
		t.w.fault(Uninitialized, t.lane, "updates %s, which nobody has written", t.reg.place(t.off))
		return false
	}
	return true
}

func (t *touch) promise(c *cell) bool {
	if c.w != nil {
		t.w.fault(NonCoherent, t.lane, "reads %s, which line %d writes in the same launch", t.reg.place(t.off), c.w.line)
		return false
	}
	c.flags |= nonCoherent
	c.more().ncLine = t.a.line
	return true
}

// after tells whether what lane of a did is ordered before the touching thread.
func (t *touch) after(a *access, lane int) bool {
	if a.pending || a.unit != t.a.unit {
		return false
	}
	i := a.base + lane
	return i == t.w.base+t.lane || t.w.seen[t.lane].at(i) >= a.clock
}

func (t *touch) afterAll(a *access, mask uint32) (lane int, ok bool) {
	for l := 0; mask != 0; l, mask = l+1, mask>>1 {
		if mask&1 != 0 && !t.after(a, l) {
			return l, false
		}
	}
	return 0, true
}

// visible tells whether a write that is ordered before the touch is so in the touch's proxy too.
func (t *touch) visible(a *access, lane int) bool {
	return a.async || !t.a.async || t.w.fenced[t.lane].at(a.base+lane) >= a.clock
}

func (t *touch) conflict(a *access, lane int, mine string) bool {
	if a.pending {
		t.w.fault(Pending, t.lane, "%s %s, which is still in flight: %s (line %d) has not been waited for", mine, t.reg.place(t.off), *a.what, a.line)
		return false
	}
	who := "another block"
	if a.unit == t.a.unit {
		who = t.w.u.thread(a.base + lane)
	}
	t.w.fault(Race, t.lane, "%s %s, not ordered after %s (line %d) by %s", mine, t.reg.place(t.off), *a.what, a.line, who)
	return false
}

// read records a read of the cell and tells whether it is allowed.
func (t *touch) read(c *cell) bool {
	if c.w == nil {
		if t.reg.blank && c.flags&filled == 0 {
			t.w.fault(Uninitialized, t.lane, "reads %s, which nobody has written", t.reg.place(t.off))
			return false
		}
	} else if !(c.w.atomic && t.a.atomic) {
		if !t.after(c.w, int(c.wlane)) {
			return t.conflict(c.w, int(c.wlane), "reads")
		}
		if !t.visible(c.w, int(c.wlane)) {
			t.w.fault(Proxy, t.lane, "reads %s through the asynchronous proxy without a fence.proxy.async after the write at line %d", t.reg.place(t.off), c.w.line)
			return false
		}
		if c.w.atomic && c.rest != nil {
			for _, r := range c.rest.reads {
				if lane, ok := t.afterAll(r.a, r.mask); r.a.atomic && !r.a.reads && !ok {
					return t.conflict(r.a, lane, "reads")
				}
			}
		}
	}
	t.remember(c)
	return true
}

// remember adds the reader to the cell.
func (t *touch) remember(c *cell) {
	bit := uint32(1) << t.as
	switch {
	case c.r == t.a || c.r != nil && joinable(c.r, t.a):
		c.rmask |= bit
		return
	case c.r == nil:
		c.r, c.rmask = t.a, bit
		return
	case c.r.unit != t.a.unit:
		c.flags |= foreign
		c.more().line = c.r.line
		c.rest.reads = nil
	default:
		if _, ok := t.afterAll(c.r, c.rmask); !ok {
			if c.rest != nil {
				for i := range c.rest.reads {
					if r := &c.rest.reads[i]; r.a == t.a || joinable(r.a, t.a) {
						r.mask |= bit
						return
					}
				}
			}
			c.more().reads = append(c.rest.reads, reader{c.r, c.rmask})
		}
	}
	c.r, c.rmask = t.a, bit
}

// joinable tells whether two reads are the same to the clocks.
func joinable(a, b *access) bool {
	return a.base == b.base && a.clock == b.clock && a.unit == b.unit && !a.pending && !b.pending && !a.atomic && !b.atomic
}

// write records a write of the cell and tells whether it is allowed.
func (t *touch) write(c *cell) bool {
	if c.flags&nonCoherent != 0 {
		t.w.fault(NonCoherent, t.lane, "writes %s, which ld.global.nc reads in the same launch (line %d)", t.reg.place(t.off), c.rest.ncLine)
		return false
	}
	if c.flags&foreign != 0 {
		t.w.fault(Race, t.lane, "writes %s, which another block reads (line %d)", t.reg.place(t.off), c.rest.line)
		return false
	}
	if c.w != nil && !(c.w.atomic && t.a.atomic) {
		if !t.after(c.w, int(c.wlane)) {
			return t.conflict(c.w, int(c.wlane), "writes")
		}
		if !t.visible(c.w, int(c.wlane)) {
			t.w.fault(Proxy, t.lane, "writes %s through the asynchronous proxy without a fence.proxy.async after the write at line %d", t.reg.place(t.off), c.w.line)
			return false
		}
	}
	if c.r != nil && !(c.r.atomic && t.a.atomic) {
		if lane, ok := t.afterAll(c.r, c.rmask); !ok {
			return t.conflict(c.r, lane, "writes")
		}
	}
	if c.rest != nil {
		for _, r := range c.rest.reads {
			if lane, ok := t.afterAll(r.a, r.mask); !ok && !(r.a.atomic && t.a.atomic) {
				return t.conflict(r.a, lane, "writes")
			}
		}
	}
	t.own(c)
	return true
}

// own makes the access the cell's last write.
func (t *touch) own(c *cell) {
	keep := t.a.atomic && c.w != nil && c.w.atomic
	if t.a.atomic && c.r != nil && c.r.atomic {
		t.push(c.more(), c.r, c.rmask)
	}
	if keep {
		t.push(c.more(), c.w, 1<<c.wlane)
	} else if c.rest != nil && !t.a.atomic {
		c.rest.reads = c.rest.reads[:0]
	}
	c.r, c.rmask = nil, 0
	c.w, c.wlane = t.a, uint8(t.as)
}

// push keeps an earlier atomic update, so that plain accesses are held against all of them. Of other units'
// one is enough.
func (t *touch) push(rest *cellRest, a *access, mask uint32) {
	for i := range rest.reads {
		r := &rest.reads[i]
		if !r.a.atomic {
			continue
		}
		if r.a.unit != t.a.unit && a.unit != t.a.unit && r.a.reads == a.reads {
			return
		}
		if r.a.base == a.base && r.a.clock == a.clock && r.a.unit == a.unit && r.a.reads == a.reads {
			r.mask |= mask
			return
		}
	}
	rest.reads = append(rest.reads, reader{a, mask})
}

// cover visits the cells of a byte range: whole words, or the bytes of words in pieces.
func (t *touch) cover(off uint64, size int) bool {
	for end := off + uint64(size); off < end; {
		c := t.reg.cells.of(off)
		t.off = off
		if off%4 == 0 && end-off >= 4 && (c.rest == nil || c.rest.bytes == nil) {
			if !t.plain(c) && !t.visit(c) {
				return false
			}
			off += 4
			continue
		}
		if !t.visit(c.byte(int(off % 4))) {
			return false
		}
		off++
	}
	return true
}

// byte gives the cell of one byte of the word.
func (c *cell) byte(i int) *cell {
	rest := c.more()
	if rest.bytes == nil {
		var parts [4]cell
		for k := range parts {
			parts[k] = *c
			copied := *rest
			copied.reads = append([]reader(nil), rest.reads...)
			parts[k].rest = &copied
		}
		rest.bytes = &parts
	}
	return &rest.bytes[i]
}
