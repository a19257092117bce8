package data

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"dlc/ir/tensor"
)

func values(d *Dataset, column string) []float64 {
	i := d.column(column)
	t := tensor.Tensor{DType: d.Columns[i].Type, Data: d.blocks[0].values[i]}
	var out []float64
	for k := range d.blocks[0].n {
		out = append(out, t.Float(k))
	}
	return out
}

func TestCSV(t *testing.T) {
	text := "\ufeffid, age,score ,label\r\nx1,1,2,0\nx2, 2 ,2.5,1\n\n\"x,3\",-3,1e-3,2147483647\nx4,2147483648,16777217,-2147483648\n"
	d, err := CSV(write(t, []byte(text)), Options{Columns: []string{"label", "age", "score"}, Key: "id"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Column{{"label", tensor.I32, nil}, {"age", tensor.F32, nil}, {"score", tensor.F32, nil}} {
		if c := d.Columns[i]; c.Name != want.Name || c.Type != want.Type || len(c.Dims) != 0 {
			t.Errorf("column %d is %+v", i, c)
		}
	}
	for name, want := range map[string][]float64{"label": {0, 1, 2147483647, -2147483648}, "age": {1, 2, -3, 2147483648},
		"score": {2, 2.5, float64(float32(1e-3)), 16777216}} {
		for k, v := range values(d, name) {
			if v != want[k] {
				t.Errorf("%s %d: %v, want %v", name, k, v, want[k])
			}
		}
	}
	if err := d.Split(Split{Shares: []float64{50, 25, 25}, By: "id"}); err != nil {
		t.Error(err)
	}
	if again, _ := CSV(write(t, folded(t, []byte(text))), Options{Columns: []string{"label", "age", "score"}, Key: "id"}); again.Digest() != d.Digest() {
		t.Error("gzip changes the data")
	}
}

func TestDamagedCSV(t *testing.T) {
	for _, c := range []struct {
		text string
		opts Options
		want string
	}{
		{"a,b\n1,2\n3\n", Options{}, "line 3 has 1 fields, the header 2"},
		{"a,b\n1,2,3\n", Options{}, "line 2 has 3 fields, the header 2"},
		{"a,b\n1,x\n", Options{}, `line 2, column b: "x" is not a finite number`},
		{"a,b\n1,\n", Options{}, "line 2, column b: the field is empty"},
		{"a\nnan\n", Options{}, "not a finite number"},
		{"a\n1e99\n", Options{}, "not a finite number"},
		{"a,b\n1,2\n", Options{Columns: []string{"c"}}, "column c is missing; the header has a, b"},
		{"a,b\n1,2\n", Options{Key: "c"}, "column c is missing"},
		{"a,a\n1,2\n", Options{}, `columns 1 and 2 are both named "a"`},
		{"a\n", Options{}, "no records"},
		{"", Options{}, "the file is empty"},
		{"a\n\"1\n", Options{}, "line 2: "},
		{"a\n1\n\"2\"x\n", Options{}, "line 3: "},
	} {
		_, err := CSV(write(t, []byte(c.text)), c.opts)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
	bomb := folded(t, append([]byte("a\n"), bytes.Repeat([]byte("\n"), 80<<20)...))
	if _, err := CSV(write(t, bomb), Options{}); err == nil || !strings.Contains(err.Error(), "gzip bomb") {
		t.Errorf("got %v", err)
	}
}

// TestEmptyFields: a value takes the place of empty fields, and records keep the numbers of their lines.
func TestEmptyFields(t *testing.T) {
	d, err := CSV(write(t, []byte("a,b\n1,\n\n ,2.5\n\"3\",\"\n\"\n,4\n")), Options{Missing: map[string]float64{"a": 9, "b": -0.5}})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := values(d, "a"), values(d, "b"); !slices.Equal(a, []float64{1, 9, 3, 9}) || !slices.Equal(b, []float64{-0.5, 2.5, -0.5, 4}) {
		t.Errorf("a %v, b %v", a, b)
	}
	if c, _ := d.Column("a"); c.Type != tensor.I32 {
		t.Errorf("a is %s", c.Type)
	}
	if err := d.Split(Split{Shares: []float64{100}}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"line 2", "line 4", "line 5", "line 7"} {
		if got := d.Place(Train, i); got != want {
			t.Errorf("record %d is at %s, not %s", i, got, want)
		}
	}
	if err := d.CheckRange("b", 0, 5); err == nil || !strings.Contains(err.Error(), "column b, line 2: -0.5 is outside") {
		t.Errorf("got %v", err)
	}
}

func TestHousing(t *testing.T) {
	d, err := CSV(shared(t, "data", "california-housing", "housing.csv"), Options{Columns: []string{"median_income", "median_house_value"}})
	if err != nil {
		t.Fatal(err)
	}
	if n := d.Len(Train) + d.Len(Valid); n != 20640 {
		t.Errorf("%d records", n)
	}
	for _, v := range values(d, "median_income") {
		if math.IsNaN(v) || v < 0.4 || v > 16 {
			t.Fatalf("an income of %v", v)
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n3.5,4\n"))
	f.Add([]byte("\ufeff\"a\",b\r\n1,\"2\"\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if d, err := parseCSV(bytes.NewReader(text), Options{}); err == nil && len(d.Columns) > 0 && len(d.blocks[0].values[0]) != 4*d.blocks[0].n {
			t.Error("a column of another length")
		}
	})
}
