package cpu

import (
	"context"
	"fmt"
	"math"
	"math/rand"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/passes"
	"dlc/runtime/native"
	"dlc/runtime/program"
)

// entryOf makes an entry that launches every phase of every program in order.
func entryOf(programs []*tile.Program) (*program.Entry, map[string]int) {
	e := &program.Entry{Name: "test"}
	numbers, symbols := map[string]int{}, map[string]int{}
	number := 0
	for _, p := range programs {
		var args, syms []int
		for _, b := range append(p.Kernel.Buffers(), p.Temps...) {
			if _, ok := numbers[b.Name]; !ok {
				numbers[b.Name] = len(e.Buffers)
				e.Buffers = append(e.Buffers, program.Buffer{Name: b.Name, Type: b.Type, Bytes: b.StoredShape().Size().Scale(int64(b.Type.DType.Size()))})
			}
			args = append(args, numbers[b.Name])
		}
		for _, s := range kernel.Symbols(p.Kernel) {
			if _, ok := symbols[s]; !ok {
				symbols[s] = len(e.Symbols)
				e.Symbols = append(e.Symbols, s)
			}
			syms = append(syms, symbols[s])
		}
		repeats := passes.Repeats(p)
		for i, ph := range p.Phases {
			e.Steps = append(e.Steps, program.Launch{Kernel: number, Repeat: repeats[i], Args: args, Symbols: syms, Blocks: ph.Blocks(func(index string) tensor.Dim {
				for _, d := range p.Kernel.Defs {
					for _, a := range d.AllAxes() {
						if a.Name == index {
							return a.Extent
						}
					}
				}
				panic("no index " + index)
			})})
			number++
		}
	}
	return e, numbers
}

// A machine is a loaded section with memory for one call of it.
type machine struct {
	t       testing.TB
	entry   *program.Entry
	numbers map[string]int
	code    *native.Code
	runner  *native.Runner
	memory  map[string]*native.Memory
	frame   *native.Frame
}

// compiled compiles the programs for a target, or skips where the CPU lacks it.
func compiled(t testing.TB, target Target, programs ...*tile.Program) *machine {
	t.Helper()
	if err := native.Supports(target.Features); err != nil {
		t.Skipf("NOT RUN on this CPU: %s: %v", target.Name, err)
	}
	e, numbers := entryOf(programs)
	section, err := Compile(programs, []*program.Entry{e}, target, Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, entry: e, numbers: numbers, memory: map[string]*native.Memory{}}
	if m.code, err = native.Load(section); err != nil {
		t.Fatal(err)
	}
	if m.runner, err = native.NewRunner(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.runner.Close()
		m.release()
		m.code.Close()
	})
	return m
}

func (m *machine) release() {
	for n, x := range m.memory {
		x.Close()
		delete(m.memory, n)
	}
}

func (m *machine) mapped(n int64) *native.Memory {
	x, err := native.Map(n)
	if err != nil {
		m.t.Fatal(err)
	}
	return x
}

// bind gives every buffer memory that ends at a guard page, filled with the given tensors.
func (m *machine) bind(symbols map[string]int64, values map[string]*tensor.Tensor) {
	m.release()
	fm := m.mapped(native.FrameBytes(len(m.entry.Buffers), len(m.entry.Symbols)))
	m.memory["\x00frame"] = fm
	f, err := m.code.NewFrame("test", fm.Bytes(), len(m.entry.Buffers), len(m.entry.Symbols))
	if err != nil {
		m.t.Fatal(err)
	}
	for i, b := range m.entry.Buffers {
		n, ok := b.Bytes.Eval(symbols)
		if !ok {
			m.t.Fatalf("size of %s", b.Name)
		}
		x := m.mapped((n + 63) / 64 * 64)
		m.memory[b.Name] = x
		if v := values[b.Name]; v != nil {
			copy(x.Bytes(), v.Data)
		} else {
			for j := range x.Bytes() {
				x.Bytes()[j] = 0x7f // poison
			}
		}
		f.SetBuffer(i, x.Bytes())
	}
	for i, s := range m.entry.Symbols {
		f.SetSymbol(i, symbols[s])
	}
	m.frame = f
}

