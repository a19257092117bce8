package passes

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/runtime/program"
)

// Plan turns a kernel program into the entry that codegen and the runtime see: buffers with
// lifetimes, and one launch per phase. It schedules each kernel with tiling (the schedules are
// returned in launch order) and gives updates their place: a weight's new value takes the
// weight's memory where no one can still need the old value (inPlace), else it lives in the
// arena and a kernel at the end copies it. first is the number of the first phase in its section.
func Plan(p *kernel.Program, tiling func(*kernel.Kernel) (*tile.Program, error), first int) (*program.Entry, []*tile.Program, error) {
	pl := &planner{prog: p, tiling: tiling, entry: &program.Entry{Name: p.Name}, number: map[string]int{}, symbol: map[string]int{}, region: map[*kernel.Region]*program.Region{}}
	for _, k := range p.Kernels {
		t, err := pl.schedule(k)
		if err != nil {
			return nil, nil, err
		}
		pl.tiles = append(pl.tiles, t)
	}
	if err := pl.carry(); err != nil {
		return nil, nil, err
	}
	pl.sideBySide()
	for _, b := range slices.Clone(p.Buffers) {
		if b.Role == kernel.Update && !pl.inPlace(b) {
			if err := pl.copyLater(b); err != nil {
				return nil, nil, err
			}
		}
	}
	pl.symbols()
	from, to := pl.teams()
	pl.buffers(from, to)
	for i, t := range pl.tiles {
		first = pl.launches(t, i, first)
	}
	pl.gather(to)
	pl.entry.Flops = flops(p)
	return pl.entry, pl.tiles, nil
}

type planner struct {
	prog   *kernel.Program
	tiling func(*kernel.Kernel) (*tile.Program, error)
	tiles  []*tile.Program
	entry  *program.Entry
	number map[string]int    // buffer number by name in the kernel program
	symbol map[string]int    // place in Entry.Symbols
	shares map[string]string // a buffer that a carry is copied from, and lies where the carry does
	region map[*kernel.Region]*program.Region
	uses   []use
	rows   map[*tile.Program]string // of kernels that run at one place, the buffer that holds it
}

func (pl *planner) schedule(k *kernel.Kernel) (*tile.Program, error) {
	t, err := pl.tiling(k)
	if err != nil {
		return nil, fmt.Errorf("kernel %s: %w", k.Name, err)
	}
	t.Kernel.In = k.In
	return t, nil
}

// copyLater makes update an arena buffer under another name and appends the kernel that copies it.
func (pl *planner) copyLater(update *kernel.Buffer) error {
	value := *update
	value.Name, value.Role, value.Of = update.Name+".next", kernel.Temp, ""
	for i, k := range pl.prog.Kernels {
		if !renameBuffer(k, update.Name, &value) {
			continue
		}
		t, err := pl.schedule(k)
		if err != nil {
			return err
		}
		pl.tiles[i] = t
	}
	k := copyKernel("copy_"+update.Name, &value, update)
	t, err := pl.schedule(k)
	if err != nil {
		return err
	}
	pl.prog.Buffers = append(pl.prog.Buffers, &value)
	pl.prog.Kernels = append(pl.prog.Kernels, k)
	pl.tiles = append(pl.tiles, t)
	return nil
}

// renameBuffer gives k the buffer to in place of the one called from; it reports whether k uses it.
func renameBuffer(k *kernel.Kernel, from string, to *kernel.Buffer) (used bool) {
	for _, list := range [][]*kernel.Buffer{k.Ins, k.Outs} {
		for i, b := range list {
			if b.Name == from {
				list[i], used = to, true
			}
		}
	}
	if !used {
		return false
	}
	for _, d := range k.Defs {
		if d.Name == from {
			d.Name = to.Name
		}
		*d = *d.RenameReads(map[string]string{from: to.Name})
	}
	return true
}

// symbols lists what the inputs' shapes bind, then whatever else occurs, each sorted.
func (pl *planner) symbols() {
	inputs, rest := map[string]bool{}, map[string]bool{}
	for _, b := range pl.prog.Buffers {
		set := rest
		if b.Role == kernel.Input {
			set = inputs
		}
		for _, d := range b.Type.Shape {
			d.Symbols(set)
		}
	}
	for _, set := range []map[string]bool{inputs, rest} {
		names := make([]string, 0, len(set))
		for s := range set {
			if _, ok := pl.symbol[s]; !ok {
				names = append(names, s)
			}
		}
		sort.Strings(names)
		for _, s := range names {
			pl.symbol[s] = len(pl.entry.Symbols)
			pl.entry.Symbols = append(pl.entry.Symbols, s)
		}
	}
}

