package runtime

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"dlc/ir/tensor"
	"dlc/runtime/program"
)

// maxBytes bounds a buffer, and the value of a symbol: shapes come from callers.
const maxBytes = 1 << 40

// unify binds the symbols of e so that the declared shapes of its inputs become those of the
// given tensors. A dim that is linear in one unbound symbol binds it; every other dim is
// compared once its symbols are bound.
func unify(e *program.Entry, inputs map[string]*tensor.Tensor) (map[string]int64, error) {
	if err := checkNames(e, inputs); err != nil {
		return nil, err
	}
	env, from := map[string]int64{}, map[string]string{}
	for bound := true; bound; {
		bound = false
		for i := range e.Buffers {
			b := &e.Buffers[i]
			if b.Class != program.Input {
				continue
			}
			for axis, d := range b.Type.Shape {
				if s, v, ok := solve(d, int64(inputs[b.Name].Dims[axis]), env); ok {
					env[s], from[s], bound = v, b.Name, true
				}
			}
		}
	}
	for i := range e.Buffers {
		if b := &e.Buffers[i]; b.Class == program.Input {
			if err := compare(e, b, inputs[b.Name], env, from); err != nil {
				return nil, err
			}
		}
	}
	return env, checkBound(e, env)
}

// solve finds the value of the one symbol of d that env lacks, when d is linear in it and equals
// actual there.
func solve(d tensor.Dim, actual int64, env map[string]int64) (symbol string, value int64, ok bool) {
	set := map[string]bool{}
	d.Symbols(set)
	for s := range set {
		if _, bound := env[s]; bound {
			continue
		}
		if symbol != "" {
			return "", 0, false
		}
		symbol = s
	}
	if symbol == "" {
		return "", 0, false
	}
	coef, rest, ok := d.Linear(symbol)
	if !ok {
		return "", 0, false
	}
	c, ok1 := coef.Eval(env)
	r, ok2 := rest.Eval(env)
	if !ok1 || !ok2 || c == 0 || (actual-r)%c != 0 {
		return "", 0, false
	}
	return symbol, (actual - r) / c, true
}

// checkNames compares the given inputs with the declared ones by name, dtype, rank and size.
func checkNames(e *program.Entry, inputs map[string]*tensor.Tensor) error {
	if err := checkUnknown(e, inputs); err != nil {
		return err
	}
	for i := range e.Buffers {
		b := &e.Buffers[i]
		if b.Class != program.Input {
			continue
		}
		x := inputs[b.Name]
		if x == nil {
			return fmt.Errorf("entry %s: input %q %s is missing", e.Name, b.Name, b.Type)
		}
		if x.DType != b.Type.DType || len(x.Dims) != len(b.Type.Shape) {
			return fmt.Errorf("entry %s: input %q: expected %s, got %s", e.Name, b.Name, b.Type, x)
		}
		if n, ok := sizeOf(x.DType, x.Dims); !ok || n != int64(len(x.Data)) {
			return fmt.Errorf("entry %s: input %q: %s does not fit its %d bytes of data", e.Name, b.Name, x, len(x.Data))
		}
	}
	return nil
}

// checkUnknown finds inputs that the entry does not have; a misspelt name is told as that and not
// as a missing input.
func checkUnknown(e *program.Entry, inputs map[string]*tensor.Tensor) error {
	var names []string
	for i := range e.Buffers {
		if b := &e.Buffers[i]; b.Class == program.Input {
			names = append(names, b.Name)
		}
	}
	var unknown []string
	for name := range inputs {
		if !slices.Contains(names, name) {
			unknown = append(unknown, fmt.Sprintf("%q", name))
		}
	}
	if unknown == nil {
		return nil
	}
	sort.Strings(unknown)
	takes := "no inputs"
	if names != nil {
		takes = strings.Join(names, ", ")
	}
	return fmt.Errorf("entry %s has no input %s; it takes %s", e.Name, strings.Join(unknown, ", "), takes)
}

// compare checks x against b's declared shape under env.
func compare(e *program.Entry, b *program.Buffer, x *tensor.Tensor, env map[string]int64, from map[string]string) error {
	for axis, d := range b.Type.Shape {
		v, ok := d.Eval(env)
		if ok && v == int64(x.Dims[axis]) {
			continue
		}
		set, clause := map[string]bool{}, ""
		d.Symbols(set)
		if s := sortedKeys(set); ok && len(s) == 1 {
			clause = fmt.Sprintf(" with %s = %d", s[0], env[s[0]])
			if from[s[0]] != b.Name {
				clause += fmt.Sprintf(", as input %q has it", from[s[0]])
			}
		}
		return fmt.Errorf("entry %s: input %q: expected %s%s, got %s", e.Name, b.Name, b.Type, clause, x)
	}
	return nil
}

// checkBound makes sure that every symbol of e has a value that sizes can be computed with, and
// no buffer is absurdly large.
func checkBound(e *program.Entry, env map[string]int64) error {
	for _, s := range e.Symbols {
		v, ok := env[s]
		if !ok {
			return fmt.Errorf("entry %s: nothing binds symbol %s", e.Name, s)
		}
		if v < 0 || v > maxBytes {
			return fmt.Errorf("entry %s: symbol %s cannot be %d", e.Name, s, v)
		}
	}
	for i := range e.Buffers {
		b := &e.Buffers[i]
		if n := magnitude(b.Bytes, env); n > maxBytes {
			return fmt.Errorf("entry %s: buffer %s %s takes more than %d bytes at these shapes", e.Name, b.Name, b.Type, int64(maxBytes))
		}
		if n, ok := b.Bytes.Eval(env); !ok || n < 0 {
			return fmt.Errorf("entry %s: buffer %s cannot have %s bytes at these shapes", e.Name, b.Name, b.Bytes)
		}
		for _, d := range b.Type.Shape {
			if v, ok := d.Eval(env); !ok || v < 0 || magnitude(d, env) > maxBytes {
				return fmt.Errorf("entry %s: %s %s has no size at these shapes", e.Name, b.Name, b.Type)
			}
		}
	}
	return nil
}

// magnitude bounds |d| under env in floating point, where nothing wraps around. It is infinite
// where an intermediate value of d would not fit 64 bits.
func magnitude(d tensor.Dim, env map[string]int64) float64 {
	sum := 0.0
	d.Terms(func(coef int64, factors []tensor.Factor) {
		term := math.Abs(float64(coef))
		for _, f := range factors {
			if f.Den > 0 {
				num := magnitude(f.Num, env)
				if num > 1<<62 {
					num = math.Inf(1)
				}
				term *= num/float64(f.Den) + 1
			} else {
				term *= math.Abs(float64(env[f.Name]))
			}
		}
		sum += term
	})
	if math.IsNaN(sum) { // 0 times an infinity
		return math.Inf(1)
	}
	return sum
}

// sizeOf returns the bytes of a tensor; ok is false when a dim is negative or the size absurd.
func sizeOf(t tensor.DType, dims []int) (n int64, ok bool) {
	n = int64(t.Size())
	for _, d := range dims {
		if d < 0 || d > 0 && n > maxBytes/int64(d) {
			return 0, false
		}
		n *= int64(d)
	}
	return n, true
}

func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
