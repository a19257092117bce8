package build_test

import (
	"math"
	"math/rand"
	"os"
	"slices"
	"strings"
	"testing"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/build"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
	"dlc/stdlib"
)

// compile runs the language's phases over one source.
func compile(name, src string, cols map[string]tensor.Type) (*ir.Module, *build.Info, diag.List) {
	f, diags := syntax.Parse(name, []byte(src))
	p, more := check.Files([]*syntax.File{f}, stdlib.Files, build.Names())
	m, info, last := build.Module(p, build.Options{Columns: cols, Broken: len(diags) > 0})
	return m, info, append(append(diags, more...), last...)
}

// good compiles a source that has no mistakes, and verifies the module.
func good(t *testing.T, name, src string, cols map[string]tensor.Type) (*ir.Module, *build.Info) {
	t.Helper()
	m, info, diags := compile(name, src, cols)
	for _, d := range diags {
		t.Errorf("%v %v", d, d.Related)
	}
	if t.Failed() {
		t.FailNow()
	}
	if err := ir.Verify(m); err != nil {
		t.Fatal(err)
	}
	return m, info
}

func example(t *testing.T, name string) (*ir.Module, *build.Info) {
	t.Helper()
	src, err := os.ReadFile("../../examples/" + name + ".dlc")
	if err != nil {
		t.Fatal(err)
	}
	var cols map[string]tensor.Type
	if strings.HasPrefix(name, "digits/") {
		cols = map[string]tensor.Type{"image": {DType: tensor.U8, Shape: tensor.Ints(8, 8, 1)}, "label": {DType: tensor.U8}}
	}
	return good(t, name+".dlc", string(src), cols)
}

