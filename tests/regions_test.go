package tests

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"dlc"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/runtime"
	"dlc/runtime/program"
	"dlc/tests/agree"
)

// TestRandomRegions compares all stages of random kernel programs with branches and loops in each
// other, and checks where their buffers lie.
func TestRandomRegions(t *testing.T) {
	t.Parallel()
	loops, branches := 0, 0
	for seed := range int64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := &regionMaker{Rand: rand.New(rand.NewSource(seed)), p: &kernel.Program{Name: "regions"}}
			p := g.program()
			if err := kernel.Verify(p); err != nil {
				t.Fatalf("%v\n%s", err, p)
			}
			loops, branches = loops+g.loops, branches+g.branches
			w := agreement(p)
			for _, n := range []int64{0, 3} {
				w.agree(t, map[string]int64{"N": n}, false)
				for _, m := range w.models {
					if _, _, err := agree.Placed(m.Entries[0], map[string]int64{"N": n}); err != nil {
						t.Errorf("%v\n%s", err, m.Entries[0])
					}
				}
			}
			if t.Failed() {
				t.Logf("%s", p)
			}
		})
	}
	if loops < 16 || branches < 16 {
		t.Errorf("only %d loops and %d branches", loops, branches)
	}
}

// agreement is a witness of a program.
func agreement(p *kernel.Program) *witness {
	return &witness{name: p.Name, path: p.Name + ".kernel", text: p.String(), models: map[string]*program.Model{}, draws: map[string][2]int64{"steps": {2, 2}}}
}

// A regionMaker writes programs of maps, sums, products and gathers over [N, 6], [6, 6], [N] and [],
// some of them in loops of few turns and in branches.
type regionMaker struct {
	*rand.Rand
	p               *kernel.Program
	in              *kernel.Region
	seen            []*kernel.Buffer // that can be read here
	carried         []*kernel.Buffer // of the loops under way, the last first
	loops, branches int
}

func (g *regionMaker) program() *kernel.Program {
	n, six := tensor.Sym("N"), tensor.Int(6)
	for i, s := range []tensor.Shape{{n, six}, {six, six}, {n}, {}, {n, six}} {
		b := g.buffer(fmt.Sprintf("x%d", i), tensor.F32, s)
		b.Role = kernel.Input
		g.seen = append(g.seen, b)
	}
	steps := g.buffer("steps", tensor.I64, nil)
	steps.Role = kernel.Input
	zero := g.buffer("zero", tensor.I64, nil)
	zero.Role, zero.Value = kernel.Const, tensor.New(tensor.I64)
	g.seen = append(g.seen, steps)
	for g.loops+g.branches < 2 {
		g.block(0)
	}
	for i, b := range g.seen {
		if b.Type.DType == tensor.F32 && b.Role == kernel.Temp && (g.Intn(3) == 0 || i == len(g.seen)-1) {
			g.define(b.Type.Shape, nil, g.at(b)).Role = kernel.Output
		}
	}
	g.define(nil, nil, g.at(g.like(nil))).Role = kernel.Output
	return g.p
}

func (g *regionMaker) buffer(name string, t tensor.DType, s tensor.Shape) *kernel.Buffer {
	b := &kernel.Buffer{Name: name, Type: tensor.Type{DType: t, Shape: s}}
	g.p.Buffers = append(g.p.Buffers, b)
	return b
}

func (g *regionMaker) temp(t tensor.DType, s tensor.Shape) *kernel.Buffer {
	return g.buffer(fmt.Sprintf("v%d", len(g.p.Buffers)), t, s)
}

func regionAxes(prefix string, s tensor.Shape) []kernel.Axis {
	axes := make([]kernel.Axis, len(s))
	for i, d := range s {
		axes[i] = kernel.Axis{Name: fmt.Sprint(prefix, i), Extent: d}
	}
	return axes
}

