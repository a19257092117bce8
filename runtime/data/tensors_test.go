package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"dlc/ir/tensor"

	"pgregory.net/rapid"
)

var anyTensor = rapid.Custom(func(t *rapid.T) *tensor.Tensor {
	x := tensor.New(rapid.SampledFrom([]tensor.DType{tensor.Bool, tensor.U8, tensor.I8, tensor.I32, tensor.I64, tensor.U32, tensor.U64, tensor.F32, tensor.F64}).Draw(t, "dtype"),
		rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(t, "dims")...)
	copy(x.Data, rapid.SliceOfN(rapid.Byte(), len(x.Data), len(x.Data)).Draw(t, "data"))
	for i := range x.Data {
		if x.DType == tensor.Bool {
			x.Data[i] &= 1
		}
	}
	return x
})

func equal(a, b *tensor.Tensor) bool {
	return a.String() == b.String() && bytes.Equal(a.Data, b.Data)
}

func TestNPYRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := anyTensor.Draw(t, "x")
		var b bytes.Buffer
		if err := WriteNPY(&b, x); err != nil {
			t.Fatal(err)
		}
		if (b.Len()-len(x.Data))%64 != 0 {
			t.Fatalf("a header of %d bytes", b.Len()-len(x.Data))
		}
		y, err := ReadNPY(&b)
		if err != nil || !equal(x, y) {
			t.Fatalf("%v became %v, %v", x, y, err)
		}
	})
}

// npy makes a file with a header of one's own.
func npy(header string, values ...byte) []byte {
	b := []byte("\x93NUMPY\x01\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	return append(append(b, header...), values...)
}

func TestNPYAsNumPyWrites(t *testing.T) {
	// np.save of np.arange(3, dtype=np.float32)
	file := npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"+strings.Repeat(" ", 60)+"\n", 0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64)
	x, err := ReadNPY(bytes.NewReader(file))
	if err != nil || x.String() != "f32[3]" || x.Float(1) != 1 || x.Float(2) != 2 {
		t.Fatalf("%v, %v", x, err)
	}
	var b bytes.Buffer
	if err := WriteNPY(&b, x); err != nil || !bytes.Equal(b.Bytes(), file) {
		t.Errorf("%v: wrote %q", err, b.Bytes())
	}
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := WriteNPYFile(path, x); err != nil {
		t.Fatal(err)
	}
	if y, err := ReadNPYFile(path); err != nil || !equal(x, y) {
		t.Errorf("%v, %v", y, err)
	}
}

func TestDamagedNPY(t *testing.T) {
	const dict = "{'descr': '%s', 'fortran_order': %s, 'shape': (%s)}"
	for want, file := range map[string][]byte{
		"no .npy file":                       []byte("PK\x03\x04 not this"),
		"truncated at the header":            []byte("\x93NUMPY\x01\x00\xff\x00{"),
		"is not descr":                       npy("{'descr': '<f4'}"),
		"names descr twice":                  npy("{'descr': '<f4', 'descr': '<f4', 'shape': ()}"),
		"dtype '>f4' is not":                 npy(fmt.Sprintf(dict, ">f4", "False", "1")),
		"dtype '|O' is not":                  npy(fmt.Sprintf(dict, "|O", "False", "1")),
		"Fortran order":                      npy(fmt.Sprintf(dict, "<f4", "True", "1")),
		"is too large":                       npy(fmt.Sprintf(dict, "<f8", "False", "9999999999, 9999999999")),
		"promises 8000000000 bytes, 1 follo": npy(fmt.Sprintf(dict, "<f8", "False", "1000000000"), 1),
		"more bytes follow":                  npy(fmt.Sprintf(dict, "|u1", "False", ""), 1, 2),
		"bool number 0 is the byte 7":        npy(fmt.Sprintf(dict, "|b1", "False", ""), 7),
		"a header of 1048576 bytes":          []byte("\x93NUMPY\x02\x00\x00\x00\x10\x00"),
		"shape False is no tuple":            npy("{'descr': '<f4', 'fortran_order': False, 'shape': False}"),
	} {
		if _, err := ReadNPY(bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if _, err := ReadNPYFile(write(t, file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("as a file: got %v, want %s", err, want)
		}
	}
}

func TestSafetensorsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.MapOf(rapid.StringMatching(`[a-z_.<"é]{1,8}`), anyTensor)
		ts := names.Draw(t, "tensors")
		var b, again bytes.Buffer
		if err := WriteSafetensors(&b, ts); err != nil {
			t.Fatal(err)
		}
		if err := WriteSafetensors(&again, ts); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Fatal("two writes differ")
		}
		back, err := ReadSafetensors(&b, int64(b.Len()))
		if err != nil || len(back) != len(ts) {
			t.Fatalf("%d of %d tensors, %v", len(back), len(ts), err)
		}
		for name, x := range ts {
			if !equal(x, back[name]) {
				t.Fatalf("%s: %v became %v", name, x, back[name])
			}
		}
	})
}

