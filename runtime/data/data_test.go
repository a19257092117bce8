package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dlc/ir/tensor"
)

// shared returns a file of the shared fixtures, or skips.
func shared(t testing.TB, path ...string) string {
	dir := os.Getenv("DLC_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	p := filepath.Join(append([]string{dir}, path...)...)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("SKIPPED: no shared fixture %s (set DLC_SHARED)", p)
	}
	return p
}

func TestMNIST(t *testing.T) {
	d, err := MNIST(shared(t, "data", "mnist"))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Columns) != 2 || d.Columns[0].Name != "image" || d.Columns[0].RecordSize() != 784 || !slices.Equal(d.Columns[0].Dims, []int{28, 28, 1}) ||
		d.Columns[1].Type != tensor.U8 || d.Columns[1].RecordSize() != 1 {
		t.Errorf("columns %+v", d.Columns)
	}
	if n, v := d.Len(Train), d.Len(Valid); n+v != 60000 || v < 5800 || v > 6200 || d.Len(Test) != 10000 {
		t.Errorf("parts of %d, %d, %d", n, v, d.Len(Test))
	}
	if err := d.CheckRange("label", 0, 10); err != nil {
		t.Error(err)
	}
	if err := d.CheckRange("label", 0, 9); err == nil || !strings.Contains(err.Error(), "record 5 of train: 9 is outside 0..9") {
		t.Errorf("got %v", err)
	}
	if err := d.Split(Split{Shares: []float64{100}}); err != nil || d.Len(Train) != 60000 || d.Len(Valid) != 0 || d.Len(Test) != 10000 {
		t.Errorf("split 100: %v, %d, %d, %d", err, d.Len(Train), d.Len(Valid), d.Len(Test))
	}
	image, label := make([]byte, 3*784), make([]byte, 3)
	dst := map[string][]byte{"image": image, "label": label}
	if err := d.Batch(Train, []int{0, 1, 59999}, dst); err != nil || !bytes.Equal(label, []byte{5, 0, 8}) {
		t.Errorf("labels %v, %v", label, err)
	}
	if n := testing.AllocsPerRun(10, func() { _ = d.Batch(Test, []int{9999, 3}, dst) }); n != 0 {
		t.Errorf("a batch allocates %v times", n)
	}
}

