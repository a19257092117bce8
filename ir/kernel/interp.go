package kernel

import (
	"encoding/binary"
	"fmt"
	"math"

	"dlc/ir/tensor"
)

// Interp evaluates every definition of p at every index in the stated order. buffers gives the
// tensors of inputs and weights (and of constants that carry no value); the other buffers are
// made and added to it. An Update stays under its own name: the weight is not written.
//
// Both arms of a select are evaluated, as machine code does, so a load outside of its extent is
// an error there too unless a Guard stands around it or its index is computed.
func Interp(p *Program, symbols map[string]int64, buffers map[string]*tensor.Tensor) (err error) {
	defer func() {
		switch f := recover().(type) {
		case nil:
		case failure:
			err = fmt.Errorf("interpret %s: %w", p.Name, f.error)
		default:
			panic(f)
		}
	}()
	for _, b := range p.Buffers {
		bindBuffer(b, symbols, buffers)
	}
	return p.Follow(Over(buffers, func(i int) error { interpKernel(p.Kernels[i], symbols, buffers); return nil }))
}

// A failure travels as a panic from closures to Interp.
type failure struct{ error }

func failf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

func bindBuffer(b *Buffer, symbols map[string]int64, buffers map[string]*tensor.Tensor) {
	dims, ok := b.Type.Shape.Bind(symbols)
	if !ok {
		failf("buffer %s: the shape %s has no value", b.Name, b.Type)
	}
	x := buffers[b.Name]
	if x == nil && b.Value != nil {
		x = b.Value
	}
	if x == nil && (b.Role == Input || b.Role == Weight || b.Role == Const) {
		failf("buffer %s is missing", b.Name)
	}
	if x == nil {
		x = tensor.New(b.Type.DType, dims...)
	}
	want := tensor.Tensor{DType: b.Type.DType, Dims: dims}
	if x.String() != want.String() {
		failf("buffer %s is %s, not %s", b.Name, x, &want)
	}
	buffers[b.Name] = x
}

func interpKernel(k *Kernel, symbols map[string]int64, buffers map[string]*tensor.Tensor) {
	local := map[string]*tensor.Tensor{}
	lookup := func(name string) *tensor.Tensor {
		if x, ok := local[name]; ok {
			return x
		}
		return buffers[name]
	}
	out := map[string]bool{}
	for _, b := range k.Outs {
		out[b.Name] = true
	}
	for _, group := range groups(k.Defs) {
		for _, d := range group {
			if local[d.Name] = buffers[d.Name]; !out[d.Name] {
				local[d.Name] = tensor.New(d.DType, newRun(d, k, symbols, lookup).extents(d.Axes)...)
			}
		}
		if group[0].Scan != nil {
			interpScan(group, k, symbols, lookup)
			continue
		}
		newRun(group[0], k, symbols, lookup).define(group[0], local[group[0].Name])
	}
}

// A run evaluates one definition: it is the Scope of its expressions.
type run struct {
	def     *Def
	kernel  *Kernel
	running *Rescaler         // of a sum that follows a maximum
	value   map[string]*int64 // of axes and symbols
	lookup  func(string) *tensor.Tensor
	compile *Compiler
}

func newRun(d *Def, k *Kernel, symbols map[string]int64, lookup func(string) *tensor.Tensor) *run {
	r := &run{def: d, kernel: k, value: map[string]*int64{}, lookup: lookup}
	for name, v := range symbols {
		r.value[name] = &v
	}
	r.compile = NewCompiler(r)
	return r
}

func (r *run) symbol(name string) *int64 {
	v, ok := r.value[name]
	if !ok {
		failf("definition %s: the symbol %s has no value", r.def.Name, name)
	}
	return v
}

// Index implements Scope.
func (r *run) Index(d tensor.Dim) func() int64 { return CompileDim(d, r.symbol) }

// Load implements Scope.
func (r *run) Load(l *Load, at []func() int64) Eval {
	if r.running != nil && l.Name == r.def.Reduce.Order.With {
		return func() uint64 { return r.running.Base }
	}
	x := r.lookup(l.Name)
	if x == nil {
		failf("definition %s: nothing is named %s", r.def.Name, l.Name)
	}
	if len(x.Dims) != len(at) {
		failf("definition %s: %d indices for %s %s", r.def.Name, len(at), l.Name, x)
	}
	gather := make([]bool, len(at))
	for i, e := range l.At {
		_, affine := e.(*Index)
		gather[i] = !affine
	}
	get, dims := elements(x), x.Dims
	return func() uint64 {
		place, inside := 0, true
		for i, f := range at {
			v := f()
			if v < 0 || v >= int64(dims[i]) {
				if !gather[i] {
					failf("definition %s: index %d of %s is %d, outside 0..%d", r.def.Name, i, l.Name, v, dims[i])
				}
				inside = false
			}
			place = place*dims[i] + int(v)
		}
		if !inside {
			return 0
		}
		return get(place)
	}
}

func (r *run) extents(axes []Axis) []int {
	dims := make([]int, len(axes))
	for i, a := range axes {
		v := r.Index(a.Extent)()
		if v < 0 {
			failf("definition %s: axis %s has extent %d", r.def.Name, a.Name, v)
		}
		dims[i] = int(v)
	}
	return dims
}

func (r *run) bindAxes(axes []Axis) []*int64 {
	at := make([]*int64, len(axes))
	for i, a := range axes {
		at[i] = new(int64)
		r.value[a.Name] = at[i]
	}
	return at
}

