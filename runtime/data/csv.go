package data

import (
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"dlc/ir/tensor"
)

// maxColumns bounds the header of a CSV file.
const maxColumns = 1 << 16

// CSV reads a table with a header (RFC 4180, plain or gzip): one part, a number per column and
// record. A column is i32 when every field is written as a whole number that fits, else f32.
func CSV(path string, opts Options) (*Dataset, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("csv data: %w", err)
	}
	defer f.Close()
	d, err := parseCSV(f, opts)
	if err != nil {
		return nil, fmt.Errorf("csv data %s: %w", path, err)
	}
	return d, nil
}

// A csvColumn collects the values of one column.
type csvColumn struct {
	name  string
	field int
	float bool
	bits  []byte // i32, or f32 from the first field that is no i32 on
}

func parseCSV(r io.Reader, opts Options) (*Dataset, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord, in.ReuseRecord = -1, true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty")
	}
	if err != nil {
		return nil, csvError(err, "the header")
	}
	header = slices.Clone(header)
	columns, key, err := chooseColumns(header, opts)
	if err != nil {
		return nil, err
	}
	keys := []uint64{}
	n := 0
	for ; ; n++ {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, csvError(err, fmt.Sprintf("row %d", n))
		}
		line, _ := in.FieldPos(0)
		if len(record) != len(header) {
			return nil, fmt.Errorf("row %d (line %d) has %d fields, the header %d", n, line, len(record), len(header))
		}
		if key >= 0 {
			keys = append(keys, keyOf([]byte(record[key])))
		}
		for _, c := range columns {
			if err := c.add(record[c.field]); err != nil {
				return nil, fmt.Errorf("row %d (line %d), column %s: %w", n, line, c.name, err)
			}
		}
	}
	b := block{part: Train, n: n}
	var types []Column
	for _, c := range columns {
		t := tensor.I32
		if c.float {
			t = tensor.F32
		}
		types = append(types, Column{Name: c.name, Type: t})
		b.values = append(b.values, c.bits)
	}
	d, err := newDataset(types, b)
	if err == nil && key >= 0 {
		d.keys[opts.Key] = keys
	}
	return d, err
}

func csvError(err error, where string) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("%s (line %d): %w", where, parse.Line, parse.Err)
	}
	return truncated(err, where)
}

// chooseColumns finds the wanted columns and the key's field (-1 without key) in the header.
func chooseColumns(header []string, opts Options) (columns []*csvColumn, key int, err error) {
	if len(header) > maxColumns {
		return nil, 0, fmt.Errorf("%d columns; at most %d", len(header), maxColumns)
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	fields := map[string]int{}
	for i, name := range header {
		header[i] = strings.TrimSpace(name)
		if first, twice := fields[header[i]]; twice {
			return nil, 0, fmt.Errorf("columns %d and %d are both named %q", first, i, header[i])
		}
		fields[header[i]] = i
	}
	wanted := opts.Columns
	if len(wanted) == 0 {
		for _, name := range header {
			if opts.Wanted == nil && name != opts.Key || opts.Wanted != nil && opts.Wanted(name) {
				wanted = append(wanted, name)
			}
		}
	}
	for _, name := range wanted {
		i, ok := fields[name]
		if !ok {
			return nil, 0, fmt.Errorf("column %s is missing; the header has %s", name, strings.Join(header, ", "))
		}
		columns = append(columns, &csvColumn{name: name, field: i})
	}
	if opts.Key == "" {
		return columns, -1, nil
	}
	key, ok := fields[opts.Key]
	if !ok {
		return nil, 0, fmt.Errorf("column %s is missing; the header has %s", opts.Key, strings.Join(header, ", "))
	}
	return columns, key, nil
}

// add appends a field's number.
func (c *csvColumn) add(field string) error {
	text := strings.TrimSpace(field)
	if !c.float {
		if v, err := strconv.ParseInt(text, 10, 32); err == nil {
			c.bits = binary.LittleEndian.AppendUint32(c.bits, uint32(v))
			return nil
		}
	}
	v, err := strconv.ParseFloat(text, 32)
	if text == "" {
		return errors.New("the field is empty, not a number: leave out the column or the row")
	}
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("%.40q is not a finite number", field)
	}
	if !c.float {
		c.float = true
		for at := 0; at < len(c.bits); at += 4 {
			i := int32(binary.LittleEndian.Uint32(c.bits[at:]))
			binary.LittleEndian.PutUint32(c.bits[at:], math.Float32bits(float32(i)))
		}
	}
	c.bits = binary.LittleEndian.AppendUint32(c.bits, math.Float32bits(float32(v)))
	return nil
}
