package tests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dlc"
	"dlc/ir/tensor"
	dlcruntime "dlc/runtime"
	"dlc/runtime/check"
	"dlc/runtime/program"
	"dlc/runtime/train"
)

// TestCheckedBuildsHaveTheSameBits trains and runs the examples in builds that are checked and
// in ordinary ones: nothing fused, every launch alone, memory poisoned as soon as it is free,
// and the same answers and weights.
func TestCheckedBuildsHaveTheSameBits(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"digits/mlp", "digits/early", "mnist/lenet", "mnist/cnn", "mnist/resnet"} {
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

// TestCheckedTrainingEndsAlike trains on digits in a build that is checked, and goes on with the
// checkpoint of an ordinary run: the weights are those of an ordinary run.
func TestCheckedTrainingEndsAlike(t *testing.T) {
	t.Parallel()
	d := openDigits(t)
	ordinary, watched := built(t, digitsFile, d, dlc.Options{}), built(t, digitsFile, d, dlc.Options{Check: true})
	dir := t.TempDir()
	trained(t, ordinary, d, func(j *train.Job) { j.Dir, j.Epochs = dir, 1 })
	strayed := filepath.Join(t.TempDir(), "strayed")
	if err := os.CopyFS(strayed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(strayed, train.LogFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(log, `{"event":"diverged","epoch":2,"step":9,"run_step":52}`)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	want := trained(t, ordinary, d, nil).WeightsSHA256
	for what, change := range map[string]func(*train.Job){
		"from the beginning": func(j *train.Job) {},
		"resumed":            func(j *train.Job) { j.Dir, j.Resume = dir, true },
		"repeated in part":   func(j *train.Job) { j.Dir, j.Resume = strayed, true },
	} {
		got := trained(t, watched, d, func(j *train.Job) { change(j); j.Watch = check.Watch })
		if got.WeightsSHA256 != want {
			t.Errorf("%s: weights %s, not %s", what, got.WeightsSHA256, want)
		}
	}
}

// TestCheckedBuildsSeeBrokenMemory gives buffers too short a life or too little memory: what runs
// on them is named as broken.
func TestCheckedBuildsSeeBrokenMemory(t *testing.T) {
	t.Parallel()
	src, err := dlc.ReadSource(digitsFile)
	if err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(b *program.Buffer){
		"after its last use": func(b *program.Buffer) { b.Last = b.First },
		"was written":        func(b *program.Buffer) { b.Bytes = b.Bytes.AddInt(-program.Alignment) },
	} {
		t.Run(what, func(t *testing.T) {
			m := artifactOf(t, src, imageColumns("digits/mlp"), dlc.Options{Check: true, Entries: []string{"infer"}})
			e := m.Entry("infer")
			at := slices.IndexFunc(e.Buffers, func(b program.Buffer) bool {
				return b.Class == program.Arena && b.Type.DType == tensor.F32 && b.Last > b.First
			})
			spoil(&e.Buffers[at])
			model, err := dlcruntime.Load(m)
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			s, err := model.NewSession(dlcruntime.Options{Watch: check.Watch})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			_, err = s.Run(context.Background(), "infer", map[string]*tensor.Tensor{"image": tensor.New(tensor.F32, 4, 8, 8, 1)})
			var broken *check.Broken
			if !errors.As(err, &broken) || !strings.Contains(err.Error(), what) || broken.Launch.Span == "" {
				t.Errorf("%v", err)
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
