package program

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sort"

	"dlc/ir/tensor"
)

// index is the manifest as it stands in the file. Dims stand as text, so that a limit can hold
// for all of them together.
type index struct {
	Name     string      `json:"name"`
	About    Manifest    `json:"about"`
	Entries  []entryAt   `json:"entries"`
	Sections []sectionAt `json:"sections"`
	Weights  []weightAt  `json:"weights"`
	Stored   extent      `json:"stored"` // all weights and constants
}

// An extent is a stretch of the file.
type extent struct {
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
	SHA256 string `json:"sha256,omitempty"`
}

type typeAt struct {
	DType tensor.DType `json:"dtype"`
	Shape []string     `json:"shape"`
}

type entryAt struct {
	Name    string     `json:"name"`
	Symbols []string   `json:"symbols"`
	Buffers []bufferAt `json:"buffers"`
	Flops   string     `json:"flops"`
	Loops   bool       `json:"loops,omitempty"`
}

type bufferAt struct {
	Name    string  `json:"name"`
	Type    typeAt  `json:"type"`
	Class   Class   `json:"class"`
	Bytes   string  `json:"bytes"`
	First   int     `json:"first"`
	Last    int     `json:"last"`
	At      *extent `json:"at,omitempty"` // of a constant
	Written bool    `json:"written,omitempty"`
}

type sectionAt struct {
	Target   string           `json:"target"`
	Features []string         `json:"features"`
	Kernels  []int64          `json:"kernels"`
	Drivers  map[string]int64 `json:"drivers"`
	At       extent           `json:"at"`
}

type weightAt struct {
	Path  string `json:"path"`
	Type  typeAt `json:"type"`
	State bool   `json:"state,omitempty"`
	At    extent `json:"at"`
}

// newIndex describes m; nothing has its place yet.
func newIndex(m *Model) *index {
	ix := &index{Name: m.Name, About: m.Manifest}
	for _, e := range m.Entries {
		at := entryAt{Name: e.Name, Symbols: e.Symbols, Flops: e.Flops.String(), Loops: e.Loops}
		for i := range e.Buffers {
			b := &e.Buffers[i]
			x := bufferAt{b.Name, describe(b.Type), b.Class, b.Bytes.String(), b.First, b.Last, nil, b.Written}
			if b.Class == Const {
				x.At = &extent{}
			}
			at.Buffers = append(at.Buffers, x)
		}
		ix.Entries = append(ix.Entries, at)
	}
	for _, s := range m.Sections {
		sum := sha256.Sum256(s.Code)
		ix.Sections = append(ix.Sections, sectionAt{s.Target, s.Features, s.Kernels, s.Drivers, extent{Length: int64(len(s.Code)), SHA256: hex.EncodeToString(sum[:])}})
	}
	for _, w := range m.Weights {
		ix.Weights = append(ix.Weights, weightAt{w.Path, describe(w.Type), w.State, extent{}})
	}
	return ix
}

func describe(t tensor.Type) typeAt {
	x := typeAt{t.DType, make([]string, len(t.Shape))}
	for i, d := range t.Shape {
		x.Shape[i] = d.String()
	}
	return x
}

// A placed value is a weight or constant and where its extent stands.
type placed struct {
	value []byte
	at    *extent
}

// values lists the weights, then the constants.
func (ix *index) values(m *Model) []placed {
	var all []placed
	for i, w := range m.Weights {
		all = append(all, placed{w.Value, &ix.Weights[i].At})
	}
	for i, e := range m.Entries {
		for k := range e.Buffers {
			if at := ix.Entries[i].Buffers[k].At; at != nil {
				all = append(all, placed{e.Buffers[k].Value, at})
			}
		}
	}
	return all
}

// layOut gives sections, weights and constants their offsets. These stand in the manifest, whose
// length they follow, so it is repeated until the manifest fits before them.
func (ix *index) layOut(m *Model) (manifest []byte, length int64, err error) {
	sum := sha256.New()
	values := ix.values(m)
	for _, v := range values {
		sum.Write(v.value)
		sum.Write(make([]byte, roundUp(int64(len(v.value)), Alignment)-int64(len(v.value))))
	}
	ix.Stored.SHA256 = hex.EncodeToString(sum.Sum(nil))
	for room := int64(0); ; {
		at := roundUp(headerSize+room, pageSize)
		for i := range ix.Sections {
			ix.Sections[i].At.Offset = at
			at = roundUp(at+ix.Sections[i].At.Length, pageSize)
		}
		ix.Stored.Offset = at
		for _, v := range values {
			v.at.Offset, v.at.Length = at, int64(len(v.value))
			at = roundUp(at+v.at.Length, Alignment)
		}
		ix.Stored.Length = at - ix.Stored.Offset
		if manifest, err = json.Marshal(ix); err != nil {
			return nil, 0, fmt.Errorf("encode manifest: %w", err)
		}
		if len(manifest) > maxManifest {
			return nil, 0, fmt.Errorf("encode manifest: it has %d bytes, more than %d", len(manifest), maxManifest)
		}
		if int64(len(manifest)) <= room {
			return manifest, at, nil
		}
		room = int64(len(manifest)) + 64
	}
}

// What reading a manifest may cost, so that opening a file takes no more memory than twice its
// size and a little: each JSON value and each byte of a dim's text stands for the most that it
// can become in memory.
const (
	valueCost = 768
	dimCost   = 64
	leastCost = 64 << 20
	maxNest   = 16
)