// define adds a kernel of one definition over i0, i1 ...
func (g *regionMaker) define(s tensor.Shape, red *kernel.Reduce, e kernel.Expr) *kernel.Buffer {
	b := g.temp(e.Type(), s)
	d := &kernel.Def{Name: b.Name, DType: b.Type.DType, Axes: regionAxes("i", s), Reduce: red, Expr: e}
	k := &kernel.Kernel{Name: "k_" + b.Name, Outs: []*kernel.Buffer{b}, Defs: []*kernel.Def{d}, In: g.in}
	for _, name := range d.Reads() {
		for _, in := range g.p.Buffers {
			if in.Name == name {
				k.Ins = append(k.Ins, in)
			}
		}
	}
	g.p.Kernels = append(g.p.Kernels, k)
	g.seen = append(g.seen, b)
	return b
}

// at loads b at i0, i1 ...
func (g *regionMaker) at(b *kernel.Buffer) kernel.Expr {
	return &kernel.Load{Name: b.Name, DType: b.Type.DType, At: kernel.Points(regionAxes("i", b.Type.Shape))}
}

// like returns a float of that shape that can be read, one of the last where that may be.
func (g *regionMaker) like(s tensor.Shape) *kernel.Buffer {
	var fit []*kernel.Buffer
	list := g.seen
	if g.Intn(3) == 0 {
		list = g.carried
	}
	for _, b := range slices.Concat(list, g.seen) {
		if b.Type.DType == tensor.F32 && b.Type.Shape.Equal(s) {
			fit = append(fit, b)
		}
	}
	if len(list) == len(g.carried) && g.Intn(2) == 0 {
		return fit[0]
	}
	if g.Intn(3) == 0 {
		return fit[g.Intn(len(fit))]
	}
	return fit[max(0, len(fit)-1-g.Intn(4))]
}

func (g *regionMaker) shape() tensor.Shape {
	n, six := tensor.Sym("N"), tensor.Int(6)
	return []tensor.Shape{{n, six}, {n, six}, {six, six}, {n}, nil}[g.Intn(5)]
}

func (g *regionMaker) block(depth int) {
	for range 3 + g.Intn(4) {
		room := depth < 3 && len(g.p.Kernels) < 30
		switch k := g.Intn(10); {
		case k < 2 && room:
			g.loop(depth)
		case k < 4 && room:
			g.branch(depth)
		default:
			g.step()
		}
	}
}

func (g *regionMaker) step() {
	n, six := tensor.Sym("N"), tensor.Int(6)
	load := func(b *kernel.Buffer, at ...string) kernel.Expr {
		l := &kernel.Load{Name: b.Name, DType: tensor.F32}
		for _, a := range at {
			l.At = append(l.At, kernel.At(a))
		}
		return l
	}
	red := &kernel.Reduce{Axes: []kernel.Axis{{Name: "r0", Extent: six}}}
	half := kernel.F(tensor.F32, 0.5)
	switch g.Intn(8) {
	case 0:
		g.define(tensor.Shape{n, six}, red, kernel.Apply("mul", load(g.like(tensor.Shape{n, six}), "i0", "r0"), load(g.like(tensor.Shape{six, six}), "r0", "i1")))
	case 1:
		g.define(tensor.Shape{n}, red, load(g.like(tensor.Shape{n, six}), "i0", "r0"))
	case 2:
		red.Op, red.Axes = kernel.Max, regionAxes("r", tensor.Shape{six, six})
		g.define(nil, red, load(g.like(tensor.Shape{six, six}), "r0", "r1"))
	case 3:
		red.Axes[0].Extent = n
		g.define(tensor.Shape{six, six}, red, kernel.Apply("mul", load(g.like(tensor.Shape{n, six}), "r0", "i0"), load(g.like(tensor.Shape{n, six}), "r0", "i1")))
	case 4:
		g.define(tensor.Shape{n, six}, nil, kernel.Apply("max", g.at(g.like(tensor.Shape{n, six})), load(g.like(tensor.Shape{n}), "i0")))
	case 5:
		s := g.shape()
		g.define(s, nil, kernel.Apply("mul", g.at(g.like(s)), kernel.Apply("add", load(g.like(nil)), half)))
	default:
		s := g.shape()
		g.define(s, nil, kernel.Apply([]string{"add", "sub", "max"}[g.Intn(3)], g.at(g.like(s)), kernel.Apply("mul", g.at(g.like(s)), half)))
	}
}

