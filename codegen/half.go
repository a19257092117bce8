package codegen

import (
	"strconv"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// 16-bit floats are integers here until they are cast: bf16 by integer operations, because no CPU's own
// conversion keeps subnormal numbers; f16, and bf16 on a GPU, by the machine's, which does.

// fromHalf makes f32 of a 16-bit float, exactly.
func (e *emitter) fromHalf(a value) value {
	if a.t == tensor.F16 {
		half := e.set("bitcast ", a.arg(), " to ", shaped("half", registers(a.lanes)))
		return e.op(tensor.F32, a.lanes, "fpext ", shaped("half", registers(a.lanes)), " ", half, " to ", typeName(tensor.F32, a.lanes))
	}
	wide := e.resize(a, tensor.U32, "zext")
	wide = e.two("shl", wide, integerOf(tensor.U32, 16))
	return e.op(tensor.F32, a.lanes, "bitcast ", wide.arg(), " to ", typeName(tensor.F32, a.lanes))
}

func halfType(t tensor.DType) string {
	if t == tensor.F16 {
		return "half"
	}
	return "bfloat"
}

// toHalf rounds f32 to nearest even; a NaN stays one, quiet.
func (e *emitter) toHalf(a value, to tensor.DType) value {
	if to == tensor.F16 || e.machine.Warps > 0 {
		half := shaped(halfType(to), registers(a.lanes))
		return e.op(to, a.lanes, "bitcast ", half, " ", e.set("fptrunc ", a.arg(), " to ", half), " to ", typeName(to, a.lanes))
	}
	number := func(v int64) value { return integerOf(tensor.U32, v) }
	bits := e.op(tensor.U32, a.lanes, "bitcast ", a.arg(), " to ", typeName(tensor.U32, a.lanes))
	high := e.two("lshr", bits, number(16))
	odd := e.two("and", high, number(1))
	near := e.two("lshr", e.two("add", bits, e.two("add", odd, number(0x7FFF))), number(16))
	nan := e.two("or", high, number(0x40))
	return e.resize(e.choose(e.compare("fcmp uno", a, a), nan, near), to, "trunc")
}

// A pair is two neighbouring terms' factors, for the machine's sums of products of pairs: by lane,
// or the same in all.
type pairKey struct {
	factor *factor
	point  uint64
}

// A factor of a product of 16-bit floats: what is read, or its copy in scratch memory.
type factor struct {
	load    *kernel.Load
	operand *operand
	linear  tensor.Dim
	indices []int
	paired  bool
}

// factors returns both factors of d's terms, nil where they are not read as bf16 from memory.
func (e *emitter) factors(d *kernel.Def) (list []*factor) {
	for _, a := range d.Expr.(*kernel.Call).Args {
		l, ok := kernel.Widened(a).(*kernel.Load)
		if !ok || l.DType != tensor.BF16 || e.buffers[l.Name] == nil || e.alive[l.Name] != nil || e.held[l.Name] != nil {
			return nil
		}
		for _, at := range l.At {
			if _, plain := at.(*kernel.Index); !plain {
				return nil
			}
		}
		f := &factor{load: l, operand: e.buffers[l.Name], linear: e.exprs.linear(l, e.buffers[l.Name].buffer)}
		if c := e.copies[tile.Stage{Def: d.Name, From: l.Name}]; c != nil {
			f.operand, f.linear, f.paired = c.operand, c.linear, c.paired > 0
		}
		f.indices = e.numbers(f.linear)
		list = append(list, f)
	}
	return list
}

// coefficient of an index in an affine form; 0 in one that is not affine.
func (f *form) coefficient(index int) int64 {
	for _, c := range f.coefs {
		if c.index == index && f.affine {
			return c.by
		}
	}
	return 0
}

// dots accumulates the terms of the order matrix two by two, where the machine adds products of
// pairs of bf16: element by element of the last axis, the last one with zeros beside it where their
// number is odd. It reports false where the terms are not of that kind.
func (e *emitter) dots(d *live) bool {
	def := d.def
	if !e.machine.Dots || !def.IsMatrix() || len(def.Reduce.When) > 0 || e.lanesOf(d.axes) != e.machine.Lanes {
		return false
	}
	factors := e.factors(def)
	if factors == nil {
		return false
	}
	axes := e.axes(def.Reduce.Axes)
	last := axes[len(axes)-1]
	first := true
	e.points(axes[:len(axes)-1], true, func() {
		n := e.tile[last].max
		for at := int64(0); at < n; at += 2 {
			if !first {
				e.part()
			}
			first = false
			pairs := map[pairKey]string{}
			e.points(d.axes, false, func() {
				e.point[last] = at
				i := e.register(d)
				x, y := e.pair(factors[0], last, at+1 < n, pairs), e.pair(factors[1], last, at+1 < n, pairs)
				acc := d.values[i]
				d.values[i] = e.op(tensor.F32, e.lanes, "call <16 x float> @llvm.x86.avx512bf16.dpbf16ps.512(", acc.arg(), ", <32 x bfloat> ", x, ", <32 x bfloat> ", y, ")")
			})
			e.point[last] = 0
		}
	})
	return true
}

// pair is the factor at the current point and, where there are two, at the next one of the index,
// in neighbouring lanes of 16 bits.
func (e *emitter) pair(l *factor, last int, two bool, done map[pairKey]string) string {
	key := pairKey{l, e.key(l.indices)}
	if id, ok := done[key]; ok {
		return id
	}
	id := ""
	form := e.formOf(l.load, l.linear)
	if p := e.at(form); l.paired {
		at := e.displaced(e.baseAddress(l.operand, p), p.offset*2)
		id = e.set("load <32 x bfloat>, ptr ", at, ", align 64")
	} else if p.step == 0 && two && form.coefficient(last) == 1 {
		at := e.displaced(e.baseAddress(l.operand, p), p.offset*2)
		v := value{id: e.set("load i32, ptr ", at, ", align 2"), t: tensor.U32, lanes: 1}
		id = e.wide(v, e.lanes).id
		id = e.set("bitcast <16 x i32> ", id, " to <32 x bfloat>")
	} else {
		id = e.set("bitcast <32 x i16> ", e.interleaved(l, last, two), " to <32 x bfloat>")
	}
	done[key] = id
	return id
}

// interleaved reads both elements of a pair for itself.
func (e *emitter) interleaved(l *factor, last int, two bool) string {
	read := func() string {
		p := e.at(e.formOf(l.load, l.linear))
		e.askAhead(l.load, l.operand, p)
		return e.wide(e.read(l.operand, p), e.lanes).id
	}
	a, b := read(), "zeroinitializer"
	if two {
		e.point[last]++
		b = read()
		e.point[last]--
	}
	return e.zip(a, b)
}

// zip puts the elements of two vectors side by side.
func (e *emitter) zip(a, b string) string {
	mask := ""
	for i := range e.lanes {
		if i > 0 {
			mask += ", "
		}
		mask += "i32 " + strconv.Itoa(i) + ", i32 " + strconv.Itoa(i+e.lanes)
	}
	return e.set("shufflevector <16 x i16> ", a, ", <16 x i16> ", b, ", <32 x i32> <", mask, ">")
}

// pairUp copies the part of an operand that a block of terms reads along the vector index, with
// neighbouring terms side by side.
func (e *emitter) pairUp(n *tile.Pair) {
	l, err := tile.Staged(e.program.Kernel, n.Def, n.From)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	axes := e.defs[n.Def].Reduce.Axes
	term := axes[len(axes)-1].Name
	terms, columns, err := tile.PairBox(l, term, e.vectorName(), func(name string) (int64, bool) {
		i, ok := e.indices[name]
		if !ok {
			return 0, false
		}
		return e.tile[i].max, true
	})
	if err != nil {
		panic("BUG: " + err.Error())
	}
	e.fresh()
	k, source := e.indices[term], e.buffers[n.From]
	along := func(i int, name string) tensor.Dim { return tensor.Sym(name).Sub(e.tile[i].start) }
	c := &copied{operand: e.scratch(l.DType), paired: columns}
	c.linear = along(k, term).Scale(columns).Add(along(e.vector, e.vectorName()).Scale(2))
	linear := e.exprs.linear(l, source.buffer)
	apart, _, _ := linear.Linear(term)
	starts := map[string]tensor.Dim{}
	for name, i := range e.indices {
		starts[name] = e.tile[i].start
	}
	from, to := e.address(source, linear.Subst(starts).Within(e.ranges)), e.base(c.operand)
	row, two := e.integer(apart.Scale(2)), e.integer(apart.Scale(4))
	count, width := e.tile[k].max, e.tile[e.vector].max
	e.lanes = e.machine.Lanes
	ahead := e.aheads[tile.Ahead{Def: n.Def, From: n.From}] * 2
	line := func(at string, odd bool) {
		p := e.offset(from, at, two)
		q := e.set("getelementptr i8, ptr ", p, ", i64 ", row)
		e.asked = map[string]bool{}
		for j := int64(0); ahead > 0 && j < width; j += int64(e.lanes) {
			e.askFor(p, 2*j+ahead, readAhead)
			e.askFor(q, 2*j+ahead, readAhead)
		}
		for j := int64(0); j < width; j += int64(e.lanes) {
			e.point[e.vector] = j
			a, b := e.across.loadMany(l.DType, e.displaced(p, 2*j), e.allowed()).id, "zeroinitializer"
			if !odd {
				b = e.across.loadMany(l.DType, e.displaced(q, 2*j), e.allowed()).id
			}
			e.put("store <32 x i16> ", e.zip(a, b), ", ptr ", e.displaced(e.offset(to, at, strconv.FormatInt(4*columns, 10)), 4*j), ", align 64")
		}
		e.point[e.vector] = 0
	}
	e.counted("0", strconv.FormatInt(count/2, 10), 1, func(at string) { line(at, false) })
	if count%2 > 0 {
		line(strconv.FormatInt(count/2, 10), true)
	}
	e.room += terms * columns * 2
	e.most = max(e.most, e.room)
	e.copies[tile.Stage(*n)] = c
	e.fresh()
}

func (e *emitter) vectorName() string {
	for name, i := range e.indices {
		if i == e.vector {
			return name
		}
	}
	return ""
}
