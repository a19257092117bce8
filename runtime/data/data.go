// Package data owns records on disk: data sets (IDX, CSV), how they split, shuffle and batch, and
// the tensor files .npy and safetensors. Everything it reads is checked before memory is asked
// for. It knows nothing of models, training or native code.
package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"dlc/ir/tensor"
)

// A Part is one of the three subsets of a data set.
type Part string

// Every record is in at most one part.
const (
	Train Part = "train"
	Valid Part = "valid"
	Test  Part = "test"
)

// parts in the order in which shares of a split are written.
var parts = []Part{Train, Valid, Test}

// A Column is one value of each record.
type Column struct {
	Name string
	Type tensor.DType
	Dims []int // of one record: [28, 28, 1], or none for a number
}

// RecordSize returns the bytes of one record's value.
func (c Column) RecordSize() int {
	n := c.Type.Size()
	for _, d := range c.Dims {
		n *= d
	}
	return n
}

// A Dataset holds the records of a source in memory, column by column, and the parts they are
// split into. After Open and Split it is read only and may be used concurrently.
type Dataset struct {
	Columns []Column
	blocks  []block // the source's training records, and its test records when it has them
	keys    map[string][]uint64
	rows    map[Part][]int // record numbers, over all blocks in order
	lines   []int32        // of a table: the line that each record begins on
}

// A block is consecutive records: for each column its values, end to end.
type block struct {
	part   Part
	n      int
	values [][]byte
}

// An Options says what to read of a source.
type Options struct {
	Columns []string               // CSV: the columns wanted; when empty those that Wanted takes
	Wanted  func(name string) bool // CSV: nil takes every column but Key
	Key     string                 // CSV: a column that Split.By will name; its text is hashed, it need not be a number
	Missing map[string]float64     // CSV: what an empty field of a column stands for; of others it is an error
}

// Open reads a source by its name in the language: mnist(dir), idx(images, labels), csv(path).
func Open(source string, args []string, opts Options) (*Dataset, error) {
	want := map[string]int{"mnist": 1, "idx": 2, "csv": 1}[source]
	switch {
	case want == 0:
		return nil, fmt.Errorf("data source %s is not supported; there are csv, idx and mnist", source)
	case len(args) != want:
		return nil, fmt.Errorf("data source %s takes %d paths, not %d", source, want, len(args))
	}
	switch source {
	case "mnist":
		return MNIST(args[0])
	case "idx":
		return IDX(args[0], args[1])
	}
	return CSV(args[0], opts)
}

// newDataset checks that there are records and gives them the default split.
func newDataset(columns []Column, blocks ...block) (*Dataset, error) {
	d := &Dataset{Columns: columns, blocks: blocks, keys: map[string][]uint64{}}
	if d.records() == 0 {
		return nil, fmt.Errorf("no records")
	}
	return d, d.Split(Split{})
}

func (d *Dataset) records() int {
	n := 0
	for _, b := range d.blocks {
		n += b.n
	}
	return n
}

// Len returns the number of records of a part.
func (d *Dataset) Len(p Part) int { return len(d.rows[p]) }

// Column returns the column of that name.
func (d *Dataset) Column(name string) (Column, bool) {
	if i := d.column(name); i >= 0 {
		return d.Columns[i], true
	}
	return Column{}, false
}

func (d *Dataset) column(name string) int {
	return slices.IndexFunc(d.Columns, func(c Column) bool { return c.Name == name })
}

// value returns the bytes of a column of record number row.
func (d *Dataset) value(column, row int) []byte {
	b := 0
	for row >= d.blocks[b].n {
		row -= d.blocks[b].n
		b++
	}
	size := d.Columns[column].RecordSize()
	return d.blocks[b].values[column][row*size:][:size:size]
}

// Place names a record of a part for people.
func (d *Dataset) Place(p Part, row int) string { return d.place(d.rows[p][row]) }

// place names a record as one looks it up: of a table by its line, the header being line 1; of
// other sources by its number, from 1.
func (d *Dataset) place(row int) string {
	if d.lines != nil {
		return fmt.Sprintf("line %d", d.lines[row])
	}
	b := 0
	for row >= d.blocks[b].n {
		row -= d.blocks[b].n
		b++
	}
	if len(d.blocks) == 1 {
		return fmt.Sprintf("record %d", row+1)
	}
	return fmt.Sprintf("record %d of %s", row+1, d.blocks[b].part)
}

// Batch copies the records at places rows of a part into the caller's memory, one buffer for each
// column that is wanted, record after record. It allocates nothing. A last batch is simply
// shorter: only len(rows) records are written.
func (d *Dataset) Batch(p Part, rows []int, dst map[string][]byte) error {
	all := d.rows[p]
	found := 0
	for i := range d.Columns {
		c := &d.Columns[i]
		out, ok := dst[c.Name]
		if !ok {
			continue
		}
		found++
		size := c.RecordSize()
		if len(out) < size*len(rows) {
			return fmt.Errorf("column %s: %d bytes for %d records of %d", c.Name, len(out), len(rows), size)
		}
		for k, r := range rows {
			if r < 0 || r >= len(all) {
				return fmt.Errorf("record %d of part %s, which has %d", r, p, len(all))
			}
			copy(out[k*size:], d.value(i, all[r]))
		}
	}
	if found < len(dst) {
		return d.unknown(dst)
	}
	return nil
}

func (d *Dataset) unknown(dst map[string][]byte) error {
	var names []string
	for name := range dst {
		if d.column(name) < 0 {
			names = append(names, name)
		}
	}
	return fmt.Errorf("no column %s", slices.Min(names))
}

// CheckRange checks lo <= value < hi for every value of a column and names the first that fails.
func (d *Dataset) CheckRange(column string, lo, hi int64) error {
	i := d.column(column)
	if i < 0 {
		return fmt.Errorf("no column %s", column)
	}
	c := d.Columns[i]
	row := 0
	for _, b := range d.blocks {
		t := tensor.Tensor{DType: c.Type, Dims: []int{len(b.values[i]) / c.Type.Size()}, Data: b.values[i]}
		per := c.RecordSize() / c.Type.Size()
		for k := range t.Dims[0] {
			v := t.Float(k)
			if v >= float64(lo) && v < float64(hi) {
				continue
			}
			return fmt.Errorf("column %s, %s: %v is outside %d..%d", column, d.place(row+k/per), v, lo, hi)
		}
		row += b.n
	}
	return nil
}

// Digest returns the SHA-256 of the content in hex: columns, counts and values, however the
// source was stored.
func (d *Dataset) Digest() string {
	h := sha256.New()
	for i, c := range d.Columns {
		fmt.Fprintf(h, "%q %s %v\n", c.Name, c.Type, c.Dims)
		for _, b := range d.blocks {
			fmt.Fprintf(h, "%s %d\n", b.part, b.n)
			h.Write(b.values[i])
		}
	}
	d.digestKeys(h)
	return hex.EncodeToString(h.Sum(nil))
}

func (d *Dataset) digestKeys(w io.Writer) {
	var names []string
	for name := range d.keys {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(w, "key %q\n", name)
		buf := make([]byte, 0, 8*len(d.keys[name]))
		for _, k := range d.keys[name] {
			buf = binary.LittleEndian.AppendUint64(buf, k)
		}
		w.Write(buf)
	}
}
