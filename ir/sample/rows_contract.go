package sample

import (
	"dlc/ir"
	"dlc/ir/tensor"
)

// contractRows are sums of products of two operands.
func contractRows() []Row {
	row := Row{Name: "einsum", Doc: "The sum of products that `spec` says: each letter is one dim, equal wherever it stands; letters that the result lacks are summed.",
		Shapes: "as `spec` says", Source: "NumPy einsum of two operands, without diagonals", DTypes: numbers(),
		Reference: "np.einsum(a['Spec'], nx, ny)", Tolerance: 1e-13, Reason: "the order of a sum", Derivative: Twice,
		Refused: []Refusal{{ir.Einsum{Spec: "mk,kn->mn"}, "f32[N, 3136]; f32[128, 10]", "k is 3136 in f32[N, 3136] and 128 in f32[128, 10]"}, {ir.Einsum{Spec: "mk,kn"}, "f32[2, 2]; f32[2, 2]", "must read like"},
			{ir.Einsum{Spec: "mm,mn->mn"}, "f32[2, 2]; f32[2, 2]", "diagonal"}, {ir.Einsum{Spec: "mk,kn->mz"}, "f32[2, 2]; f32[2, 2]", "in no operand"},
			{ir.Einsum{Spec: "mk,kn->mn"}, "f32[2]; f32[2, 2]", "2 letters"}, {ir.Einsum{Spec: "mk,kn->mn"}, "f32[2, 2]; i32[2, 2]", "one dtype, not f32 and i32"}},
		Apply: product}
	for _, c := range [][2]string{
		{"mk,kn->mn", "?[N, 5]; ?[5, 3]"}, {"bmk,bkn->bmn", "?[N, 2, 3]; ?[N, 3, 1]"}, {"nte,se->nts", "?[N, T, 4]; ?[3, 4]"},
		{"ab,ab->", "?[N, 3]; ?[N, 3]"}, {"a,b->ab", "?[N]; ?[3]"}, {"ab,c->bc", "?[2, 3]; ?[N]"}, {"a,bc->b", "?[2]; ?[N, 3]"},
		{"k,kn->n", "?[0]; ?[0, 3]"}, {",a->a", "?[]; ?[3]"}, {"mk,kn->nm", "?[N, 5]; ?[5, 3]"}, {"mk,kn->mn", "?[1, 1]; ?[1, 1]"}, {"mk,nk->mn", "?[13, 37]; ?[33, 37]"},
		{"km,kn->mn", "?[N, 6]; ?[N, 17]"}, {"nhd,nhe->hde", "?[N, 3, 5]; ?[N, 3, 19]"},
	} {
		row.Samples = append(row.Samples, Sample{ir.Einsum{Spec: c[0]}, c[1], ""})
	}
	row.Samples = append(row.Samples, Sample{ir.Einsum{Spec: "mk,kn->mn"}, "?[7, 5]; ?[5, 9]", "special"})
	return []Row{row}
}

// product multiplies a value of rank 1 to 3 by a new matrix, by a value like it, or by itself.
func product(p Program) (ir.Op, []*ir.Value) {
	x := p.Any(func(t tensor.Type) bool {
		return t.DType != tensor.Bool && len(t.Shape) >= 1 && len(t.Shape) <= 3 && (t.DType.IsFloat() || p.Intn(8) == 0)
	})
	if x == nil {
		return nil, nil
	}
	letters := "abc"[:len(x.Type.Shape)]
	last := x.Type.Shape[len(letters)-1]
	other := p.Any(func(t tensor.Type) bool { return t.Equal(x.Type) })
	switch p.Intn(6) {
	case 0: // scores of rows
		return ir.Einsum{Spec: letters + "," + letters + "->" + letters[:len(letters)-1]}, []*ir.Value{x, other}
	case 1: // a gradient of weights
		if len(letters) == 2 {
			return ir.Einsum{Spec: "ka,kb->ab"}, []*ir.Value{x, other}
		}
	case 2: // rows by rows, in a batch
		if len(letters) == 3 {
			return ir.Einsum{Spec: "bie,bje->bij"}, []*ir.Value{x, other}
		}
	case 3: // outer
		if len(letters) == 1 {
			return ir.Einsum{Spec: "a,b->ab"}, []*ir.Value{x, other}
		}
	}
	wide := tensor.Int([]int64{1, 3, 8, 17, 33}[p.Intn(5)])
	w := p.Any(func(t tensor.Type) bool {
		return t.DType == x.Type.DType && len(t.Shape) == 2 && t.Shape[0].Equal(last)
	})
	if w == nil || p.Intn(2) == 0 {
		w = p.Input(tensor.Type{DType: x.Type.DType, Shape: tensor.Shape{last, wide}}, "unit")
	}
	c := letters[len(letters)-1:]
	return ir.Einsum{Spec: letters + "," + c + "z->" + letters[:len(letters)-1] + "z"}, []*ir.Value{x, w}
}
