package sample

import (
	"strings"

	"dlc/ir"
	"dlc/ir/tensor"
)

// elementShapes are those at which functions of elements are tried.
func elementShapes() []string {
	return []string{"", "1", "0", "7", "N, 5", "T, N, 2", "3, 65", "1100"}
}

// elements makes samples of an op of n operands of one type: shapes, then special values.
func elements(op ir.Op, n int, drawn string, special ...string) []Sample {
	operands := func(shape string) string { return strings.TrimSuffix(strings.Repeat("?["+shape+"]; ", n), "; ") }
	var list []Sample
	for _, shape := range elementShapes() {
		list = append(list, Sample{op, operands(shape), drawn})
	}
	for _, drawn := range special {
		list = append(list, Sample{op, operands("4, 23"), drawn})
	}
	return list
}

// arithmeticRows are functions that floats and integers share.
func arithmeticRows() []Row {
	var rows []Row
	add := func(fn string, n int, doc, source, reference string, d Derivative, special ...string) *Row {
		row := Row{Name: "unary " + fn, Doc: doc, Shapes: "[s] -> [s]", Source: source, DTypes: numbers(), Elementwise: true,
			Reference: reference, Derivative: d, Samples: elements(ir.Unary{Fn: fn}, 1, "", special...)}
		if n == 2 {
			row.Name, row.Shapes, row.Samples = "binary "+fn, "[s], [s] -> [s]", elements(ir.Binary{Fn: fn}, 2, "", special...)
		}
		rows = append(rows, row)
		return &rows[len(rows)-1]
	}
	const ieee = "IEEE 754; two's complement"
	add("neg", 1, "-x; the least integer is its own.", ieee, "-x", Twice, "special", "extreme")
	add("abs", 1, "|x|; the least integer is its own.", ieee, "np.abs(nx)", Twice, "special", "extreme")
	add("sign", 1, "-1, 0 or 1; a zero or NaN is itself.", "NumPy, but that -0 stays", "np.where((nx == 0) | (nx != nx), nx, np.sign(nx))", Constant, "special", "extreme")
	add("add", 2, "x + y; integers wrap.", ieee, "x + y", Twice, "special", "extreme")
	add("sub", 2, "x - y; integers wrap.", ieee, "x - y", Twice, "special", "extreme")
	add("mul", 2, "x * y; integers wrap.", ieee, "x * y", Twice, "special", "extreme")
	add("min", 2, "The smaller one; NaN wins, -0 is less than +0.", "IEEE 754-2019 minimum", "extreme_of(torch.minimum, nx, ny, -1)", Twice, "special", "extreme", "ties")
	add("max", 2, "The larger one; NaN wins, -0 is less than +0.", "IEEE 754-2019 maximum", "extreme_of(torch.maximum, nx, ny, 1)", Twice, "special", "extreme", "ties")
	const floored = "NumPy floor_divide and remainder of integers, but 0 where an integer y is 0; of floats as written, each step rounded"
	add("idiv", 2, "floor(x / y); integers give 0 where y is 0.", floored, "floor_divide(nx, ny)", Constant, "special")
	add("rem", 2, "x - floor(x / y) * y, of y's sign; integers give 0 where y is 0.", floored, "remainder(nx, ny)", Twice, "special")
	for _, fn := range []string{"idiv", "rem"} {
		row := &rows[len(rows)-1]
		if fn == "idiv" {
			row = &rows[len(rows)-2]
		}
		row.Domain = "positive"
		row.Samples = append(row.Samples, Sample{ir.Binary{Fn: fn}, "i32[4, 23]; i32[4, 23]", "extreme"}, Sample{ir.Binary{Fn: fn}, "u8[4, 23]; u8[4, 23]", "extreme"},
			Sample{ir.Binary{Fn: fn}, "u64[4, 23]; u64[4, 23]", "extreme"})
	}
	for _, two := range []struct{ fn, doc, source, reference, domain string }{
		{"div", "x / y.", "IEEE 754", "x / y", "positive"},
		{"pow", "x to the power of y, with all special cases of C.", "C11 F.10.4.4", "np.power(nx, ny)", "positive"},
		{"atan2", "The angle of the point (y, x).", "C11 F.10.1.4", "torch.atan2(x, y)", ""},
	} {
		row := add(two.fn, 2, two.doc, two.source, two.reference, Twice, "special", "extreme")
		row.DTypes, row.Domain = floats(), two.domain
		row.Samples = append(row.Samples, elements(ir.Binary{Fn: two.fn}, 2, "positive")...)
		if two.fn != "div" {
			row.Tolerance, row.Reason = 4e-15, "two libraries of functions, each within an ulp or two"
		}
		if two.fn == "pow" {
			row.Tolerance, row.Reason = 4e-12, "Go's math.Pow multiplies up to ten squares"
		}
	}
	return rows
}

// bitRows are the functions of the bits of integers.
func bitRows() []Row {
	row := func(op ir.Op, n int, doc, source, reference string) Row {
		shapes := "[s] -> [s]"
		if n == 2 {
			shapes = "[s], [s] -> [s]"
		}
		return Row{Name: NameOf(op), Doc: doc, Shapes: shapes, Source: source, DTypes: integers(), Elementwise: true,
			Reference: reference, Samples: elements(op, n, "", "extreme", "index")}
	}
	return []Row{
		row(ir.Unary{Fn: "not"}, 1, "Each bit the other way.", "two's complement", "~nx"),
		row(ir.Binary{Fn: "and"}, 2, "The bits that both have.", "two's complement", "nx & ny"),
		row(ir.Binary{Fn: "or"}, 2, "The bits that one of them has.", "two's complement", "nx | ny"),
		row(ir.Binary{Fn: "xor"}, 2, "The bits in which they differ.", "two's complement", "nx ^ ny"),
		row(ir.Binary{Fn: "shl"}, 2, "x shifted up by y bits; 0 where y is negative or the width or more.", "C, its undefined cases decided", "shift(nx, ny, True)"),
		row(ir.Binary{Fn: "shr"}, 2, "x shifted down by y bits, its sign kept; 0 or -1 where y is negative or the width or more.", "C, its undefined cases decided", "shift(nx, ny, False)"),
	}
}

// isFloat and its like are what rows ask of values.
func isFloat(t tensor.Type) bool { return t.DType.IsFloat() }