func (m *machine) call(threads int) {
	m.t.Helper()
	var err error
	if threads == 0 {
		err = m.runner.Direct(context.Background(), m.frame)
	} else {
		err = m.runner.Team(context.Background(), m.frame, threads)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// value reads a buffer back.
func (m *machine) value(name string, symbols map[string]int64) *tensor.Tensor {
	typ := m.entry.Buffers[m.numbers[name]].Type
	dims, ok := typ.Shape.Bind(symbols)
	if !ok {
		m.t.Fatalf("shape of %s", name)
	}
	x := tensor.New(typ.DType, dims...)
	copy(x.Data, m.memory[name].Bytes())
	return x
}

// random makes a tensor of a buffer's type: normal floats with some zeros and special values,
// small integers.
func random(r *rand.Rand, b *kernel.Buffer, symbols map[string]int64, special bool) *tensor.Tensor {
	dims, ok := b.Type.Shape.Bind(symbols)
	if !ok {
		panic("shape of " + b.Name)
	}
	x := tensor.New(b.Type.DType, dims...)
	for i := range x.Len() {
		switch t := b.Type.DType; {
		case t == tensor.Bool:
			x.SetInt(i, int64(r.Intn(2)))
		case t.IsFloat() || t.IsHalf():
			v := r.NormFloat64()
			if special {
				v = oddFloat(r, v)
			}
			x.SetFloat(i, v)
		case special:
			x.SetInt(i, []int64{0, 1, -1, -1 << 63, 1<<63 - 1, int64(r.Uint64()), int64(int32(r.Uint32()))}[r.Intn(7)])
		default:
			x.SetInt(i, int64(r.Intn(7)))
		}
	}
	return x
}

// same compares in bits; all NaNs are one.
func same(got, want *tensor.Tensor) error {
	for i := range want.Len() {
		a, b := kernel.ReadScalar(got, i), kernel.ReadScalar(want, i)
		if a == b {
			continue
		}
		if want.DType.IsFloat() && got.Float(i) != got.Float(i) && want.Float(i) != want.Float(i) {
			continue
		}
		return fmt.Errorf("element %d of %s: got %v (%#x), want %v (%#x)", i, want, got.Float(i), a, want.Float(i), b)
	}
	return nil
}

// tiled is the same kernels as the tile pass schedules them.
func tiled(t testing.TB, target Target, programs []*tile.Program) []*tile.Program {
	t.Helper()
	out := make([]*tile.Program, len(programs))
	for i, p := range programs {
		q, err := passes.Tile(p.Kernel, &target.Machine)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = q
	}
	return out
}

// check runs the programs natively on every target, as they are scheduled and (unless special,
// which puts special values in) as the tile pass schedules their kernels, with several thread
// counts, and compares all outputs with the level-1 interpreter in bits.
func check(t *testing.T, schedule func(Target) []*tile.Program, shapes []map[string]int64, special bool) {
	t.Helper()
	for _, target := range Targets() {
		t.Run(target.Name, func(t *testing.T) {
			programs := schedule(target)
			versions := [][]*tile.Program{programs}
			if !special {
				versions = append(versions, tiled(t, target, programs))
			}
			for _, programs := range versions {
				m := compiled(t, target, programs...)
				for _, symbols := range shapes {
					checkShape(t, m, programs, symbols, special)
				}
			}
		})
	}
}

func checkShape(t *testing.T, m *machine, programs []*tile.Program, symbols map[string]int64, special bool) {
	t.Helper()
	r := rand.New(rand.NewSource(7))
	values, want := map[string]*tensor.Tensor{}, map[string]*tensor.Tensor{}
	p := &kernel.Program{Name: "test"}
	for _, tp := range programs {
		p.Kernels = append(p.Kernels, tp.Kernel)
		for _, b := range tp.Kernel.Ins {
			if values[b.Name] == nil && want[b.Name] == nil {
				values[b.Name] = random(r, b, symbols, special)
				p.Buffers = append(p.Buffers, b)
			}
		}
		for _, b := range tp.Kernel.Outs {
			p.Buffers = append(p.Buffers, b)
			want[b.Name] = tensor.New(b.Type.DType)
		}
	}
	buffers := map[string]*tensor.Tensor{}
	for n, v := range values {
		buffers[n] = v
	}
	if err := kernel.Interp(p, symbols, buffers); err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{0, 1, 2, 4} {
		m.bind(symbols, values)
		m.call(threads)
		for n := range want {
			if err := same(m.value(n, symbols), buffers[n]); err != nil {
				t.Fatalf("%v, %d threads: %s: %v", symbols, threads, n, err)
			}
		}
	}
}

// oddFloat is v or one of the values that rules are about.
func oddFloat(r *rand.Rand, v float64) float64 {
	odd := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 1e-42, -3e38, 0.5, 2.5, -1.5, 1 << 31, -1 << 31, 3e9, 1e19, -1e19, 255.5, -0.5}
	if r.Intn(2) == 0 {
		return odd[r.Intn(len(odd))]
	}
	return v * 100
}