// inside lets add write a region's kernels, and forgets what they made.
func (g *regionMaker) inside(r *kernel.Region, add func()) {
	seen, carried := g.seen, g.carried
	g.in = r
	add()
	g.in, g.carried, g.seen = r.Parent, carried, seen[:len(seen):len(seen)]
}

// made returns a float of that shape that the region at hand has made.
func (g *regionMaker) made(s tensor.Shape, since int) *kernel.Buffer {
	for _, i := range g.Perm(len(g.seen) - since) {
		if b := g.seen[since+i]; b.Type.DType == tensor.F32 && b.Type.Shape.Equal(s) {
			return b
		}
	}
	return g.define(s, nil, kernel.Apply("mul", g.at(g.like(s)), kernel.F(tensor.F32, 0.75)))
}

func (g *regionMaker) loop(depth int) {
	g.loops++
	steps, one := g.p.Buffers[5], kernel.I(tensor.I64, 1)
	limit := kernel.Apply("rem", kernel.Apply("add", g.at(steps), kernel.I(tensor.I64, int64(g.Intn(3)))), kernel.I(tensor.I64, 4))
	first := g.define(nil, nil, kernel.Compare("lt", kernel.I(tensor.I64, 0), limit))
	turn, goes := g.temp(tensor.I64, nil), g.temp(tensor.Bool, nil)
	r := &kernel.Region{Parent: g.in, Cond: goes.Name, Loop: true, Enter: []kernel.Copy{{To: turn.Name, From: "zero"}, {To: goes.Name, From: first.Name}}}
	var carries []*kernel.Buffer
	for range 1 + g.Intn(3) {
		s := g.shape()
		c := g.temp(tensor.F32, s)
		r.Enter = append(r.Enter, kernel.Copy{To: c.Name, From: g.like(s).Name})
		carries = append(carries, c)
	}
	g.inside(r, func() {
		g.seen, g.carried = append(g.seen, carries...), slices.Concat(carries, g.carried)
		since := len(g.seen)
		g.block(depth + 1)
		for _, c := range carries {
			r.Leave = append(r.Leave, kernel.Copy{To: c.Name, From: g.made(c.Type.Shape, since).Name})
		}
		next := g.define(nil, nil, kernel.Apply("add", g.at(turn), one))
		again := g.define(nil, nil, kernel.Compare("lt", g.at(next), limit))
		r.Leave = append(r.Leave, kernel.Copy{To: turn.Name, From: next.Name}, kernel.Copy{To: goes.Name, From: again.Name})
	})
	g.seen = append(g.seen, carries...)
}

func (g *regionMaker) branch(depth int) {
	g.branches++
	cond := g.define(nil, nil, kernel.Compare("lt", g.at(g.like(nil)), kernel.F(tensor.F32, float64(g.Intn(3))-1)))
	r := &kernel.Region{Parent: g.in, Cond: cond.Name, Not: g.Intn(2) == 0}
	other := &kernel.Region{Parent: g.in, Cond: cond.Name, Not: !r.Not}
	var joined []*kernel.Buffer
	for range 1 + g.Intn(2) {
		joined = append(joined, g.temp(tensor.F32, g.shape()))
	}
	single := g.Intn(2) == 0
	for _, j := range joined {
		if single {
			r.Enter = append(r.Enter, kernel.Copy{To: j.Name, From: g.like(j.Type.Shape).Name})
		}
	}
	for _, r := range []*kernel.Region{r, other} {
		if r == other && single {
			break
		}
		g.inside(r, func() {
			since := len(g.seen)
			g.block(depth + 1)
			for _, j := range joined {
				r.Leave = append(r.Leave, kernel.Copy{To: j.Name, From: g.made(j.Type.Shape, since).Name})
			}
		})
	}
	g.seen = append(g.seen, joined...)
}

