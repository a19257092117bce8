package sample

import (
	"dlc/ir"
	"dlc/ir/tensor"
)

// joinRows cut tensors and lay them side by side.
func joinRows() []Row {
	slice := view("slice", "The elements `lo`, `lo + step` ... below `hi` of each dim.", "[d...] -> [(hi - lo + step - 1) div step ...]", "NumPy x[lo:hi:step]", "nx[cut(a)]")
	pad := view("pad", "Zeros around x and between its elements: element i comes to `lo + i*step`, `hi` zeros follow the last.", "[d...] -> [lo + (d-1)*step + 1 + hi ...]", "XLA Pad", "pad(nx, out, a)")
	for _, c := range []struct {
		in, lo, hi string
		step       []int64
	}{
		{"N, 5", "0, 1", "N, 4", nil}, {"8, 3*N", "1, N", "7, 2*N", []int64{2, 1}}, {"5", "2", "2", []int64{3}}, {"N", "0", "N", []int64{3}}, {"", "", "", nil}, {"1", "0", "1", nil},
		{"T, 7", "0, 3", "T, 4", nil}, {"2, 1100", "0, 7", "2, 1097", []int64{1, 2}}, {"6, 67", "1, 0", "6, 67", nil}, {"N, T, 3", "0, 0, 1", "N, T, 3", []int64{1, 2, 1}},
	} {
		slice.Samples = append(slice.Samples, Sample{ir.Slice{Lo: dims(c.lo), Hi: dims(c.hi), Step: c.step}, "?[" + c.in + "]", ""})
	}
	for _, c := range []struct {
		in, lo, hi string
		step       []int64
	}{
		{"N, 3", "0, 2", "1, 0", nil}, {"4, N + 1", "1, 0", "2, N", []int64{3, 1}}, {"1", "1", "1", []int64{2}}, {"1", "0", "0", nil}, {"", "", "", nil}, {"0, 3", "1, 0", "0, 2", nil}, {"T, 5", "1, 1", "1, 1", []int64{2, 3}},
		{"2, 600", "0, 3", "0, 0", []int64{1, 2}}, {"N, T, 2", "0, 2, 0", "0, 0, 3", nil}, {"3, 17", "0, 0", "0, 1", nil},
	} {
		pad.Samples = append(pad.Samples, Sample{ir.Pad{Lo: dims(c.lo), Hi: dims(c.hi), Step: c.step}, "?[" + c.in + "]", ""})
	}
	slice.Refused = []Refusal{{ir.Slice{Lo: dims("0"), Hi: dims("5")}, "f32[4]", "not inside"}, {ir.Slice{Lo: dims("0"), Hi: dims("4"), Step: []int64{0}}, "f32[4]", "not positive"}, {ir.Slice{Lo: dims("-1"), Hi: dims("4")}, "f32[4]", "below 0"}}
	pad.Refused = []Refusal{{ir.Pad{Lo: dims("0"), Hi: dims("-1")}, "f32[4]", "ends with -1 zeros"}, {ir.Pad{Lo: dims("0"), Hi: dims("0, 1")}, "f32[4]", "needs 1 bounds"}}
	slice.Apply, pad.Apply = cutSome, padSome
	concat := view("concat", "Operands end to end along `axis`.", "[d...], [d...] ... -> the dims along `axis` added", "NumPy concatenate", "np.concatenate(operands, a['Axis'])")
	for _, c := range []struct {
		in   string
		axis int
	}{
		{"?[N, 2]; ?[3, 2]; ?[N, 2]", 0}, {"?[2, 1]; ?[2, 0]; ?[2, 4]", 1}, {"?[N]", 0}, {"?[1]", 0}, {"?[T, 3]; ?[T, 14]", 1}, {"?[3, 400]; ?[3, 1]", 1}, {"?[N, T, 2]; ?[N, 1, 2]", 1}, {"?[0, 2]; ?[0, 2]", 0},
	} {
		concat.Samples = append(concat.Samples, Sample{ir.Concat{Axis: c.axis}, c.in, ""})
	}
	concat.Refused = []Refusal{{ir.Concat{}, "f32[2, 3]; f32[2, 4]", "agree except along axis 0"}, {ir.Concat{}, "", "needs an operand"}, {ir.Concat{}, "f32[2]; i32[2]", "one dtype and rank"}}
	concat.Apply = func(p Program) (ir.Op, []*ir.Value) {
		x := p.Any(func(t tensor.Type) bool { return len(t.Shape) > 0 })
		if x == nil {
			return nil, nil
		}
		axis := p.Intn(len(x.Type.Shape))
		y := p.Any(func(t tensor.Type) bool {
			if t.DType != x.Type.DType || len(t.Shape) != len(x.Type.Shape) {
				return false
			}
			for i, d := range t.Shape {
				if i != axis && !d.Equal(x.Type.Shape[i]) {
					return false
				}
			}
			return true
		})
		return ir.Concat{Axis: axis}, []*ir.Value{x, y}
	}
	return []Row{slice, pad, concat}
}

func cutSome(p Program) (ir.Op, []*ir.Value) {
	x := p.Any(func(t tensor.Type) bool { return len(t.Shape) > 0 })
	if x == nil {
		return nil, nil
	}
	o := ir.Slice{}
	for _, d := range x.Type.Shape {
		lo, hi, step := tensor.Int(0), d, int64(1)
		if v, ok := d.Const(); ok && v > 1 && p.Intn(2) == 0 {
			a := int64(p.Intn(int(v)))
			lo, hi, step = tensor.Int(a), tensor.Int(a+1+int64(p.Intn(int(v-a)))), 1+int64(p.Intn(3))
		} else if !ok && p.Intn(4) == 0 {
			step = 2
		}
		o.Lo, o.Hi, o.Step = append(o.Lo, lo), append(o.Hi, hi), append(o.Step, step)
	}
	return o, []*ir.Value{x}
}

func padSome(p Program) (ir.Op, []*ir.Value) {
	x := p.Any(func(t tensor.Type) bool { return len(t.Shape) > 0 })
	if x == nil {
		return nil, nil
	}
	o := ir.Pad{}
	for range x.Type.Shape {
		lo, hi, step := int64(0), int64(0), int64(1)
		if p.Intn(2) == 0 {
			lo, hi = int64(p.Intn(3)), int64(p.Intn(3))
			if p.Intn(3) == 0 {
				step, hi = 2, hi+1
			}
		}
		o.Lo, o.Hi, o.Step = append(o.Lo, tensor.Int(lo)), append(o.Hi, tensor.Int(hi)), append(o.Step, step)
	}
	return o, []*ir.Value{x}
}