func entry(t *testing.T, m *ir.Module, name string) *ir.Func {
	t.Helper()
	for _, f := range m.Funcs {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no entry %s", name)
	return nil
}

type tensors = map[string]*tensor.Tensor

func run(t *testing.T, m *ir.Module, name string, in, weights tensors) (results, updates tensors) {
	t.Helper()
	results, updates, err := ir.Eval(entry(t, m, name), in, weights)
	if err != nil {
		t.Fatal(err)
	}
	return results, updates
}

func seed(v int64) *tensor.Tensor {
	x := tensor.New(tensor.U64)
	x.SetInt(0, v)
	return x
}

// columns makes n random records of the raw columns: dark images and labels of ten classes.
func columns(info *build.Info, n int) tensors {
	r := rand.New(rand.NewSource(7))
	out := tensors{}
	for _, c := range info.Dataset.Columns {
		dims, _ := c.Type.Shape.Bind(nil)
		x := tensor.New(c.Type.DType, append([]int{n}, dims...)...)
		for i := range x.Len() {
			x.SetInt(i, int64(r.Intn(17)))
			if c.Name == "label" {
				x.SetInt(i, int64(r.Intn(10)))
			}
		}
		out[c.Name] = x
	}
	return out
}

// TestExamplesBegin initializes each example and scores random records: an untrained model of ten
// classes has a loss near ln 10.
func TestExamplesBegin(t *testing.T) {
	for _, name := range []string{"digits/mlp", "mnist/lenet", "mnist/cnn", "mnist/resnet"} {
		t.Run(name, func(t *testing.T) {
			m, info := example(t, name)
			_, weights := run(t, m, "init", tensors{"seed": seed(1)}, nil)
			if len(weights) != len(m.Weights) {
				t.Fatalf("init sets %d of %d weights", len(weights), len(m.Weights))
			}
			batches := []int{1}
			if name == "digits/mlp" {
				batches = []int{1, 3}
			}
			for _, n := range batches {
				prepared, _ := run(t, m, "prepare", columns(info, n), nil)
				outputs, _ := run(t, m, "infer", tensors{"image": prepared["image"]}, weights)
				scores, metrics := run(t, m, "score", tensors{"logits": outputs["logits"], "label": prepared["label"]}, weights)
				if loss := scores["loss"].Float(0); math.Abs(loss-math.Log(10)) > 1.2 {
					t.Errorf("loss %g of %d records is far from ln 10", loss, n)
				}
				if seen := metrics["metric/accuracy/seen"].Float(0); seen != float64(n) {
					t.Errorf("seen %g of %d records", seen, n)
				}
			}
		})
	}
}

// TestAccuracyOverBatches follows a metric through score, metrics and reset.
func TestAccuracyOverBatches(t *testing.T) {
	m, _ := example(t, "digits/mlp")
	_, weights := run(t, m, "init", tensors{"seed": seed(1)}, nil)
	hits := []int{3, 1}
	for _, right := range hits {
		logits, label := tensor.New(tensor.F32, 4, 10), tensor.New(tensor.U8, 4)
		for i := range 4 {
			logits.SetFloat(10*i+i, 5)
			label.SetInt(i, int64(i))
			if i >= right {
				label.SetInt(i, 9)
			}
		}
		_, next := run(t, m, "score", tensors{"logits": logits, "label": label}, weights)
		for p, v := range next {
			weights[p] = v
		}
	}
	got, _ := run(t, m, "metrics", nil, weights)
	if a := got["accuracy"].Float(0); a != 0.5 {
		t.Errorf("accuracy %g, want 4 of 8", a)
	}
	_, zero := run(t, m, "reset", nil, weights)
	if zero["metric/accuracy/hits"].Float(0) != 0 || len(zero) != 2 {
		t.Errorf("reset gives %v", zero)
	}
}

func TestPaths(t *testing.T) {
	m, _ := example(t, "mnist/resnet")
	types := map[string]string{}
	for i, w := range m.Weights {
		types[w.Path] = w.Type.String()
		if i > 0 && m.Weights[i-1].Path >= w.Path {
			t.Errorf("%s is out of order", w.Path)
		}
	}
	for path, want := range map[string]string{
		"conv2d.kernel": "f32[3, 3, 1, 16]", "batch_norm.moving_mean": "f32[16]", "blocks.0.conv2d_1.kernel": "f32[3, 3, 16, 16]",
		"blocks.2.conv2d_2.kernel": "f32[1, 1, 32, 64]", "blocks.1.batch_norm_2.gamma": "f32[32]", "dense.kernel": "f32[64, 10]",
		"optimizer/v/blocks.0.conv2d.kernel": "f32[3, 3, 16, 16]", "metric/accuracy/hits": "f64[]",
	} {
		if types[path] != want {
			t.Errorf("%s is %q, want %s", path, types[path], want)
		}
	}
}

func TestInfo(t *testing.T) {
	_, info := example(t, "mnist/lenet")
	if info.Model != "LeNet" || info.Batch != "N" || info.Inputs[0].Type.String() != "f32[N, 28, 28, 1]" || info.Outputs[0].Name != "logits" {
		t.Errorf("%+v", info)
	}
	d := info.Dataset
	if d.Source != "mnist" || d.Args["path"] != "data/mnist" || d.Contracts[0].Hi != 10 || !d.Contracts[0].Raw || d.Columns[0].Type.String() != "u8[28, 28, 1]" {
		t.Errorf("%+v", d)
	}
	tr := info.Train
	if tr.Batch != 128 || tr.Epochs != 5 || tr.Early.Patience != 2 || tr.Early.Mode != "min" || tr.Checkpoint.Keep != 3 || tr.Labels[0] != "label" {
		t.Errorf("%+v", tr)
	}
	p := info.Promises
	if len(p) != 3 || p[0].Subject != "valid.accuracy" || p[1].Value != 4<<20 || p[1].At["N"] != 1 || p[1].Text != "memory.infer <= 4 MiB at N=1" {
		t.Errorf("%+v", p)
	}
	if l := info.Layers[1]; l.Path != "conv2d" || l.Output.String() != "f32[N, 26, 26, 32]" || len(l.Weights) != 2 {
		t.Errorf("%+v", info.Layers)
	}
}

func TestSameBytes(t *testing.T) {
	a, _ := example(t, "mnist/resnet")
	b, _ := example(t, "mnist/resnet")
	if ir.Print(a) != ir.Print(b) {
		t.Error("two compilations differ")
	}
}

// TestNamesOfElsewhere: what another framework calls otherwise has its name here, and none of its own.
func TestNamesOfElsewhere(t *testing.T) {
	p, _ := check.Files(nil, stdlib.Files, build.Names())
	for other, here := range check.Elsewhere() {
		if !slices.Contains(p.Names(), here) || slices.Contains(p.Names(), other) {
			t.Errorf("%s is called %s", other, here)
		}
	}
}