// safe makes a safetensors file with a header of one's own.
func safe(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func TestSafetensorsText(t *testing.T) {
	var b bytes.Buffer
	if err := WriteSafetensors(&b, map[string]*tensor.Tensor{"b": tensor.New(tensor.F32, 2), "a.kernel": tensor.New(tensor.U8)}); err != nil {
		t.Fatal(err)
	}
	const header = `{"a.kernel":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}`
	if want := safe(header, 9); !bytes.Equal(b.Bytes(), want) {
		t.Errorf("got %q, want %q", b.Bytes(), want)
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := WriteSafetensorsFile(path, map[string]*tensor.Tensor{"b": tensor.New(tensor.F32, 2)}); err != nil {
		t.Fatal(err)
	}
	if ts, err := ReadSafetensorsFile(path); err != nil || ts["b"].String() != "f32[2]" {
		t.Errorf("%v, %v", ts, err)
	}
	meta := safe(`{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}   `, 4)
	if ts, err := ReadSafetensors(bytes.NewReader(meta), int64(len(meta))); err != nil || len(ts) != 1 {
		t.Errorf("metadata: %v, %v", ts, err)
	}
}

func TestDamagedSafetensors(t *testing.T) {
	one := func(name, dtype, shape string, begin, end int) string {
		return fmt.Sprintf(`%q:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, name, dtype, shape, begin, end)
	}
	for want, file := range map[string][]byte{
		"truncated at the header":             {1, 2, 3},
		"a header of 1099511627776 bytes":     append(binary.LittleEndian.AppendUint64(nil, 1<<40), '{'),
		"a header of 18446744073709551615":    append(binary.LittleEndian.AppendUint64(nil, 1<<64-1), '{'),
		"is no JSON object":                   safe("[1]", 0),
		"damaged header":                      safe(`{"a":`, 0),
		"stands twice":                        safe("{"+one("a", "U8", "[1]", 0, 1)+","+one("a", "U8", "[1]", 0, 1)+"}", 1),
		"begins at 2; what stands":            safe("{"+one("a", "U8", "[1]", 0, 1)+","+one("b", "U8", "[1]", 2, 3)+"}", 3),
		"begins at 0; what stands":            safe("{"+one("a", "U8", "[2]", 0, 2)+","+one("b", "U8", "[1]", 0, 1)+"}", 2),
		"begins at -1":                        safe("{"+one("a", "U8", "[2]", -1, 1)+"}", 2),
		"lies at 0..9 of 2 bytes":             safe("{"+one("a", "U8", "[9]", 0, 9)+"}", 2),
		"takes 4 bytes, not 2":                safe("{"+one("a", "F32", "[1]", 0, 2)+"}", 2),
		"the tensors end at byte 1 of 2":      safe("{"+one("a", "U8", "[1]", 0, 1)+"}", 2),
		`dtype "BF16" is not supported`:       safe("{"+one("a", "BF16", "[1]", 0, 2)+"}", 2),
		"is too large":                        safe("{"+one("a", "F64", "[4294967296,4294967296]", 0, 0)+"}", 0),
		"the shape [-1 -1] is too large":      safe("{"+one("a", "U8", "[-1,-1]", 0, 1)+"}", 1),
		"goes on behind its object":           safe("{} {}", 0),
		"are no two numbers":                  safe(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, 1),
		"damaged metadata":                    safe(`{"__metadata__":{"a":{"b":1}}}`, 0),
		"tensor a: bool number 0 is the byte": append(safe("{"+one("a", "BOOL", "[1]", 0, 1)+"}", 0), 3),
	} {
		if _, err := ReadSafetensors(bytes.NewReader(file), int64(len(file))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	bad := &tensor.Tensor{DType: tensor.F32, Dims: []int{2}, Data: make([]byte, 4)}
	if err := WriteSafetensors(&bytes.Buffer{}, map[string]*tensor.Tensor{"a": bad}); err == nil {
		t.Error("a damaged tensor is written")
	}
}

func FuzzNPY(f *testing.F) {
	f.Add(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", make([]byte, 8)...))
	f.Fuzz(func(t *testing.T, file []byte) {
		x, err := ReadNPY(bytes.NewReader(file))
		if err == nil && len(x.Data) != x.Len()*x.DType.Size() {
			t.Error("data and dims differ")
		}
	})
}

func FuzzSafetensors(f *testing.F) {
	f.Add(safe(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}`, 9))
	f.Fuzz(func(t *testing.T, file []byte) {
		ts, err := ReadSafetensors(bytes.NewReader(file), int64(len(file)))
		for name, x := range ts {
			if err == nil && len(x.Data) != x.Len()*x.DType.Size() {
				t.Errorf("%s: data and dims differ", name)
			}
		}
	})
}

// TestRealSafetensors reads a file that another framework wrote, and writes it back.
func TestRealSafetensors(t *testing.T) {
	ts, err := ReadSafetensorsFile(shared(t, "models", "burn-mnist", "mnist.safetensors"))
	if err != nil || len(ts) == 0 {
		t.Fatalf("%d tensors, %v", len(ts), err)
	}
	var b bytes.Buffer
	if err := WriteSafetensors(&b, ts); err != nil {
		t.Fatal(err)
	}
	back, err := ReadSafetensors(&b, int64(b.Len()))
	for name, x := range ts {
		if err != nil || !equal(x, back[name]) {
			t.Errorf("%s changed, %v", name, err)
		}
	}
}
