package sample

import (
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
)

// viewRows move elements and compute nothing.
func viewRows() []Row {
	reshape := view("reshape", "The same elements, row by row, in another shape.", "[s] -> `shape`, of the same size", "NumPy", "nx.reshape(dims(a['Shape']))")
	for _, c := range [][2]string{
		{"N, 2, 3, 4", "N, 24"}, {"N, 24", "N, 2, 3, 4"}, {"N, 24", "N, 4, 6"}, {"N, 2, 6", "N, 4, 3"}, {"N, 6", "6*N"}, {"N, T, 3", "N*T, 3"}, {"N, T, 3", "T*N*3"},
		{"1, N, 1", "N"}, {"N", "1, N, 1"}, {"", "1, 1"}, {"1", ""}, {"3, 0", "0, 5"}, {"2, N, T", "2*N, T"}, {"N, 4, T", "N*T, 4"}, {"N, 5", "N, 5"}, {"11, 100", "44, 25"}, {"3, 17", "51"},
	} {
		reshape.Samples = append(reshape.Samples, Sample{ir.Reshape{Shape: dims(c[1])}, "?[" + c[0] + "]", ""})
	}
	reshape.Refused = []Refusal{{ir.Reshape{Shape: dims("N, 3")}, "f32[N, 4]", "4*N elements"}}
	reshape.Apply = func(p Program) (ir.Op, []*ir.Value) {
		x := p.Any(func(t tensor.Type) bool { return true })
		return ir.Reshape{Shape: regrouped(p, x.Type.Shape)}, []*ir.Value{x}
	}
	transpose := view("transpose", "Dim `perm[i]` of x is dim i of the result.", "[s] -> [s permuted]", "NumPy", "nx.transpose(a['Perm'] or [])")
	for _, c := range []struct {
		in   string
		perm []int
	}{
		{"N, 3", []int{1, 0}}, {"2, 3, N", []int{2, 0, 1}}, {"", []int{}}, {"1", []int{0}}, {"1, 1", []int{1, 0}}, {"N, T, 2, 3", []int{0, 2, 1, 3}}, {"N, T, 5", []int{1, 2, 0}}, {"33, 37", []int{1, 0}}, {"2, 3, 5, 7", []int{3, 2, 1, 0}}, {"4, 0", []int{1, 0}},
	} {
		transpose.Samples = append(transpose.Samples, Sample{ir.Transpose{Perm: c.perm}, "?[" + c.in + "]", ""})
	}
	transpose.Refused = []Refusal{{ir.Transpose{Perm: []int{0, 0}}, "f32[2, 3]", "named twice"}, {ir.Transpose{Perm: []int{0}}, "f32[2, 3]", "needs 2 axes"}}
	transpose.Apply = func(p Program) (ir.Op, []*ir.Value) {
		x := p.Any(func(t tensor.Type) bool { return len(t.Shape) > 1 })
		if x == nil {
			return nil, nil
		}
		perm := make([]int, len(x.Type.Shape))
		for i := range perm {
			perm[i] = i
		}
		for i := range perm {
			j := p.Intn(i + 1)
			perm[i], perm[j] = perm[j], perm[i]
		}
		return ir.Transpose{Perm: perm}, []*ir.Value{x}
	}
	reverse := view("reverse", "The elements along `axes` the other way around.", "[s] -> [s]", "NumPy flip", "np.flip(nx, a['Axes'] or ())")
	for _, c := range []struct {
		in   string
		axes []int
	}{
		{"N, 3", []int{0}}, {"2, 3", []int{0, 1}}, {"1", []int{0}}, {"N, T, 2", []int{1}}, {"N, T", []int{0, 1}}, {"5, 67", []int{1}}, {"1100", []int{0}}, {"0, 3", []int{0}}, {"3, 2, 4", []int{}},
	} {
		reverse.Samples = append(reverse.Samples, Sample{ir.Reverse{Axes: c.axes}, "?[" + c.in + "]", ""})
	}
	reverse.Refused = []Refusal{{ir.Reverse{Axes: []int{1}}, "f32[2]", "axis 1 is not in 0..1"}}
	reverse.Apply = func(p Program) (ir.Op, []*ir.Value) {
		x := p.Any(func(t tensor.Type) bool { return len(t.Shape) > 0 })
		if x == nil {
			return nil, nil
		}
		return ir.Reverse{Axes: someAxes(p, len(x.Type.Shape))}, []*ir.Value{x}
	}
	return []Row{reshape, transpose, broadcastRow(), reverse}
}

