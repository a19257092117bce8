package program

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dlc/ir/tensor"
)

func sample() *Model {
	w := tensor.Type{DType: tensor.F32, Shape: tensor.Ints(3, 5)}
	value := make([]byte, 60)
	for i := range value {
		value[i] = byte(i)
	}
	n := tensor.Sym("N")
	return &Model{
		Name:    "Sample",
		Weights: []*Weight{{Path: "dense.kernel", Type: w, Value: value}, {Path: "norm.mean", Type: tensor.Type{DType: tensor.F32}, State: true, Value: value[:4]}},
		Entries: []*Entry{{Name: "infer", Symbols: []string{"N"}, Flops: n.Scale(30), Buffers: []Buffer{
			{Name: "x", Type: tensor.Type{DType: tensor.F32, Shape: tensor.Shape{n, tensor.Int(3)}}, Class: Input, Bytes: n.Scale(12)},
			{Name: "dense.kernel", Type: w, Class: Stored, Bytes: tensor.Int(60)},
			{Name: "table", Type: tensor.Type{DType: tensor.U8, Shape: tensor.Ints(70)}, Class: Const, Bytes: tensor.Int(70), Value: bytes.Repeat([]byte{9}, 70)}}}},
		Sections: []*Section{{Target: "x86-64-v3", Features: []string{"avx2"}, Code: bytes.Repeat([]byte{0xc3}, 5000), Kernels: []int64{0, 16}, Drivers: map[string]int64{"infer": 32}},
			{Target: "x86-64-v4", Code: []byte{0xc3}, Drivers: map[string]int64{"infer": 0}}},
		Manifest: Manifest{Source: "edition 2026\n", Seed: 7, Metrics: map[string]float64{"valid.accuracy": 0.5}},
	}
}

func encode(t testing.TB, m *Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArtifactRoundTrip(t *testing.T) {
	data := encode(t, sample())
	if !bytes.Equal(data, encode(t, sample())) {
		t.Fatal("two encodings of one model differ")
	}
	path := filepath.Join(t.TempDir(), "m.dlb")
	if err := Write(path, sample()); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.CheckWeights(); err != nil {
		t.Fatal(err)
	}
	if again := encode(t, f.Model); !bytes.Equal(data, again) {
		t.Fatal("an opened artifact encodes to other bytes")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
		t.Fatalf("files left behind: %v", left)
	}
}

// TestArtifactRefusesDamage cuts the file at every 64 bytes and flips every byte of header,
// manifest and code: each time a sentence, never a panic.
func TestArtifactRefusesDamage(t *testing.T) {
	data := encode(t, sample())
	for n := 0; n < len(data); n += 64 {
		if _, err := Decode(data[:n]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	flip := func(i int) error {
		bad := append([]byte(nil), data...)
		bad[i] ^= 0x40
		m, err := Decode(bad)
		if err == nil {
			return m.CheckWeights()
		}
		return err
	}
	n := int(data[16]) | int(data[17])<<8
	for i := 0; i < headerSize+n; i++ {
		if err := flip(i); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	for _, i := range []int{roundInt(headerSize+n, pageSize), roundInt(headerSize+n, pageSize) + 4999, len(data) - 70, len(data) - 1} {
		if err := flip(i); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
}

func roundInt(n, to int) int { return int(roundUp(int64(n), int64(to))) }

func TestWriteKeepsTheOldFileOnError(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.dlb")
	os.WriteFile(path, []byte("old"), 0o644)
	m := sample()
	m.Manifest.Metrics["bad"] = nan()
	if err := Write(path, m); err == nil {
		t.Fatal("a metric that JSON cannot hold was written")
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Fatal("the old file is gone")
	}
}

func nan() float64 { z := 0.0; return z / z }

// FuzzDecode opens what it is given, once as it is and once as the manifest of a file whose
// checksums agree with it. What opens is placed and written again, to the same file; nothing is
// ever run.
func FuzzDecode(f *testing.F) {
	data := encode(f, sample())
	manifest, err := checkHeader(data)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[:headerSize])
	f.Add(manifest)
	f.Fuzz(func(t *testing.T, text []byte) {
		Decode(text)
		if len(text) > pageSize-headerSize {
			return
		}
		m, err := Decode(sealed(data, text))
		if err != nil {
			return
		}
		for _, e := range m.Entries {
			symbols := map[string]int64{}
			for _, s := range e.Symbols {
				symbols[s] = 3
			}
			Place(e, symbols)
		}
		m.CheckWeights()
		again, err := Decode(encode(t, m))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encode(t, again), encode(t, m)) {
			t.Error("an opened artifact encodes to other bytes")
		}
	})
}
