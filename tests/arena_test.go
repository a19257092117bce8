package tests

import (
	"path/filepath"
	"testing"

	"dlc"
	"dlc/ir/tensor"
	"dlc/runtime/program"
)

// TestArenasOfExamples holds the memory of every example to what is alive at once: with any batch
// in inference, to a hundredth more in training.
func TestArenasOfExamples(t *testing.T) {
	files, err := filepath.Glob("../examples/*/*.dlc")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := dlc.ReadSource(file)
			if err != nil {
				t.Fatal(err)
			}
			p, err := dlc.Check(src, &dlc.Options{Columns: columnsOf(filepath.Base(filepath.Dir(file)))})
			if err != nil {
				t.Fatal(err)
			}
			entries, err := p.Plan()
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				for _, n := range []int64{1, 7, 32, 64, 100, 128} {
					p, err := program.Place(e, map[string]int64{"N": n})
					if err != nil {
						t.Fatal(err)
					}
					limit := float64(p.Live)
					if e.Name == "train" {
						limit *= 1.01
					}
					if float64(p.Total) > limit {
						t.Errorf("%s of %d: %d bytes, with at most %d alive (no smaller arena: %v)", e.Name, n, p.Total, p.Live, p.Least)
					}
				}
			}
		})
	}
}

// columnsOf are the raw columns of the data that the examples of a folder train on; nil where the
// file says all.
func columnsOf(folder string) map[string]tensor.Type {
	side := map[string]int64{"digits": 8, "mnist": 28}[folder]
	if side == 0 {
		return nil
	}
	return map[string]tensor.Type{"image": {DType: tensor.U8, Shape: tensor.Ints(side, side, 1)}, "label": {DType: tensor.U8}}
}