// buffers numbers the buffers, an update like its weight, and finds their lifetimes in kernels.
func (pl *planner) buffers(from, to []int) {
	weights := map[string]int{} // path to number
	for _, b := range pl.prog.Buffers {
		path := b.Name
		if b.Of != "" {
			path = b.Of
		}
		if b.Role == kernel.Weight || b.Role == kernel.Update {
			if n, ok := weights[path]; ok {
				pl.number[b.Name] = n
				pl.entry.Buffers[n].Written = pl.entry.Buffers[n].Written || b.Role == kernel.Update
				continue
			}
			weights[path] = len(pl.entry.Buffers)
		}
		if pl.home(b.Name) == b.Name {
			pl.add(b, path)
		}
	}
	for _, b := range pl.prog.Buffers {
		pl.number[b.Name] = pl.number[pl.home(b.Name)]
	}
	for i, t := range pl.tiles {
		for _, b := range t.Temps {
			pl.add(b, b.Name)
		}
		for _, b := range slices.Concat(t.Temps, t.Kernel.Buffers()) { // alive while any of the team runs
			pl.touch(b.Name, from[i])
			pl.touch(b.Name, to[i])
		}
	}
	pl.regions()
	pl.loops(pl.prog.Whole())
	for i := range pl.entry.Buffers {
		pl.entry.Buffers[i].First = max(0, pl.entry.Buffers[i].First)
	}
	for _, b := range pl.prog.Buffers {
		if x := b.Indexes; x != nil {
			pl.entry.Buffers[pl.number[b.Name]].Indexes = &program.Indexed{Buffer: pl.number[x.Buffer], Axis: x.Axis}
		}
	}
}

func (pl *planner) touch(name string, kernel int) {
	b := &pl.entry.Buffers[pl.number[name]]
	if b.First < 0 {
		b.First = kernel
	}
	b.First, b.Last = min(b.First, kernel), max(b.Last, kernel)
	pl.uses = append(pl.uses, use{pl.number[name], kernel})
}

// class says where the memory of a buffer of that role comes from.
func class(r kernel.Role) program.Class {
	switch r {
	case kernel.Input:
		return program.Input
	case kernel.Output:
		return program.Output
	case kernel.Weight, kernel.Update:
		return program.Stored
	case kernel.Const:
		return program.Const
	}
	return program.Arena
}

func (pl *planner) add(b *kernel.Buffer, public string) {
	stored := b.Type.Shape
	if b.Layout != nil {
		stored = b.Layout.Dims
	}
	x := program.Buffer{Name: public, Type: b.Type, Class: class(b.Role), First: -1, Written: b.Role == kernel.Update,
		Bytes: stored.Size().Scale(int64(b.Type.DType.Size()))}
	if b.Value != nil {
		x.Value = b.Value.Data
	}
	pl.number[b.Name] = len(pl.entry.Buffers)
	pl.entry.Buffers = append(pl.entry.Buffers, x)
}

// launches appends one launch per phase of kernel t and returns the next phase's number.
func (pl *planner) launches(t *tile.Program, kernelNumber, number int) int {
	var args, symbols []int
	for _, b := range append(t.Kernel.Buffers(), t.Temps...) {
		args = append(args, pl.number[b.Name])
	}
	for _, s := range kernel.Symbols(t.Kernel) {
		symbols = append(symbols, pl.symbol[s])
	}
	extents := tile.Extents(t.Kernel)
	span, place := "", program.Position{}
	if len(t.Kernel.Spans) > 0 {
		place = program.Position(t.Kernel.Spans[0])
		span = fmt.Sprintf("%s:%d", place.File, place.Line)
	}
	repeats := Repeats(t)
	var row *program.Row
	if place := pl.rows[t]; place != "" {
		row = &program.Row{Buffer: pl.number[place]}
		extents[t.Phases[0].Grid[0].Index] = tensor.Int(1)
	}
	for i, ph := range t.Phases {
		pl.entry.Steps = append(pl.entry.Steps, program.Launch{Kernel: number, Repeat: repeats[i], In: pl.region[t.Kernel.In], Row: row, Args: args, Symbols: symbols, Span: span, At: place,
			Op: operation(t.Kernel), Number: kernelNumber, Reads: len(t.Kernel.Ins), Writes: len(t.Kernel.Outs), Marks: marks(t.Kernel), Blocks: ph.Blocks(func(index string) tensor.Dim { return extents[index] })})
		number++
	}
	return number
}

// operation is the word for what a kernel does: the scalar function of a plain map, or the
// operation that its name tells (k12_einsum does einsum).
func operation(k *kernel.Kernel) string {
	d := k.Defs[0]
	if c, ok := d.Expr.(*kernel.Call); ok && len(k.Defs) == 1 && d.Reduce == nil && k.Outs[0].Indexes == nil {
		return c.Fn
	}
	if _, op, ok := strings.Cut(k.Name, "_"); ok && !strings.HasPrefix(k.Name, "copy_") {
		return op
	}
	return "copy"
}

// marks reports whether a literal of k is no finite number.
func marks(k *kernel.Kernel) (found bool) {
	for _, d := range k.Defs {
		kernel.Walk(d.Expr, func(e kernel.Expr) bool {
			if l, ok := e.(*kernel.Lit); ok && l.F-l.F != 0 {
				found = true
			}
			return true
		})
	}
	return found
}

// flops estimates the floating-point operations of a call: the scalar calls of each definition
// at each point, a fused multiply-add as two.
func flops(p *kernel.Program) tensor.Dim {
	sum := tensor.Int(0)
	for _, k := range p.Kernels {
		for _, d := range k.Defs {
			each := int64(0)
			kernel.Walk(d.Expr, func(e kernel.Expr) bool {
				if c, ok := e.(*kernel.Call); ok && c.DType.IsFloat() {
					each++
				}
				return true
			})
			if d.Reduce != nil {
				each++
			}
			n := tensor.Int(each)
			for _, a := range d.AllAxes() {
				n = n.Mul(a.Extent)
			}
			sum = sum.Add(n)
		}
	}
	return sum
}
