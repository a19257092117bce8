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
		return nil, err
	}
	defer f.Close()
	d, err := parseCSV(f, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// A csvColumn collects the values of one column.
type csvColumn struct {
	name    string
	field   int
	missing string // the text that an empty field stands for
	float   bool
	bits    []byte // i32, or f32 from the first field that is no i32 on
}

// An Empty is the error of a field of a column that Options.Missing says nothing about.
type Empty struct {
	Column string
	line   int
}

// Error names line and column.
func (e *Empty) Error() string {
	return fmt.Sprintf("line %d, column %s: the field is empty", e.line, e.Column)
}

// Help is the line of a dataset block that gives empty fields of the column a value.
func (e *Empty) Help() string {
	return fmt.Sprintf("`%s : number(missing=0)` in the dataset block says what an empty field stands for", e.Column)
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
	var lines []int32
	for line := 1; ; {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, csvError(err, fmt.Sprintf("the record behind line %d", line))
		}
		line, _ = in.FieldPos(0)
		if len(record) != len(header) {
			return nil, fmt.Errorf("line %d has %d fields, the header %d", line, len(record), len(header))
		}
		if key >= 0 {
			keys = append(keys, keyOf([]byte(record[key])))
		}
		for _, c := range columns {
			if err := c.add(record[c.field], line); err != nil {
				return nil, err
			}
		}
		lines = append(lines, int32(min(line, math.MaxInt32)))
	}
	b := block{part: Train, n: len(lines)}
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
	if err != nil {
		return nil, err
	}
	d.lines = lines
	if key >= 0 {
		d.keys[opts.Key] = keys
	}
	return d, nil
}

func csvError(err error, where string) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("line %d: %w", parse.Line, parse.Err)
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
			return nil, 0, fmt.Errorf("columns %d and %d are both named %q", first+1, i+1, header[i])
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
		c := &csvColumn{name: name, field: i}
		if v, ok := opts.Missing[name]; ok {
			c.missing = strconv.FormatFloat(v, 'g', -1, 64)
		}
		columns = append(columns, c)
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

// add appends the number of a field on a line.
func (c *csvColumn) add(field string, line int) error {
	text := strings.TrimSpace(field)
	if text == "" && c.missing == "" {
		return &Empty{c.name, line}
	}
	if text == "" {
		text = c.missing
	}
	if !c.float {
		if v, err := strconv.ParseInt(text, 10, 32); err == nil {
			c.bits = binary.LittleEndian.AppendUint32(c.bits, uint32(v))
			return nil
		}
	}
	v, err := strconv.ParseFloat(text, 32)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("line %d, column %s: %.40q is not a finite number", line, c.name, text)
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
