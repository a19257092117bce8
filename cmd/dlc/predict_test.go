package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlc/ir/tensor"
	"dlc/runtime/program"
)

// TestRawRecordsWantEveryFeature: a table may lack what only scoring uses, or hold it as text, but
// lacks no column that the model takes.
func TestRawRecordsWantEveryFeature(t *testing.T) {
	rows := tensor.Shape{tensor.Sym("N")}
	buffer := func(name string, class program.Class) program.Buffer {
		return program.Buffer{Name: name, Class: class, Type: tensor.Type{DType: tensor.F32, Shape: rows}}
	}
	m := &program.Model{Manifest: program.Manifest{Columns: []string{"a", "b"}, Missing: map[string]float64{"a": 7}}, Entries: []*program.Entry{
		{Name: "prepare", Buffers: []program.Buffer{buffer("a", program.Input), buffer("b", program.Input), buffer("label", program.Input),
			buffer("x", program.Output), buffer("label", program.Output)}},
		{Name: "infer", Buffers: []program.Buffer{buffer("x", program.Input), buffer("y", program.Output)}}}}
	table := func(text string) string {
		path := filepath.Join(t.TempDir(), "t.csv")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	raw, names, err := rawRecords(m, table("b,a,label\n2,1.5,x\n\n4,3,\n5,,\n"), nil)
	if err != nil || strings.Join(names, ";") != "line 2;line 4;line 5" || raw["a"].Float(2) != 7 || raw["a"].Float(1) != 3 || raw["b"].Float(0) != 2 || raw["label"].Float(0) != 0 {
		t.Errorf("a table without its label: %v, %v", raw, err)
	}
	if _, _, err := rawRecords(m, table("a,b\n1,\n"), nil); err == nil || !strings.Contains(err.Error(), "line 2, column b: the field is empty; `b : number(missing=0)`") {
		t.Errorf("an empty field: %v", err)
	}
	if _, _, err := rawRecords(m, table("a,label\n1,0\n"), nil); err == nil || !strings.Contains(err.Error(), `no column "b"`) {
		t.Errorf("a table without a feature: %v", err)
	}
}