// TestCarriesKeepWhatIsNeeded runs loops whose turns need the old value of a carry after the new one
// is made: in another kernel, at other elements of the same kernel, where an inner loop begins, and
// as the condition of a branch.
func TestCarriesKeepWhatIsNeeded(t *testing.T) {
	t.Parallel()
	const head = `program carry
buffer x: input f32[N, 6]
buffer w: input f32[6, 6]
buffer steps: input i64[]
buffer zero: const i64[] = {0}
buffer no: const bool[] = {0}
buffer go0: temp bool[]
buffer i: temp i64[]
buffer go: temp bool[]
buffer i1: temp i64[]
buffer go1: temp bool[]
buffer c: temp f32[N, 6]
buffer c1: temp f32[N, 6]
buffer d: temp f32[N, 6]
buffer d1: temp f32[N, 6]
buffer b: temp bool[]
buffer b1: temp bool[]
buffer e: temp f32[N, 6]
buffer e1: temp f32[N, 6]
buffer e2: temp f32[N, 6]
buffer j: temp i64[]
buffer j1: temp i64[]
buffer more: temp bool[]
buffer more1: temp bool[]
buffer y: output f32[N, 6]
buffer z: output f32[N, 6]

kernel first(steps: i64[]) -> (go0: bool[])
  go0[] = 0'i64 < steps[]

while go enter i = zero, go = go0, c = x, d = x, b = no leave i = i1, go = go1, c = c1, d = d1, b = b1 {
`
	const tail = `
  kernel next(i: i64[], steps: i64[]) -> (i1: i64[])
    i1[] = i[] + 1'i64

  kernel again(i1: i64[], steps: i64[]) -> (go1: bool[])
    go1[] = i1[] < steps[]
}

kernel last(c: f32[N, 6], d: f32[N, 6]) -> (y: f32[N, 6], z: f32[N, 6])
  y[n:N, k:6] = c[n, k]
  z[n:N, k:6] = d[n, k]
`
	const flip = `
  kernel flip(b: bool[]) -> (b1: bool[])
    b1[] = not(b[])
`
	for name, turn := range map[string]string{
		"another kernel": flip + `
  kernel c(c: f32[N, 6]) -> (c1: f32[N, 6])
    c1[n:N, k:6] = c[n, k] * 0.5

  kernel d(c: f32[N, 6], w: f32[6, 6]) -> (d1: f32[N, 6])
    d1[n:N, k:6] = sum j:6 unordered; c[n, j] * w[j, k]
`, "other elements": flip + `
  kernel c(c: f32[N, 6]) -> (c1: f32[N, 6])
    c1[n:N, k:6] = c[n, 5 - k] * 0.5

  kernel d(d: f32[N, 6], w: f32[6, 6]) -> (d1: f32[N, 6])
    d1[n:N, k:6] = sum j:6 unordered; d[n, j] * w[j, k]
`, "an inner loop": flip + `
  kernel c(c: f32[N, 6]) -> (c1: f32[N, 6])
    c1[n:N, k:6] = c[n, k] * 0.5

  while more enter e = c, j = zero, more = go leave e = e1, j = j1, more = more1 {

    kernel e(e: f32[N, 6]) -> (e1: f32[N, 6])
      e1[n:N, k:6] = e[n, k] + 1.0

    kernel j(j: i64[]) -> (j1: i64[], more1: bool[])
      j1[] = j[] + 1'i64
      more1[] = j[] < 2'i64
  }

  kernel d(e: f32[N, 6], w: f32[6, 6], d: f32[N, 6]) -> (d1: f32[N, 6])
    d1[n:N, k:6] = e[n, k] + d[n, k]
`, "a condition": flip + `
  kernel c(c: f32[N, 6]) -> (c1: f32[N, 6])
    c1[n:N, k:6] = c[n, k] * 0.5

  if b enter e = d leave e = e2 {

    kernel e(d: f32[N, 6]) -> (e2: f32[N, 6])
      e2[n:N, k:6] = d[n, 5 - k] + 1.0
  }

  kernel d(e: f32[N, 6]) -> (d1: f32[N, 6])
    d1[n:N, k:6] = e[n, k] * 2.0
`} {
		t.Run(name, func(t *testing.T) {
			p, err := kernel.Parse(head + turn + tail)
			if err != nil {
				t.Fatal(err)
			}
			used := map[string]bool{}
			for _, k := range p.Kernels {
				for _, b := range k.Buffers() {
					used[b.Name] = true
				}
			}
			p.Buffers = slices.DeleteFunc(p.Buffers, func(b *kernel.Buffer) bool {
				return b.Role == kernel.Temp && !used[b.Name] && !strings.Contains("go0 go more b d", b.Name)
			})
			w := agreement(p)
			for _, steps := range []int64{0, 1, 2, 3} {
				w.draws["steps"] = [2]int64{steps, steps}
				w.agree(t, map[string]int64{"N": 3}, false)
			}
		})
	}
}

