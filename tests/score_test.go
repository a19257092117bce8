package tests

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"dlc"
	"dlc/ir/tensor"
	"dlc/runtime"
	"dlc/runtime/data"
	"dlc/runtime/train"
)

// An output and a column of one name are told apart when a part is scored: with weights of zero
// the loss is the mean square of the column.
func TestScoreOutputNamedAsColumn(t *testing.T) {
	dir := t.TempDir()
	table := filepath.Join(dir, "table.csv")
	if err := os.WriteFile(table, []byte("x,price\n1,3\n2,-3\n3,3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := data.CSV(table, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Split(data.Split{Shares: []float64{100}}); err != nil {
		t.Fatal(err)
	}
	src := &dlc.Source{Path: filepath.Join(dir, "price.dlc"), Text: []byte(`edition 2026

model P()(features: f32[N, 1]) -> (price: f32[N]) {
  features |> Dense(1, kernel_init=zeros()) |> squeeze(axis=-1)
}

dataset Table = csv("table.csv") {
  x, price : number
  features = concat([x])
}

train P {
  data      = Table
  loss      = mse(P.price, price)
  metrics   = (answer = mean(P.price), target = mean(abs(price)))
  optimizer = SGD(0.1)
}
`)}
	columns := map[string]tensor.Type{"x": {DType: tensor.I32}, "price": {DType: tensor.I32}}
	p, err := dlc.Check(src, &dlc.Options{Columns: columns})
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.Compile()
	if err != nil {
		t.Fatal(err)
	}
	s, err := train.ScoreModel(context.Background(), m, d, data.Train, 2, runtime.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if s["loss"] != 9 || s["answer"] != 0 || s["target"] != 3 {
		t.Errorf("loss %v, answer %v, target %v; want 9, 0, 3", s["loss"], s["answer"], s["target"])
	}
}
