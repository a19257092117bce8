package ir

import (
	"fmt"

	"dlc/ir/tensor"
)

// Scan runs Body turn by turn, Length times. Operands are the first values of the Carries, then
// Sequences of Length elements along axis 0, then what is the same for all turns. Body takes the
// carries, one element of each sequence and the rest; it gives the next carries, then what it yields.
// Results are the last carries, then what was yielded, stacked along axis 0. Reversed runs through
// the sequences from their end; what a turn yields stands where its elements do. Counted: the last of
// what is the same for all turns, an i64, is how many turns are run; the carries are then those of the last
// of these, or Reversed they begin with it, and elsewhere what is yielded is 0.
type Scan struct {
	Body               *Func
	Length             tensor.Dim
	Carries, Sequences int
	Reversed, Counted  bool
}

// Map runs Body for each of Size elements along axis 0 of its first Mapped operands; the others are
// the same for all. Results are stacked along axis 0.
type Map struct {
	Body   *Func
	Size   tensor.Dim
	Mapped int
}

// scan is a Map as a Scan, which carries nothing.
func (o Map) scan() Scan { return Scan{Body: o.Body, Length: o.Size, Sequences: o.Mapped} }

// Name is the op's mnemonic.
func (o Scan) Name() string { return "scan" }
func (o Map) Name() string  { return "map" }

// Infer gives the carries' types, then those of what is yielded, stacked.
func (o Scan) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if o.Carries < 0 || o.Sequences < 0 || o.Carries+o.Sequences > len(in) {
		return nil, fmt.Errorf("takes %d carries and %d sequences, got %d operands", o.Carries, o.Sequences, len(in))
	}
	if o.Body == nil || len(o.Body.Params) != len(in) || len(o.Body.Results) < o.Carries {
		return nil, fmt.Errorf("a body of %d parameters and at least %d results is wanted", len(in), o.Carries)
	}
	if negative(o.Length) {
		return nil, fmt.Errorf("takes %s turns", o.Length)
	}
	if last := len(in) - 1; o.Counted && (last < o.Carries+o.Sequences || !in[last].Equal(tensor.Type{DType: tensor.I64})) {
		return nil, fmt.Errorf("its last operand is no i64[], the number of turns")
	}
	for i, t := range in {
		if o.isSequence(i) {
			if len(t.Shape) == 0 || !t.Shape[0].Equal(o.Length) {
				return nil, fmt.Errorf("operand %d is %s, of which axis 0 has not %s elements", i, t, o.Length)
			}
			t.Shape = t.Shape[1:]
		}
		if p := o.Body.Params[i].Type; !p.Equal(t) {
			return nil, fmt.Errorf("operand %d gives the body %s, which takes %s", i, t, p)
		}
	}
	if err := o.Body.infer(); err != nil {
		return nil, err
	}
	var out []tensor.Type
	for i, r := range o.Body.Results {
		t := r.Value.Type
		if i >= o.Carries {
			t.Shape = append(tensor.Shape{o.Length}, t.Shape...)
		} else if !t.Equal(in[i]) {
			return nil, fmt.Errorf("carry %d begins as %s and goes on as %s", i, in[i], t)
		}
		out = append(out, t)
	}
	return out, nil
}

// isSequence reports whether operand i is walked through.
func (o Scan) isSequence(i int) bool { return i >= o.Carries && i < o.Carries+o.Sequences }

// Infer stacks the results of the body.
func (o Map) Infer(in []tensor.Type) ([]tensor.Type, error) { return o.scan().Infer(in) }

// Eval runs the body turn by turn.
func (o Scan) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	results := append([]*tensor.Tensor{}, in[:o.Carries]...)
	for _, t := range out[o.Carries:] {
		results = append(results, blank(t))
	}
	turns := int(o.Length.Bounds(nil).Hi)
	if o.Counted {
		turns = int(min(int64(turns), in[len(in)-1].Int(0)))
	}
	for k := range turns {
		if o.Reversed {
			k = turns - 1 - k
		}
		operands := append([]*tensor.Tensor{}, results[:o.Carries]...)
		for i := o.Carries; i < len(in); i++ {
			x := in[i]
			if o.isSequence(i) {
				x = elementOf(x, k)
			}
			operands = append(operands, x)
		}
		for i, y := range o.Body.run(operands) {
			if i < o.Carries {
				results[i] = y
			} else {
				copy(elementOf(results[i], k).Data, y.Data)
			}
		}
	}
	return results
}

// elementOf is element k along axis 0, sharing the memory.
func elementOf(x *tensor.Tensor, k int) *tensor.Tensor {
	n := len(x.Data) / max(1, x.Dims[0])
	return &tensor.Tensor{DType: x.DType, Dims: x.Dims[1:], Data: x.Data[k*n : (k+1)*n]}
}

// Eval runs the body for each element.
func (o Map) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	return o.scan().Eval(in, out)
}

// Pruned returns the op without the results that are not live, unless other ones need them, and
// which operands and results it keeps.
func (o Scan) Pruned(live []bool) (op Op, in, out []bool) {
	out = append([]bool{}, live...)
	for again := true; again; {
		again = false
		in = o.Body.reads(out)
		for i := range o.Carries {
			if in[i] && !out[i] {
				out[i], again = true, true
			}
		}
	}
	for i := range o.Carries {
		in[i] = out[i]
	}
	if o.Counted {
		in[len(in)-1] = true
	}
	body := *o.Body
	body.Params, body.Results = only(body.Params, in), only(body.Results, out)
	o.Body = &body
	o.Sequences = count(in[o.Carries : o.Carries+o.Sequences])
	o.Carries = count(in[:o.Carries])
	return o, in, out
}

// Pruned returns the op without the results that are not live, and which operands and results it keeps.
func (o Map) Pruned(live []bool) (op Op, in, out []bool) {
	op, in, out = o.scan().Pruned(live)
	s := op.(Scan)
	return Map{s.Body, s.Length, s.Sequences}, in, out
}

// reads tells which parameters of f the given results need.
func (f *Func) reads(results []bool) []bool {
	live := map[*Value]bool{}
	for i, r := range f.Results {
		live[r.Value] = live[r.Value] || results[i]
	}
	for i := len(f.Nodes) - 1; i >= 0; i-- {
		n := f.Nodes[i]
		needed := false
		for _, v := range n.Out {
			needed = needed || live[v]
		}
		for _, v := range n.In {
			live[v] = live[v] || needed
		}
	}
	out := make([]bool, len(f.Params))
	for i, p := range f.Params {
		out[i] = live[p]
	}
	return out
}

func only[T any](list []T, keep []bool) (out []T) {
	for i, x := range list {
		if keep[i] {
			out = append(out, x)
		}
	}
	return out
}

func count(list []bool) (n int) {
	for _, x := range list {
		if x {
			n++
		}
	}
	return n
}