func view(name, doc, shapes, source, reference string) Row {
	return Row{Name: name, Doc: doc, Shapes: shapes, Source: source, Reference: reference, DTypes: AllDTypes(), Derivative: Twice}
}

// regrouped is a shape of the same size: a dim split in two, two joined, or 1 added or dropped.
func regrouped(p Program, s tensor.Shape) tensor.Shape {
	out := slices.Clone(s)
	if len(out) == 0 {
		return tensor.Ints(1)
	}
	i := p.Intn(len(out))
	switch v, known := out[i].Const(); {
	case len(out) > 1 && i > 0 && p.Intn(2) == 0:
		return append(append(append(tensor.Shape{}, out[:i-1]...), out[i-1].Mul(out[i])), out[i+1:]...)
	case known && v > 1 && v%2 == 0:
		return append(append(append(tensor.Shape{}, out[:i]...), tensor.Int(v/2), tensor.Int(2)), out[i+1:]...)
	case out[i].IsConst(1):
		return append(append(tensor.Shape{}, out[:i]...), out[i+1:]...)
	}
	return append(append(append(tensor.Shape{}, out[:i]...), tensor.Int(1)), out[i:]...)
}

func broadcastRow() Row {
	row := view("broadcast", "x repeated: dim i of x is dim `axes[i]` of the result, equal to it or 1.", "[s] -> `shape`", "XLA BroadcastInDim", "spread(nx, dims(a['Shape']), a['Axes'] or [])")
	for _, c := range []struct {
		in, out string
		axes    []int
	}{
		{"3", "N, 3", []int{1}}, {"", "N, 3", []int{}}, {"N, 1", "N, 4, 3", []int{0, 2}}, {"N, 1", "N, 1", []int{0, 1}}, {"1", "1", []int{0}}, {"", "", []int{}}, {"1, 5", "T, 5", []int{0, 1}},
		{"7", "7, 150", []int{0}}, {"N", "T, N, 3", []int{1}}, {"1", "0, 3", []int{1}},
	} {
		row.Samples = append(row.Samples, Sample{ir.Broadcast{Shape: dims(c.out), Axes: c.axes}, "?[" + c.in + "]", ""})
	}
	row.Refused = []Refusal{{ir.Broadcast{Shape: dims("N, 3"), Axes: []int{1}}, "f32[2]", "does not stretch to 3"}, {ir.Broadcast{Shape: dims("N, 3"), Axes: []int{1, 0}}, "f32[3, N]", "must ascend"}}
	row.Apply = func(p Program) (ir.Op, []*ir.Value) {
		x := p.Any(func(t tensor.Type) bool { return len(t.Shape) < 3 })
		if x == nil {
			return nil, nil
		}
		to, axes := tensor.Shape{}, []int{}
		put := p.Intn(len(x.Type.Shape) + 1)
		for i := 0; i <= len(x.Type.Shape); i++ {
			if i == put {
				to = append(to, append(p.Symbols(), tensor.Int(1), tensor.Int(3), tensor.Int(16))[p.Intn(len(p.Symbols())+3)])
			}
			if i == len(x.Type.Shape) {
				break
			}
			d := x.Type.Shape[i]
			if d.IsConst(1) && p.Intn(2) == 0 {
				d = tensor.Int(5)
			}
			axes, to = append(axes, len(to)), append(to, d)
		}
		return ir.Broadcast{Shape: to, Axes: axes}, []*ir.Value{x}
	}
	return row
}
