package build_test

import (
	"os"
	"testing"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/build"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
	"dlc/stdlib"
)

func compile(name, src string, cols map[string]tensor.Type) (*ir.Module, *build.Info, diag.List) {
	f, diags := syntax.Parse(name, []byte(src))
	p, more := check.Files([]*syntax.File{f}, stdlib.Files, build.Names())
	m, info, last := build.Module(p, build.Options{Columns: cols})
	return m, info, append(append(diags, more...), last...)
}

func TestExamples(t *testing.T) {
	cols := map[string]map[string]tensor.Type{"digits/mlp": {
		"image": {DType: tensor.U8, Shape: tensor.Ints(8, 8, 1)}, "label": {DType: tensor.U8}}}
	for _, name := range []string{"digits/mlp", "mnist/lenet", "mnist/cnn", "mnist/resnet"} {
		src, err := os.ReadFile("../../examples/" + name + ".dlc")
		if err != nil {
			t.Fatal(err)
		}
		m, info, diags := compile(name+".dlc", string(src), cols[name])
		for _, d := range diags {
			t.Errorf("%v %v %v", d, d.Related, d.Help)
		}
		if m == nil {
			continue
		}
		for _, f := range m.Funcs {
			t.Logf("%s: %d params %d nodes %d results", f.Name, len(f.Params), len(f.Nodes), len(f.Results))
		}
		for _, w := range m.Weights {
			t.Logf("%s %v", w.Path, w.Type)
		}
		t.Logf("%+v", info)
	}
}

func digits() map[string]tensor.Type {
	return map[string]tensor.Type{"image": {DType: tensor.U8, Shape: tensor.Ints(8, 8, 1)}, "label": {DType: tensor.U8}}
}
