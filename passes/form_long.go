package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Reductions of many constant terms to few constant results are made in two steps, so that more
// than one thread has work: rows of so many terms, then the rows' results.
const (
	longSum  = 1 << 14 // terms, from which on
	fewSums  = 16      // results, up to which
	rowTerms = 1 << 12 // of a row, where no divisor of the terms lies between half and twice that
)

// long splits such reductions. The sum of the squares of a parameter of shape [784, 128],
//
//	s[] = sum (i:784, j:128); w[i, j] * w[i, j]
//
// becomes a sum over 14 rows of 7168 terms each.
func long(p *kernel.Program, o *Options) {
	names := bufferNames(p)
	var out []*kernel.Kernel
	for _, k := range p.Kernels {
		if len(k.Defs) == 1 {
			if rows, rest := split(k.Defs[0], names); rows != nil {
				o.explain("form", "%s %s: %s rows of %s terms", k.Name, k.Defs[0].Name, rows.Axes[len(rows.Axes)-1].Extent, rows.Reduce.Axes[0].Extent)
				p.Buffers = append(p.Buffers, &kernel.Buffer{Name: rows.Name, Type: tensor.Type{DType: rows.DType, Shape: axisExtents(rows.Axes)}})
				buffers := buffersByName(p)
				first := assemble(k.Name+"_rows", []*kernel.Def{rows}, buffers, nil)
				first.Spans = k.Spans
				again := assemble(k.Name, []*kernel.Def{rest}, buffers, nil)
				k.Ins, k.Defs = again.Ins, again.Defs
				out = append(out, first)
			}
		}
		out = append(out, k)
	}
	p.Kernels = out
}

// split returns the rows of d and what joins them, or nil.
func split(d *kernel.Def, names taken) (rows, rest *kernel.Def) {
	if !splits(d) {
		return nil, nil
	}
	terms, _ := sizeOf(d.Reduce.Axes).Const()
	flat := flattened(d).Clone()
	j := flat.Reduce.Axes[0]
	length := rowLength(terms)
	row := kernel.Axis{Name: unusedName("row", flat), Extent: tensor.Int((terms + length - 1) / length)}
	at := tensor.Sym(row.Name).Scale(length).Add(tensor.Sym(j.Name))
	inner := kernel.Axis{Name: j.Name, Extent: tensor.Int(length)}
	ranges := axisRanges(d.Axes, []kernel.Axis{row, inner})
	if terms%length != 0 {
		flat.Reduce.When = []kernel.Cond{{Index: tensor.Sym(j.Name), Extent: tensor.Int(terms)}}
	}
	r := newRewriting(ranges)
	r.dims = map[string]tensor.Dim{j.Name: at}
	rows = rewriteDef(flat, r)
	rows.Name = names.unique(d.Name + ".rows")
	rows.Axes = append(append([]kernel.Axis{}, d.Axes...), row)
	rows.Reduce.Axes = []kernel.Axis{inner}
	rest = &kernel.Def{Name: d.Name, DType: d.DType, Axes: d.Axes, Span: d.Span,
		Reduce: &kernel.Reduce{Op: d.Reduce.Op, Axes: []kernel.Axis{row}},
		Expr:   &kernel.Load{Name: rows.Name, DType: d.DType, At: kernel.Points(rows.Axes)}}
	return rows, rest
}

func splits(d *kernel.Def) bool {
	if d.Reduce == nil || d.Reduce.Op > kernel.All || len(d.Reduce.When)+len(d.Reduce.At) > 0 || d.Scan != nil || d.Reduce.Order.Kind != kernel.Unordered {
		return false
	}
	terms, ok1 := sizeOf(d.Reduce.Axes).Const()
	results, ok2 := sizeOf(d.Axes).Const()
	return ok1 && ok2 && terms >= longSum && results <= fewSums && !isContraction(d) && reducesLast(d) && flattens(d.Reduce.Axes)
}

// rowLength is the divisor of the terms that is the greatest up to twice rowTerms and at least
// half of that, or rowTerms itself.
func rowLength(terms int64) int64 {
	for n := int64(2 * rowTerms); n >= rowTerms/2; n-- {
		if terms%n == 0 {
			return n
		}
	}
	return rowTerms
}
