package sample

import (
	"dlc/ir"
	"dlc/ir/tensor"
)

// compareRows give bools, or take them.
func compareRows() []Row {
	var rows []Row
	for _, c := range []struct{ fn, doc, reference string }{
		{"eq", "x = y; never with a NaN.", "nx == ny"},
		{"ne", "x differs from y; always with a NaN.", "nx != ny"},
		{"lt", "x < y; never with a NaN.", "nx < ny"},
		{"le", "x <= y; never with a NaN.", "nx <= ny"},
		{"gt", "x > y; never with a NaN.", "nx > ny"},
		{"ge", "x >= y; never with a NaN.", "nx >= ny"},
	} {
		op := ir.Compare{Fn: c.fn}
		row := Row{Name: NameOf(op), Doc: c.doc, Shapes: "[s], [s] -> bool[s]", Source: "IEEE 754", DTypes: numbers(), Elementwise: true,
			Reference: c.reference, Samples: elements(op, 2, "", "special", "extreme", "ties")}
		if c.fn == "eq" || c.fn == "ne" {
			row.DTypes = AllDTypes()
		}
		rows = append(rows, row)
	}
	for _, c := range []struct{ fn, doc, reference string }{
		{"and", "Both.", "nx & ny"}, {"or", "One of them or both.", "nx | ny"}, {"xor", "One of them alone.", "nx ^ ny"},
	} {
		op := ir.Logic{Fn: c.fn}
		rows = append(rows, Row{Name: NameOf(op), Doc: c.doc, Shapes: "[s], [s] -> [s]", Source: "two-valued logic", DTypes: bools(), Elementwise: true,
			Reference: c.reference, Samples: elements(op, 2, "")})
	}
	not := ir.Logic{Fn: "not"}
	rows = append(rows, Row{Name: NameOf(not), Doc: "The other one.", Shapes: "[s] -> [s]", Source: "two-valued logic", DTypes: bools(), Elementwise: true,
		Reference: "~nx", Samples: elements(not, 1, "")})
	for _, c := range []struct{ fn, doc, reference string }{
		{"is_nan", "Whether x is NaN.", "np.isnan(nx)"}, {"is_inf", "Whether x is an infinity.", "np.isinf(nx)"},
	} {
		op := ir.Test{Fn: c.fn}
		rows = append(rows, Row{Name: NameOf(op), Doc: c.doc, Shapes: "[s] -> bool[s]", Source: "IEEE 754", DTypes: floats(), Elementwise: true,
			Reference: c.reference, Samples: elements(op, 1, "", "special", "extreme")})
	}
	choose := Row{Name: "select", Doc: "y where x holds, else z.", Shapes: "bool[s], [s], [s] -> [s]", Source: "NumPy where", DTypes: AllDTypes(),
		Reference: "np.where(nx, ny, nz)", Derivative: Twice,
		Refused: []Refusal{{ir.Select{}, "i32[2]; f32[2]; f32[2]", "must be bool, not i32"}, {ir.Select{}, "bool[2]; f32[2]; i32[2]", "one dtype, not f32 and i32"}},
		Apply: func(p Program) (ir.Op, []*ir.Value) {
			x := p.Any(func(t tensor.Type) bool { return true })
			if x == nil {
				return nil, nil
			}
			y := p.Any(func(t tensor.Type) bool { return t.Equal(x.Type) })
			c := p.Any(func(t tensor.Type) bool { return t.DType == tensor.Bool && t.Shape.Equal(x.Type.Shape) })
			if c == nil {
				c = p.Input(tensor.Type{DType: tensor.Bool, Shape: x.Type.Shape}, "")
			}
			return ir.Select{}, []*ir.Value{c, x, y}
		}}
	for _, shape := range elementShapes() {
		choose.Samples = append(choose.Samples, Sample{ir.Select{}, "bool[" + shape + "]; ?[" + shape + "]; ?[" + shape + "]", ""})
	}
	choose.Samples = append(choose.Samples, Sample{ir.Select{}, "bool[4, 23]; ?[4, 23]; ?[4, 23]", "special"})
	return append(rows, choose)
}
