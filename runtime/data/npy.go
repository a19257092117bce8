package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"dlc/ir/tensor"
)

// maxNPYHeader bounds the text in front of the values; NumPy's own are below 200 bytes.
const maxNPYHeader = 1 << 16

// maxRank is what NumPy allows.
const maxRank = 64

var npyTypes = map[string]tensor.DType{"|b1": tensor.Bool, "|u1": tensor.U8, "|i1": tensor.I8, "<i4": tensor.I32, "<i8": tensor.I64,
	"<u4": tensor.U32, "<u8": tensor.U64, "<f4": tensor.F32, "<f8": tensor.F64}

// npyHeader is the header's dictionary as every writer of the format (NEP 1) puts it, in any order.
var npyHeader = regexp.MustCompile(`^\{\s*(?:'(?:descr|fortran_order|shape)'\s*:\s*(?:'[^']*'|True|False|\([0-9, ]*\))\s*,?\s*){3}\}\s*$`)

var npyField = regexp.MustCompile(`'(descr|fortran_order|shape)'\s*:\s*('[^']*'|True|False|\([0-9, ]*\))`)

// ReadNPYFile reads a .npy file.
func ReadNPYFile(path string) (*tensor.Tensor, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, size, err := readNPYHead(f)
	if err == nil {
		t.Data, err = f.take(size)
	}
	if err == nil {
		err = errors.Join(f.end(), checkBools(t))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// ReadNPY reads a tensor in NumPy's format: C order, little endian, f4 f8 i1 u1 i4 i8 u4 u8 b1.
func ReadNPY(r io.Reader) (*tensor.Tensor, error) {
	t, size, err := readNPYHead(r)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer // grows with what comes, not with what the header promises
	if got, err := io.Copy(&b, io.LimitReader(r, int64(size))); err != nil || got < int64(size) {
		if err == nil {
			err = fmt.Errorf("truncated: the header promises %d bytes, %d follow", size, got)
		}
		return nil, err
	}
	if extra, err := r.Read(make([]byte, 1)); extra > 0 || err != nil && err != io.EOF {
		return nil, fmt.Errorf("more bytes follow than the header promises")
	}
	if t.Data = b.Bytes(); t.Data == nil {
		t.Data = []byte{}
	}
	return t, checkBools(t)
}

// readNPYHead reads what stands before the values: the tensor without them, and their bytes.
func readNPYHead(r io.Reader) (*tensor.Tensor, int, error) {
	var magic [8]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return nil, 0, truncated(err, "the header")
	}
	if string(magic[:6]) != "\x93NUMPY" || magic[6] < 1 || magic[6] > 3 {
		return nil, 0, fmt.Errorf("no .npy file of version 1 to 3")
	}
	length := make([]byte, 2)
	if magic[6] > 1 {
		length = make([]byte, 4)
	}
	if _, err := io.ReadFull(r, length); err != nil {
		return nil, 0, truncated(err, "the header")
	}
	n := int(binary.LittleEndian.Uint32(append(length, 0, 0)[:4]))
	if n > maxNPYHeader {
		return nil, 0, fmt.Errorf("a header of %d bytes; at most %d", n, maxNPYHeader)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, 0, truncated(err, "the header")
	}
	return parseNPYHeader(string(header))
}

// checkBools makes sure that every bool is 0 or 1.
func checkBools(t *tensor.Tensor) error {
	if t.DType != tensor.Bool {
		return nil
	}
	for i, v := range t.Data {
		if v > 1 {
			return fmt.Errorf("bool number %d is the byte %d", i, v)
		}
	}
	return nil
}

func parseNPYHeader(header string) (*tensor.Tensor, int, error) {
	if !npyHeader.MatchString(header) {
		return nil, 0, fmt.Errorf("the header %.80q is not descr, fortran_order and shape", header)
	}
	fields := map[string]string{}
	for _, m := range npyField.FindAllStringSubmatch(header, -1) {
		if _, twice := fields[m[1]]; twice {
			return nil, 0, fmt.Errorf("the header names %s twice", m[1])
		}
		fields[m[1]] = m[2]
	}
	descr := strings.Trim(fields["descr"], "'")
	dtype, ok := npyTypes[descr]
	if !ok {
		return nil, 0, fmt.Errorf("dtype %s is not supported; there are b1 u1 i1 i4 u4 i8 u8 f4 f8, little endian", fields["descr"])
	}
	if fields["fortran_order"] != "False" {
		return nil, 0, fmt.Errorf("the values are in Fortran order; only C order is read")
	}
	shape, bracketed := strings.CutPrefix(fields["shape"], "(")
	if !bracketed {
		return nil, 0, fmt.Errorf("the shape %s is no tuple", fields["shape"])
	}
	t := &tensor.Tensor{DType: dtype, Dims: []int{}}
	size, room := dtype.Size(), dtype.Size()
	for _, part := range strings.Split(strings.TrimSuffix(shape, ")"), ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		d, err := strconv.Atoi(part)
		if room, ok = product(room, max(d, 1)); err != nil || !ok || len(t.Dims) == maxRank {
			return nil, 0, fmt.Errorf("the shape %.80s is too large", fields["shape"])
		}
		t.Dims, size = append(t.Dims, d), size*d
	}
	return t, size, nil
}

// WriteNPY writes a tensor as NumPy does: version 1.0, the header padded to 64 bytes.
func WriteNPY(w io.Writer, t *tensor.Tensor) error {
	descr := ""
	for name, dtype := range npyTypes {
		if dtype == t.DType {
			descr = name
		}
	}
	if descr == "" {
		return fmt.Errorf("dtype %s has no .npy form", t.DType)
	}
	var shape strings.Builder
	for i, d := range t.Dims {
		if i > 0 {
			shape.WriteString(", ")
		}
		shape.WriteString(strconv.Itoa(d))
	}
	if len(t.Dims) == 1 {
		shape.WriteByte(',')
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape.String())
	pad := 63 - (10+len(dict))%64
	head := []byte("\x93NUMPY\x01\x00\x00\x00" + dict + strings.Repeat(" ", pad) + "\n")
	binary.LittleEndian.PutUint16(head[8:], uint16(len(head)-10))
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(t.Data)
	return err
}

// WriteNPYFile writes a .npy file.
func WriteNPYFile(path string, t *tensor.Tensor) error {
	var b bytes.Buffer
	if err := WriteNPY(&b, t); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}
