package tests

import (
	"bytes"
	"context"
	"math/rand"
	"strconv"
	"strings"
	"testing"

	"dlc"
	"dlc/ir/tensor"
	dlcruntime "dlc/runtime"
	"dlc/runtime/check"
	"dlc/runtime/program"
)

// TestCheckedBuildsHaveTheSameBits trains and runs the examples in builds that are checked and
// in ordinary ones: nothing fused, every launch alone, memory poisoned as soon as it is free,
// and the same answers and weights.
func TestCheckedBuildsHaveTheSameBits(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"digits/mlp", "mnist/lenet", "mnist/cnn", "mnist/resnet"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			path := "../examples/" + file + ".dlc"
			src, err := dlc.ReadSource(path)
			if err != nil {
				t.Fatal(err)
			}
			want := follow(t, artifactOf(t, src, imageColumns(file), dlc.Options{}), nil)
			got := follow(t, artifactOf(t, src, imageColumns(file), dlc.Options{Check: true}), check.Watch)
			for name, w := range want {
				if g := got[name]; !bytes.Equal(g, w) {
					t.Errorf("%s differs", name)
				}
			}
		})
	}
}

func artifactOf(t testing.TB, src *dlc.Source, columns map[string]tensor.Type, o dlc.Options) *program.Model {
	t.Helper()
	o.Columns = columns
	p, err := dlc.Check(src, &o)
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// follow runs every entry of a model on random columns, training twice, and returns all it made.
func follow(t testing.TB, m *program.Model, watch func(context.Context, *dlcruntime.Call) error) map[string][]byte {
	t.Helper()
	model, err := dlcruntime.Load(m)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	s, err := model.NewSession(dlcruntime.Options{Threads: 2, Train: true, Watch: watch})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rng := rand.New(rand.NewSource(8))
	all := map[string][]byte{}
	values := map[string]*tensor.Tensor{}
	for _, step := range []string{"init", "reset", "train 3", "train 5", "metrics", "reset", "prepare 5", "infer 5", "score 5", "metrics"} {
		name, rows, _ := strings.Cut(step, " ")
		inputs := map[string]*tensor.Tensor{}
		for i := range m.Entry(name).Buffers {
			if b := &m.Entry(name).Buffers[i]; b.Class == program.Input {
				inputs[b.Name] = argument(rng, b, rows, values)
			}
		}
		out, err := s.Run(context.Background(), name, inputs)
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		for n, x := range out {
			values[n] = x
			all[step+" "+n] = x.Data
		}
		for _, w := range s.Weights() {
			all[step+" weight "+w.Path] = bytes.Clone(w.Data)
		}
	}
	return all
}

// argument is a value for an input: what an earlier entry of the same batch made, or random.
func argument(rng *rand.Rand, b *program.Buffer, rows string, values map[string]*tensor.Tensor) *tensor.Tensor {
	n, _ := strconv.ParseInt(rows, 10, 64)
	dims, _ := b.Type.Shape.Bind(map[string]int64{"N": n})
	x := tensor.New(b.Type.DType, dims...)
	if v := values[b.Name]; v != nil && v.String() == x.String() {
		return v
	}
	for i := range x.Len() {
		x.SetInt(i, int64(rng.Intn(10)))
	}
	return x
}
