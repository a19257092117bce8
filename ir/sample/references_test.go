package sample

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dlc/ir"
	"dlc/ir/tensor"
)

// References are made by references.py, from the cases that this test writes out.
var casesFile = flag.String("cases", "", "write the cases of all rows to this file, for references.py")

// told are the dtypes whose values are stored.
func told(r *Row) []tensor.DType {
	var list []tensor.DType
	for _, d := range []tensor.DType{tensor.F64, tensor.I32, tensor.U8, tensor.Bool} {
		if contains(r.DTypes, d) {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		list = r.DTypes[:1]
	}
	return list
}

// A writtenCase is what references.py reads.
type writtenCase struct {
	Key       string
	Reference string
	Op        any
	In, Out   []writtenTensor
}

type writtenTensor struct {
	DType  string
	Dims   []int
	Values []string
}

// write lists the elements as Python reads them.
func write(x *tensor.Tensor) writtenTensor {
	w := writtenTensor{DType: x.DType.String(), Dims: append([]int{}, x.Dims...), Values: []string{}}
	for i := range x.Len() {
		switch {
		case x.DType.IsFloat():
			w.Values = append(w.Values, strconv.FormatFloat(x.Float(i), 'g', -1, 64))
		case x.DType == tensor.U64:
			w.Values = append(w.Values, strconv.FormatUint(uint64(x.Int(i)), 10))
		default:
			w.Values = append(w.Values, strconv.FormatInt(x.Int(i), 10))
		}
	}
	return w
}

// eachCase visits the cases whose values are stored, with their operands and what the evaluator
// makes of them.
func eachCase(t *testing.T, r *Row, visit func(key string, c Case, in []*tensor.Tensor, env map[string]int64, out []*tensor.Tensor)) {
	t.Helper()
	seen := map[string]bool{}
	for _, d := range told(r) {
		for _, c := range r.Cases(d) {
			for _, env := range c.Bindings() {
				key := fmt.Sprintf("%s at %v", c, env)
				if !c.Symbolic() {
					key = c.String()
				}
				if seen[key] {
					continue
				}
				seen[key] = true
				in, f := c.Inputs(env), function(t, c)
				results, _, err := ir.Eval(f, in, nil)
				if err != nil {
					t.Fatal(err)
				}
				var ins, outs []*tensor.Tensor
				for i := range c.In {
					ins = append(ins, in[fmt.Sprint("x", i)])
				}
				for i := range f.Results {
					outs = append(outs, results[fmt.Sprint("y", i)])
				}
				visit(key, c, ins, env, outs)
			}
		}
	}
}

// TestReferences holds the evaluator, in f64 and integers, to the stored values of another
// framework. `make fixtures-ops` makes them.
func TestReferences(t *testing.T) {
	if *casesFile != "" {
		writeCases(t)
		return
	}
	total := int64(0)
	for _, r := range Rows() {
		if r.Reference == "" {
			continue
		}
		text, err := os.ReadFile(filepath.Join("testdata", fileOf(r)))
		if err != nil {
			t.Errorf("%v (make fixtures-ops makes it)", err)
			continue
		}
		total += int64(len(text))
		stored := map[string][][]string{}
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			key, values, _ := strings.Cut(lines.Text(), " = ")
			stored[key] = append(stored[key], strings.Fields(values))
		}
		eachCase(t, r, func(key string, c Case, in []*tensor.Tensor, env map[string]int64, out []*tensor.Tensor) {
			values := stored[key]
			delete(stored, key)
			if len(values) != len(out) {
				t.Errorf("%s has %d stored results, not %d (make fixtures-ops)", key, len(values), len(out))
				return
			}
			for i, y := range out {
				if err := r.near(y, values[i]); err != nil {
					t.Errorf("%s: result %d: %v", key, i, err)
				}
			}
		})
		for key := range stored {
			t.Errorf("%s: values of no case are stored: %s (make fixtures-ops)", fileOf(r), key)
		}
	}
	if total > 10<<20 {
		t.Errorf("the stored values have %d bytes, more than 10 MB", total)
	}
}

// fileOf is the file of a row's stored values.
func fileOf(r *Row) string { return strings.ReplaceAll(r.Name, " ", "_") + ".txt" }

// near compares elements with their stored texts: integers equal, floats within the row's
// tolerance; the sign of a zero counts.
func (r *Row) near(y *tensor.Tensor, want []string) error {
	if len(want) != y.Len() {
		return fmt.Errorf("%d values are stored, not %d", len(want), y.Len())
	}
	for i, text := range want {
		if !y.DType.IsFloat() {
			v, err := strconv.ParseInt(text, 10, 64)
			if u, e := strconv.ParseUint(text, 10, 64); e == nil {
				v, err = int64(u), nil
			}
			if err != nil || v != y.Int(i) {
				return fmt.Errorf("element %d is %d, not %s", i, y.Int(i), text)
			}
			continue
		}
		w, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return err
		}
		got, scale := y.Float(i), math.Abs(w)
		if !r.Elementwise {
			scale = max(1, scale)
		}
		switch {
		case math.IsNaN(w) && math.IsNaN(got):
		case w == got && (w != 0 || math.Signbit(w) == math.Signbit(got)):
		case math.Abs(got-w) <= r.Tolerance*scale && (w != 0 || !r.Elementwise):
		default:
			return fmt.Errorf("element %d is %v, not %v", i, got, w)
		}
	}
	return nil
}

func writeCases(t *testing.T) {
	var list []writtenCase
	for _, r := range Rows() {
		if r.Reference == "" {
			continue
		}
		eachCase(t, r, func(key string, c Case, in []*tensor.Tensor, env map[string]int64, out []*tensor.Tensor) {
			op := ir.MapAttributes(c.Op, func(d tensor.DType) tensor.DType { return d }, func(d tensor.Dim) tensor.Dim {
				v, _ := d.Eval(env)
				return tensor.Int(v)
			})
			w := writtenCase{Key: fileOf(r) + "\t" + key, Reference: r.Reference, Op: op}
			if value, ok := op.(ir.Const); ok {
				w.Op = write(value.Value)
			} else if full, ok := op.(ir.Full); ok { // JSON has no NaN
				w.Op = map[string]any{"Float": strconv.FormatFloat(full.Float, 'g', -1, 64), "Int": full.Int}
			}
			for _, x := range in {
				w.In = append(w.In, write(x))
			}
			for _, y := range out {
				w.Out = append(w.Out, writtenTensor{DType: y.DType.String(), Dims: append([]int{}, y.Dims...), Values: []string{}})
			}
			list = append(list, w)
		})
	}
	text, err := json.Marshal(list)
	if err == nil {
		err = os.WriteFile(*casesFile, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
