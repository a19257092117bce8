package data

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"dlc/ir/tensor"
)

// maxHeader is the format's own bound of the JSON in front of the tensors.
const maxHeader = 100_000_000

var safeTypes = map[string]tensor.DType{"BOOL": tensor.Bool, "U8": tensor.U8, "I8": tensor.I8, "I32": tensor.I32, "I64": tensor.I64,
	"U32": tensor.U32, "U64": tensor.U64, "F32": tensor.F32, "F64": tensor.F64}

// A safeEntry is what the header says of one tensor.
type safeEntry struct {
	Dtype   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets []int  `json:"data_offsets"`
}

// ReadSafetensorsFile reads the tensors of a safetensors file by name.
func ReadSafetensorsFile(path string) (map[string]*tensor.Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", path)
	}
	ts, err := ReadSafetensors(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ts, nil
}

// ReadSafetensors reads size bytes of the safetensors format: an 8-byte little-endian header
// length, the header in JSON, then the tensors, which must fill the rest without hole or overlap.
func ReadSafetensors(r io.Reader, size int64) (map[string]*tensor.Tensor, error) {
	var length [8]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, truncated(err, "the header")
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, fmt.Errorf("no safetensors file: a header of %d bytes in %d", n, size)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, truncated(err, "the header")
	}
	entries, err := parseSafeHeader(header)
	if err != nil {
		return nil, err
	}
	ts, err := placeTensors(entries, int(size-8)-int(n))
	if err != nil {
		return nil, err
	}
	data := make([]byte, int(size-8)-int(n))
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, truncated(err, "the tensors")
	}
	for name, t := range ts {
		o := entries[name].Offsets
		t.Data = data[o[0]:o[1]:o[1]]
		if err := checkBools(t); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
	}
	return ts, nil
}

// parseSafeHeader reads the header's object entry by entry, so that a name that stands twice is seen.
func parseSafeHeader(header []byte) (map[string]safeEntry, error) {
	if len(header) == 0 || header[0] != '{' {
		return nil, fmt.Errorf("the header is no JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(header))
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("damaged header: %w", err)
	}
	entries := map[string]safeEntry{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("damaged header: %w", err)
		}
		name := key.(string)
		if name == "__metadata__" {
			var m map[string]string
			if err := d.Decode(&m); err != nil {
				return nil, fmt.Errorf("damaged metadata: %w", err)
			}
			continue
		}
		if _, twice := entries[name]; twice {
			return nil, fmt.Errorf("tensor %q stands twice in the header", name)
		}
		var e safeEntry
		if err := d.Decode(&e); err != nil {
			return nil, fmt.Errorf("tensor %q: damaged header: %w", name, err)
		}
		if len(e.Offsets) != 2 {
			return nil, fmt.Errorf("tensor %q: data_offsets %v are no two numbers", name, e.Offsets)
		}
		entries[name] = e
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("damaged header: %w", err)
	}
	if rest := bytes.TrimRight(header[d.InputOffset():], " "); len(rest) > 0 {
		return nil, fmt.Errorf("the header goes on behind its object")
	}
	return entries, nil
}

// placeTensors checks types, sizes and that the tensors fill length bytes exactly.
func placeTensors(entries map[string]safeEntry, length int) (map[string]*tensor.Tensor, error) {
	names := slices.SortedFunc(maps.Keys(entries), func(a, b string) int {
		if d := entries[a].Offsets[0] - entries[b].Offsets[0]; d != 0 {
			return d
		}
		if d := entries[a].Offsets[1] - entries[b].Offsets[1]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	ts := make(map[string]*tensor.Tensor, len(entries))
	at := 0
	for _, name := range names {
		e := entries[name]
		dtype, ok := safeTypes[e.Dtype]
		if !ok {
			return nil, fmt.Errorf("tensor %q: dtype %q is not supported", name, e.Dtype)
		}
		size, room := dtype.Size(), dtype.Size()
		for _, d := range e.Shape {
			if room, ok = product(room, max(d, 1)); d < 0 || !ok || len(e.Shape) > maxRank {
				return nil, fmt.Errorf("tensor %q: the shape %v is too large", name, e.Shape[:min(len(e.Shape), 8)])
			}
			size *= d
		}
		switch begin, end := e.Offsets[0], e.Offsets[1]; {
		case begin != at:
			return nil, fmt.Errorf("tensor %q begins at %d; what stands before it ends at %d", name, begin, at)
		case end < begin || end > length:
			return nil, fmt.Errorf("tensor %q lies at %d..%d of %d bytes", name, begin, end, length)
		case end-begin != size:
			return nil, fmt.Errorf("tensor %q: %s%v takes %d bytes, not %d", name, e.Dtype, e.Shape, size, end-begin)
		}
		at = e.Offsets[1]
		ts[name] = &tensor.Tensor{DType: dtype, Dims: append([]int{}, e.Shape...)}
	}
	if at != length {
		return nil, fmt.Errorf("the tensors end at byte %d of %d", at, length)
	}
	return ts, nil
}

// WriteSafetensors writes tensors sorted by name, without metadata, the header padded to 8 bytes:
// equal tensors give equal bytes.
func WriteSafetensors(w io.Writer, ts map[string]*tensor.Tensor) error {
	names := slices.Sorted(maps.Keys(ts))
	var b bytes.Buffer
	b.WriteByte('{')
	at := 0
	for i, name := range names {
		t := ts[name]
		dtype := ""
		for s, d := range safeTypes {
			if d == t.DType {
				dtype = s
			}
		}
		if dtype == "" || name == "__metadata__" || len(t.Data) != t.Len()*t.DType.Size() {
			return fmt.Errorf("tensor %q (%s) has no safetensors form", name, t)
		}
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		entry, err := json.Marshal(safeEntry{dtype, append([]int{}, t.Dims...), []int{at, at + len(t.Data)}})
		if err != nil {
			return err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(entry)
		at += len(t.Data)
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(b.Len()))
	if _, err := w.Write(length[:]); err != nil {
		return err
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	for _, name := range names {
		if _, err := w.Write(ts[name].Data); err != nil {
			return err
		}
	}
	return nil
}

// WriteSafetensorsFile writes a safetensors file.
func WriteSafetensorsFile(path string, ts map[string]*tensor.Tensor) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(WriteSafetensors(f, ts), f.Close())
}