// endless adds 1 to its carry for ever where it is told to.
const endless = `program endless
buffer go: input bool[]
buffer x: input f32[N]
buffer goes: temp bool[]
buffer c: output f32[N]
buffer c1: temp f32[N]
buffer goes1: temp bool[]

while goes enter goes = go, c = x leave goes = goes1, c = c1 {

  kernel turn(goes: bool[], c: f32[N]) -> (goes1: bool[], c1: f32[N])
    goes1[] = goes[]
    c1[n:N] = c[n] + 1.0

}
`

// TestEndlessLoopsAreCancelled ends calls that would not end, at several moments; the call after each
// is whole.
func TestEndlessLoopsAreCancelled(t *testing.T) {
	t.Parallel()
	model, err := dlc.Kernels(&dlc.Source{Path: "endless.kernel", Text: []byte(endless)}, &dlc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := runtime.Load(model)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, threads := range []int{1, 2, 3} {
		s, err := m.NewSession(runtime.Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Bind("endless", map[string]int64{"N": 100})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			b.Input("x").SetFloat(7, float64(i))
			b.Input("go").SetInt(0, 1)
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i*i)*time.Millisecond)
			if err := b.Call(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("%d threads: the call ended with %v", threads, err)
			}
			cancel()
			b.Input("go").SetInt(0, 0)
			if err := b.Call(context.Background()); err != nil || b.Output("c").Float(7) != float64(i) {
				t.Fatalf("%d threads: the next call gives %v, %v", threads, b.Output("c").Float(7), err)
			}
		}
		s.Close()
	}
}

// TestRegionsHaveNoPTX makes sure that a GPU's code is refused by name.
func TestRegionsHaveNoPTX(t *testing.T) {
	_, err := dlc.Kernels(&dlc.Source{Path: "endless.kernel", Text: []byte(endless)}, &dlc.Options{GPU: "sm_80"})
	if err == nil || !strings.Contains(err.Error(), "entry endless: branches and loops") {
		t.Errorf("PTX of a loop: %v", err)
	}
}

// TestYieldsAreRows: what a turn of a loop yields is written where it belongs, and nothing else is.
func TestYieldsAreRows(t *testing.T) {
	t.Parallel()
	m := linearModule(t, `edition 2026

model M()(x: f32[N, T, 5], i: i32[N]) -> (y: f32[N, T, 5], z: f32[N, T, 5]) {
  y, z = scan xt in x over T backward with h = zeros([N, 5]) {
    h = scatter(tanh(xt + h), i, h, by="add")
    yield sort(h, axis=0)
    yield h * xt
  }
  (y = y, z = z)
}
`)
	p := compile(t, "rows", m)
	rows := 0
	for _, s := range p.model.Entries[0].Steps {
		if s.Row != nil {
			rows++
		}
	}
	if rows != 2 {
		t.Errorf("%d launches are at a row, not 2:\n%s", rows, p.model.Entries[0])
	}
	r := rand.New(rand.NewSource(1))
	for _, turns := range []int64{0, 1, 7} {
		in := map[string]*tensor.Tensor{"x": tensor.New(tensor.F32, 3, int(turns), 5), "i": tensor.New(tensor.I32, 3)}
		for i := range in["x"].Len() {
			in["x"].SetFloat(i, r.NormFloat64())
		}
		c := &call{env: map[string]int64{"N": 3, "T": turns}, inputs: in, weights: map[string]*tensor.Tensor{}}
		p.compareStages(t, "infer", c, p.interpret(t, "infer", c))
	}
}