// source makes a data set of n records: column a is the record's number, b[2] two bytes of it.
func source(t testing.TB, train, test int) *Dataset {
	t.Helper()
	var blocks []block
	for i, n := range []int{train, test} {
		b := block{part: []Part{Train, Test}[i], n: n, values: [][]byte{{}, {}}}
		for r := range n {
			b.values[0] = binary.LittleEndian.AppendUint32(b.values[0], uint32(r+i*train))
			b.values[1] = append(b.values[1], byte(r), byte(r/7))
		}
		if i == 0 || n > 0 {
			blocks = append(blocks, b)
		}
	}
	d, err := newDataset([]Column{{"a", tensor.I32, nil}, {"b", tensor.U8, []int{2}}}, blocks...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSplits(t *testing.T) {
	for name, c := range map[string]struct {
		split             Split
		test              int
		low, high         [3]int
		everythingTrained bool
	}{
		"default":            {Split{}, 100, [3]int{8800, 800, 100}, [3]int{9200, 1200, 100}, false},
		"all":                {Split{Shares: []float64{100}}, 100, [3]int{10000, 0, 100}, [3]int{10000, 0, 100}, true},
		"two":                {Split{Shares: []float64{70, 30}}, 100, [3]int{6800, 2800, 100}, [3]int{7200, 3200, 100}, false},
		"three":              {Split{Shares: []float64{80, 10, 10}}, 100, [3]int{7800, 850, 850}, [3]int{8300, 1200, 1200}, false},
		"three without test": {Split{Shares: []float64{80, 10, 10}}, 0, [3]int{7800, 850, 850}, [3]int{8300, 1200, 1200}, false},
		"by column":          {Split{Shares: []float64{50, 50}, By: "b"}, 0, [3]int{3500, 3500, 0}, [3]int{6500, 6500, 0}, false},
		"none is valid":      {Split{Shares: []float64{60, 0, 40}}, 0, [3]int{5800, 0, 3800}, [3]int{6200, 0, 4200}, false},
	} {
		d := source(t, 10000, c.test)
		if err := d.Split(c.split); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		seen := map[int]Part{}
		for i, p := range parts {
			if n := d.Len(p); n < c.low[i] || n > c.high[i] {
				t.Errorf("%s: %d records in %s", name, n, p)
			}
			for _, r := range d.rows[p] {
				if seen[r] != "" {
					t.Errorf("%s: record %d is in two parts", name, r)
				}
				seen[r] = p
			}
		}
		if len(seen) != 10000+c.test {
			t.Errorf("%s: %d records in all", name, len(seen))
		}
		if c.split.By != "" {
			of := map[string]Part{}
			for r, p := range seen {
				k := string(d.value(1, r))
				if of[k] != "" && of[k] != p {
					t.Errorf("%s: equal keys part", name)
				}
				of[k] = p
			}
		}
	}
	for _, bad := range []Split{{Shares: []float64{80, 10}}, {Shares: []float64{25, 25, 25, 25}}, {Shares: []float64{110, -10}},
		{Shares: []float64{math.NaN()}}, {By: "c"}} {
		if err := source(t, 10, 0).Split(bad); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}

func TestOrder(t *testing.T) {
	if got := Order(7, 1, 10); !slices.Equal(got, []int{3, 4, 0, 7, 5, 1, 6, 9, 8, 2}) {
		t.Errorf("the order changed: %v", got)
	}
	for _, n := range []int{0, 1, 2, 1000} {
		a, b := Order(3, 1, n), Order(3, 2, n)
		if n > 2 && (slices.Equal(a, b) || slices.Equal(a, Order(4, 1, n))) {
			t.Errorf("%d: two orders are equal", n)
		}
		slices.Sort(a)
		for i, v := range a {
			if v != i {
				t.Fatalf("%d: no permutation", n)
			}
		}
	}
	// Each place is reached about equally often.
	count := [4][4]int{}
	for e := range uint64(4000) {
		for i, v := range Order(11, e, 4) {
			count[i][v]++
		}
	}
	for i := range count {
		for v, n := range count[i] {
			if n < 850 || n > 1150 {
				t.Errorf("value %d stands %d times at place %d", v, n, i)
			}
		}
	}
}

func TestBatch(t *testing.T) {
	d := source(t, 5, 3)
	if err := d.Split(Split{Shares: []float64{100}}); err != nil {
		t.Fatal(err)
	}
	a, b := make([]byte, 12), make([]byte, 20)
	if err := d.Batch(Test, []int{2, 0}, map[string][]byte{"a": a, "b": b}); err != nil {
		t.Fatal(err)
	}
	if a[0] != 7 || a[4] != 5 || a[8] != 0 || b[0] != 2 {
		t.Errorf("got %v %v", a, b)
	}
	for want, err := range map[string]error{
		"column a: 12 bytes for 4 records of 4":     d.Batch(Train, []int{0, 1, 2, 3}, map[string][]byte{"a": a}),
		"record 3 of part test, which has 3":        d.Batch(Test, []int{3}, map[string][]byte{"a": a}),
		"no column c":                               d.Batch(Test, []int{0}, map[string][]byte{"a": a, "c": a, "d": a}),
		"record -1 of part train, which has 5":      d.Batch(Train, []int{-1}, map[string][]byte{"a": a}),
		"record 0 of part valid, which has 0":       d.Batch(Valid, []int{0}, map[string][]byte{"a": a}),
		"no column zz":                              d.CheckRange("zz", 0, 1),
		"column a, record 3 of test: 7 is outside":  d.CheckRange("a", 0, 7),
		"column b, record 2 of train: 1 is outside": d.CheckRange("b", 0, 1),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func folded(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// idx makes an IDX file.
func idx(kind byte, values []byte, dims ...uint32) []byte {
	b := []byte{0, 0, kind, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, values...)
}

func TestIDX(t *testing.T) {
	images, labels := idx(8, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 3, 2, 2), idx(0x0c, []byte{0, 0, 0, 1, 0, 0, 1, 0, 255, 255, 255, 255}, 3)
	plain, err := IDX(write(t, images), write(t, labels))
	if err != nil {
		t.Fatal(err)
	}
	packed, err := IDX(write(t, folded(t, images)), write(t, folded(t, labels)))
	if err != nil || plain.Digest() != packed.Digest() {
		t.Errorf("gzip changes the data: %v", err)
	}
	if c, _ := plain.Column("image"); !slices.Equal(c.Dims, []int{2, 2, 1}) {
		t.Errorf("image dims %v", c.Dims)
	}
	if err := plain.CheckRange("label", -1, 257); err != nil {
		t.Error(err)
	}
	if err := plain.CheckRange("label", 0, 257); err == nil || !strings.Contains(err.Error(), "record 3: -1") {
		t.Errorf("labels are misread: %v", err)
	}
	if other, _ := IDX(write(t, images), write(t, idx(8, []byte{1, 0, 1}, 3))); other.Digest() == plain.Digest() {
		t.Error("other data, equal digest")
	}
}

func TestDamagedIDX(t *testing.T) {
	good := idx(8, []byte{1, 2, 3}, 3)
	bomb := folded(t, append(idx(8, nil, 1<<30), make([]byte, 1<<20)...))
	long := folded(t, append(slices.Clone(good), make([]byte, 80<<20)...))
	damagedSum := folded(t, good)
	damagedSum[len(damagedSum)-5] ^= 1
	for want, file := range map[string][]byte{
		"no IDX file: it begins with":           []byte("not an idx file"),
		"truncated at the header":               good[:6],
		"promises 3 bytes, 2 follow":            good[:len(good)-1],
		"more bytes follow":                     append(slices.Clone(good), 1),
		"too many to count":                     idx(0x0e, nil, 1<<31, 1<<31, 1<<31),
		"100 times the compressed file":         bomb,
		"bytes follow than the header promises": long,
		"promises 4294967295 bytes, 0 follow":   idx(8, nil, 0xffffffff),
		"invalid checksum":                      damagedSum,
		"holds 3 records and":                   idx(8, []byte{1, 2, 3, 4}, 4),
		"truncated at the":                      nil,
		"records without values":                idx(8, nil, 3, 0),
		"begins with 00 00 0b 01":               idx(0x0b, []byte{0, 1}, 1),
	} {
		_, err := IDX(write(t, good), write(t, file))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := IDX("/nowhere/a", "/nowhere/b"); err == nil || !strings.Contains(err.Error(), "/nowhere/a") {
		t.Errorf("got %v", err)
	}
	if _, err := IDX(t.TempDir(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a folder, no file") {
		t.Errorf("got %v", err)
	}
	if _, err := IDX(write(t, idx(8, nil, 0)), write(t, idx(8, nil, 0))); err == nil || !strings.Contains(err.Error(), "no records") {
		t.Errorf("got %v", err)
	}
}

func TestOpen(t *testing.T) {
	if _, err := Open("parquet", []string{"x"}, Options{}); err == nil || !strings.Contains(err.Error(), "parquet is not supported") {
		t.Errorf("got %v", err)
	}
	if _, err := Open("idx", []string{"x"}, Options{}); err == nil || !strings.Contains(err.Error(), "takes 2 paths, not 1") {
		t.Errorf("got %v", err)
	}
	if _, err := Open("csv", []string{write(t, []byte("a\n1\n"))}, Options{}); err != nil {
		t.Error(err)
	}
}

func FuzzIDX(f *testing.F) {
	f.Add(idx(8, []byte{1, 2, 3}, 3))
	f.Add(folded(f, idx(0x0d, make([]byte, 16), 2, 2)))
	f.Fuzz(func(t *testing.T, file []byte) {
		path := write(t, file)
		if d, err := IDX(path, path); err == nil {
			_ = d.CheckRange("label", 0, 10)
			if d.Len(Train)+d.Len(Valid) == 0 {
				t.Error("an empty data set")
			}
		}
	})
}