func (r *run) define(d *Def, x *tensor.Tensor) {
	dims := r.extents(d.Axes)
	at := r.bindAxes(d.Axes)
	switch {
	case d.Scatters():
		r.scatter(d, x)
		return
	case d.Sorts():
		r.sort(d, x)
		return
	}
	eval := r.eval(d)
	put, i := setter(x), 0
	walk(dims, at, func() {
		r.compile.Moved()
		put(i, eval())
		i++
	})
}

// eval returns what evaluates d at the current point of its axes.
func (r *run) eval(d *Def) Eval {
	if d.Reduce == nil {
		return r.compile.Compile(ExpandFuncs(d.Expr))
	}
	return r.reduce(d)
}

// walk visits all points in row-major order.
func walk(dims []int, at []*int64, visit func()) {
	if len(dims) == 0 {
		visit()
		return
	}
	for i := range dims[0] {
		*at[0] = int64(i)
		walk(dims[1:], at[1:], visit)
	}
}

// reduce returns a function that folds d's terms at the current point of its kept axes.
func (r *run) reduce(d *Def) Eval {
	if d.Reduce.Order.With != "" {
		return r.rescaled(d)
	}
	dims := r.extents(d.Reduce.Axes)
	at := r.bindAxes(d.Reduce.Axes)
	if d.Reduce.Op == Welford {
		return r.welford(d, dims, at)
	}
	fold := NewFold(d)
	term := r.terms(d, fold)
	holds := r.compile.Holds(d.Reduce.When)
	each := func(visit func()) { walk(dims, at, func() { r.compile.Moved(); visit() }) }
	switch d.Reduce.Order.Kind {
	case Lanes64:
		return func() uint64 {
			lanes, j := fold.Lanes(), 0
			each(func() {
				if holds() {
					lanes[j%64] = term(lanes[j%64])
				}
				j++
			})
			return fold.JoinLanes(lanes)
		}
	case Chunks:
		turns := chunkTurns(d, dims)
		return func() uint64 {
			var chunks []uint64
			j := 0
			each(func() {
				if j%turns.length == 0 || j%turns.row == 0 {
					chunks, j = append(chunks, fold.Identity), j%turns.row
				}
				if holds() {
					chunks[len(chunks)-1] = term(chunks[len(chunks)-1])
				}
				j++
			})
			return fold.JoinChunks(chunks)
		}
	}
	return func() uint64 {
		acc := fold.Identity
		each(func() {
			if holds() {
				acc = term(acc)
			}
		})
		return acc
	}
}

// terms returns the step of the accumulator at the current point.
func (r *run) terms(d *Def, fold *Fold) func(acc uint64) uint64 {
	e := ExpandFuncs(d.Expr)
	if call, ok := e.(*Call); ok && fold.Fused {
		a, b := r.compile.Compile(call.Args[0]), r.compile.Compile(call.Args[1])
		return func(acc uint64) uint64 { return fold.FMA(a(), b(), acc) }
	}
	f := r.compile.Compile(e)
	return func(acc uint64) uint64 { return fold.Join(acc, f()) }
}

// A turn counts terms: of a whole row of the chunked axis, and of a full chunk.
type turn struct{ row, length int }

func chunkTurns(d *Def, dims []int) turn {
	for i, a := range d.Reduce.Axes {
		if a.Name != d.Reduce.Order.Axis {
			continue
		}
		inner := 1
		for _, n := range dims[i+1:] {
			inner *= n
		}
		return turn{max(1, inner*dims[i]), max(1, inner*int(d.Reduce.Order.By))}
	}
	failf("definition %s: chunks along %s, which is no reduced axis", d.Name, d.Reduce.Order.Axis)
	return turn{}
}

// elements returns a reader of x's scalars.
func elements(x *tensor.Tensor) func(i int) uint64 {
	data := x.Data
	switch x.DType {
	case tensor.F32, tensor.U32:
		return func(i int) uint64 { return uint64(binary.LittleEndian.Uint32(data[4*i:])) }
	case tensor.I32:
		return func(i int) uint64 { return uint64(int64(int32(binary.LittleEndian.Uint32(data[4*i:])))) }
	case tensor.I8:
		return func(i int) uint64 { return uint64(int64(int8(data[i]))) }
	case tensor.Bool, tensor.U8:
		return func(i int) uint64 { return uint64(data[i]) }
	case tensor.BF16, tensor.F16:
		return func(i int) uint64 { return uint64(binary.LittleEndian.Uint16(data[2*i:])) }
	}
	return func(i int) uint64 { return binary.LittleEndian.Uint64(data[8*i:]) }
}

// setter returns a writer of x's scalars.
func setter(x *tensor.Tensor) func(i int, v uint64) {
	data := x.Data
	switch x.DType.Size() {
	case 1:
		return func(i int, v uint64) { data[i] = byte(v) }
	case 2:
		return func(i int, v uint64) { binary.LittleEndian.PutUint16(data[2*i:], uint16(v)) }
	case 4:
		return func(i int, v uint64) { binary.LittleEndian.PutUint32(data[4*i:], uint32(v)) }
	}
	return func(i int, v uint64) { binary.LittleEndian.PutUint64(data[8*i:], v) }
}

// ReadScalar returns element i of x as a scalar.
func ReadScalar(x *tensor.Tensor, i int) uint64 { return elements(x)(i) }

// WriteScalar stores a scalar at element i of x.
func WriteScalar(x *tensor.Tensor, i int, v uint64) { setter(x)(i, v) }

func floatBits(t tensor.DType, v float64) uint64 {
	if t == tensor.F32 {
		return F32Bits(float32(v))
	}
	return math.Float64bits(v)
}