// readIndex reads a manifest of a file of that size.
func readIndex(manifest []byte, size int64) (*index, error) {
	if err := scan(manifest, (leastCost+size)/valueCost); err != nil {
		return nil, err
	}
	ix := &index{}
	d := json.NewDecoder(bytes.NewReader(manifest))
	d.DisallowUnknownFields()
	if err := d.Decode(ix); err != nil {
		return nil, fmt.Errorf("cannot be read: %.120s", err.Error())
	}
	if len(bytes.TrimSpace(manifest[d.InputOffset():])) > 0 {
		return nil, errors.New("cannot be read: something follows its end")
	}
	return ix, nil
}

// scan bounds how deep a JSON text is nested and how many values it has.
func scan(text []byte, most int64) error {
	depth, values, quoted := 0, int64(0), false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			values++
		case c == '}' || c == ']':
			depth--
		case c == ',':
			values++
		}
		if depth > maxNest {
			return fmt.Errorf("is nested more than %d deep", maxNest)
		}
		if values > most {
			return fmt.Errorf("has more than %d values, too many for a file of its size", most)
		}
	}
	return nil
}

// A stretch is an extent and what lies there.
type stretch struct {
	extent
	what string
}

// checkPlaces makes sure that all extents lie in the file, aligned and apart from each other:
// sections and the weights as a whole after the manifest, which ends at begin, and before end;
// each weight and constant among them.
func (ix *index) checkPlaces(begin, end int64) error {
	whole := []stretch{{ix.Stored, "all weights"}}
	for _, s := range ix.Sections {
		whole = append(whole, stretch{s.At, "code for " + s.Target})
	}
	if err := apart(whole, begin, end, pageSize); err != nil {
		return err
	}
	var parts []stretch
	for _, w := range ix.Weights {
		parts = append(parts, stretch{w.At, "weight " + w.Path})
	}
	for _, e := range ix.Entries {
		for _, b := range e.Buffers {
			if b.At != nil {
				parts = append(parts, stretch{*b.At, "constant " + b.Name})
			}
		}
	}
	return apart(parts, ix.Stored.Offset, ix.Stored.Offset+ix.Stored.Length, Alignment)
}

// apart makes sure that no two stretches overlap and that all lie between begin and end.
func apart(all []stretch, begin, end, align int64) error {
	sort.SliceStable(all, func(i, j int) bool { return all[i].Offset < all[j].Offset })
	for _, x := range all {
		if x.Offset < begin || x.Length < 0 || x.Offset > end || x.Length > end-x.Offset || x.Offset%align != 0 {
			return fmt.Errorf("%.64q has no place in the file", x.what)
		}
		begin = x.Offset + x.Length
	}
	return nil
}

// A reader turns the texts of dims into dims; equal texts, of which there are many, are read once.
type reader struct {
	dims map[string]tensor.Dim
	left int64 // of the memory that dims may take
}

func (r *reader) dim(text string) (tensor.Dim, error) {
	if d, ok := r.dims[text]; ok {
		return d, nil
	}
	d, err := tensor.ParseDim(text)
	if err != nil {
		return d, err
	}
	if r.left -= dimCost * int64(len(d.String())); r.left < 0 {
		return d, errors.New("its dims are too large for a file of its size")
	}
	r.dims[text] = d
	return d, nil
}

func (r *reader) typ(t typeAt) (x tensor.Type, err error) {
	x.DType = t.DType
	if len(t.Shape) > 0 {
		x.Shape = make(tensor.Shape, len(t.Shape))
	}
	for i, text := range t.Shape {
		if x.Shape[i], err = r.dim(text); err != nil {
			return x, err
		}
	}
	return x, nil
}

// model makes the model that ix describes, over the data of its file.
func (ix *index) model(data []byte) (*Model, error) {
	of := func(x extent) []byte { return data[x.Offset : x.Offset+x.Length : x.Offset+x.Length] }
	r := &reader{dims: map[string]tensor.Dim{}, left: leastCost/4 + int64(len(data))}
	m := &Model{Name: ix.Name, Manifest: ix.About, stored: of(ix.Stored), storedSum: ix.Stored.SHA256}
	for _, s := range ix.Sections {
		m.Sections = append(m.Sections, &Section{s.Target, s.Features, of(s.At), s.Kernels, s.Drivers})
	}
	for _, w := range ix.Weights {
		t, err := r.typ(w.Type)
		if err != nil {
			return nil, fmt.Errorf("weight %.64q: %w", w.Path, err)
		}
		m.Weights = append(m.Weights, &Weight{Path: w.Path, Type: t, State: w.State, Value: of(w.At)})
	}
	for _, x := range ix.Entries {
		e := &Entry{Name: x.Name, Symbols: x.Symbols, Loops: x.Loops, Buffers: make([]Buffer, len(x.Buffers))}
		var err error
		if e.Flops, err = r.dim(x.Flops); err != nil {
			return nil, fmt.Errorf("entry %.64q: %w", x.Name, err)
		}
		for i := range x.Buffers {
			if e.Buffers[i], err = r.buffer(&x.Buffers[i], of); err != nil {
				return nil, fmt.Errorf("entry %.64q: buffer %.64q: %w", x.Name, x.Buffers[i].Name, err)
			}
		}
		m.Entries = append(m.Entries, e)
	}
	return m, nil
}

func (r *reader) buffer(x *bufferAt, of func(extent) []byte) (b Buffer, err error) {
	b = Buffer{Name: x.Name, Class: x.Class, First: x.First, Last: x.Last, Written: x.Written}
	if x.At != nil {
		b.Value = of(*x.At)
	}
	if b.Type, err = r.typ(x.Type); err == nil {
		b.Bytes, err = r.dim(x.Bytes)
	}
	return b, err
}
