package program

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The artifact file, version 1. All integers are little-endian.
//
//	0    8 bytes   magic 0x89 "DLB" CR LF 0x1A LF: a transfer in text mode breaks it
//	8    u32       format version
//	12   u32       zero
//	16   u64       length of the manifest, which begins at 128
//	24   u64       length of the file
//	32   32 bytes  SHA-256 of the manifest
//	64   32 bytes  SHA-256 of bytes 0..64
//	96   32 bytes  zero
//	128            manifest: JSON, an index of everything below
//	               code of each section, from a multiple of 4096
//	               weights, each from a multiple of 64, the first from a multiple of 4096
//
// The manifest holds offset, length and SHA-256 of each section, and of all weights together.
const (
	artifactVersion = 1
	headerSize      = 128
	pageSize        = 4096
	maxManifest     = 64 << 20
)

var magic = []byte("\x89DLB\r\n\x1a\n")

// ErrDamaged is wrapped by every error of Open about a file's content.
var ErrDamaged = errors.New("not a usable dlc artifact")

// index is the manifest as it stands in the file.
type index struct {
	Name     string      `json:"name"`
	About    Manifest    `json:"about"`
	Entries  []*Entry    `json:"entries"`
	Sections []sectionAt `json:"sections"`
	Weights  []weightAt  `json:"weights"`
	Stored   extent      `json:"stored"` // all weights
}

// An extent is a stretch of the file.
type extent struct {
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
	SHA256 string `json:"sha256,omitempty"`
}

type sectionAt struct {
	*Section
	At extent `json:"at"`
}

type weightAt struct {
	*Weight
	At extent `json:"at"`
}

// Write stores m at path: written beside it, synced and renamed, so that a reader sees the old
// file or the whole new one.
func Write(path string, m *Model) (err error) {
	var b bytes.Buffer
	if err := Encode(&b, m); err != nil {
		return err
	}
	return WriteFile(path, b.Bytes())
}

// WriteFile replaces path by data atomically and durably: temporary file, fsync, rename, fsync
// of the directory.
func WriteFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil
	}
	defer d.Close()
	d.Sync() // not every file system can; the rename itself stands
	return nil
}

// Encode writes m as an artifact. The bytes depend on m alone.
func Encode(w io.Writer, m *Model) error {
	ix := index{Name: m.Name, About: m.Manifest, Entries: m.Entries}
	for _, s := range m.Sections {
		sum := sha256.Sum256(s.Code)
		ix.Sections = append(ix.Sections, sectionAt{s, extent{Length: int64(len(s.Code)), SHA256: hex.EncodeToString(sum[:])}})
	}
	for _, x := range m.Weights {
		ix.Weights = append(ix.Weights, weightAt{x, extent{Length: int64(len(x.Value))}})
	}
	manifest, length, err := ix.layOut(m)
	if err != nil {
		return err
	}
	out := make([]byte, length)
	copy(out, magic)
	binary.LittleEndian.PutUint32(out[8:], artifactVersion)
	binary.LittleEndian.PutUint64(out[16:], uint64(len(manifest)))
	binary.LittleEndian.PutUint64(out[24:], uint64(length))
	sum := sha256.Sum256(manifest)
	copy(out[32:], sum[:])
	sum = sha256.Sum256(out[:64])
	copy(out[64:], sum[:])
	copy(out[headerSize:], manifest)
	for _, s := range ix.Sections {
		copy(out[s.At.Offset:], s.Code)
	}
	for _, x := range ix.Weights {
		copy(out[x.At.Offset:], x.Value)
	}
	_, err = w.Write(out)
	return err
}

// layOut gives sections and weights their offsets. These stand in the manifest, whose length
// they follow, so it is repeated until the manifest fits before them.
func (ix *index) layOut(m *Model) (manifest []byte, length int64, err error) {
	for room := int64(0); ; {
		at := roundUp(headerSize+room, pageSize)
		for i := range ix.Sections {
			ix.Sections[i].At.Offset = at
			at = roundUp(at+ix.Sections[i].At.Length, pageSize)
		}
		ix.Stored = extent{Offset: at}
		sum := sha256.New()
		for i := range ix.Weights {
			ix.Weights[i].At.Offset = at
			end := at + ix.Weights[i].At.Length
			next := roundUp(end, Alignment)
			sum.Write(m.Weights[i].Value)
			sum.Write(make([]byte, next-end))
			at = next
		}
		ix.Stored.Length = at - ix.Stored.Offset
		ix.Stored.SHA256 = hex.EncodeToString(sum.Sum(nil))
		if manifest, err = json.Marshal(ix); err != nil {
			return nil, 0, fmt.Errorf("encode manifest: %w", err)
		}
		if int64(len(manifest)) <= room {
			return manifest, at, nil
		}
		room = int64(len(manifest)) + 64
	}
}

func roundUp(n, to int64) int64 { return (n + to - 1) / to * to }

// Decode reads an artifact from memory, which the model's code and weights then point into. It
// checks header, manifest and code; CheckWeights checks the weights.
func Decode(data []byte) (*Model, error) {
	manifest, err := checkHeader(data)
	if err != nil {
		return nil, err
	}
	var ix index
	d := json.NewDecoder(bytes.NewReader(manifest))
	d.DisallowUnknownFields()
	if err := d.Decode(&ix); err != nil {
		return nil, fmt.Errorf("%w: its manifest cannot be read: %v", ErrDamaged, err)
	}
	m := &Model{Name: ix.Name, Manifest: ix.About, Entries: ix.Entries}
	for _, s := range ix.Sections {
		if s.Section == nil {
			return nil, fmt.Errorf("%w: a code section without a head", ErrDamaged)
		}
		if s.Code, err = s.At.of(data, "code section "+s.Target, true); err != nil {
			return nil, err
		}
		m.Sections = append(m.Sections, s.Section)
	}
	for _, x := range ix.Weights {
		if x.Weight == nil {
			return nil, fmt.Errorf("%w: a weight without a head", ErrDamaged)
		}
		if x.Value, err = x.At.of(data, "weight "+x.Path, false); err != nil {
			return nil, err
		}
		m.Weights = append(m.Weights, x.Weight)
	}
	if m.stored, err = ix.Stored.of(data, "weights", false); err != nil {
		return nil, err
	}
	m.storedSum = ix.Stored.SHA256
	return m, m.check()
}

func checkHeader(data []byte) (manifest []byte, err error) {
	if len(data) < len(magic) || !bytes.Equal(data[:len(magic)], magic) {
		return nil, fmt.Errorf("%w: it does not begin with an artifact's mark", ErrDamaged)
	}
	if len(data) < headerSize {
		return nil, fmt.Errorf("%w: it ends inside its header", ErrDamaged)
	}
	if v := binary.LittleEndian.Uint32(data[8:]); v > artifactVersion {
		return nil, fmt.Errorf("%w: format version %d is newer than %d, the newest this dlc reads", ErrDamaged, v, artifactVersion)
	}
	if sum := sha256.Sum256(data[:64]); !bytes.Equal(sum[:], data[64:96]) {
		return nil, fmt.Errorf("%w: its header is damaged", ErrDamaged)
	}
	if n := binary.LittleEndian.Uint64(data[24:]); n != uint64(len(data)) {
		return nil, fmt.Errorf("%w: it has %d bytes and should have %d", ErrDamaged, len(data), n)
	}
	n := binary.LittleEndian.Uint64(data[16:])
	if n > maxManifest || n > uint64(len(data)-headerSize) || !zero(data[96:headerSize]) || !zero(data[12:16]) {
		return nil, fmt.Errorf("%w: its header is damaged", ErrDamaged)
	}
	manifest = data[headerSize : headerSize+n]
	if sum := sha256.Sum256(manifest); !bytes.Equal(sum[:], data[32:64]) {
		return nil, fmt.Errorf("%w: its manifest is damaged", ErrDamaged)
	}
	return manifest, nil
}

func zero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// of returns the stretch of data, its checksum compared when sum is asked for.
func (x extent) of(data []byte, what string, sum bool) ([]byte, error) {
	if x.Offset < headerSize || x.Length < 0 || x.Offset > int64(len(data)) || x.Length > int64(len(data))-x.Offset {
		return nil, fmt.Errorf("%w: its %s lies outside the file", ErrDamaged, what)
	}
	b := data[x.Offset : x.Offset+x.Length : x.Offset+x.Length]
	if got := sha256.Sum256(b); sum && hex.EncodeToString(got[:]) != x.SHA256 {
		return nil, fmt.Errorf("%w: its %s is damaged", ErrDamaged, what)
	}
	return b, nil
}

// CheckWeights compares the weights with their checksum. Open leaves that out, so that a cold
// start reads no more than it needs.
func (m *Model) CheckWeights() error {
	if sum := sha256.Sum256(m.stored); m.storedSum != "" && hex.EncodeToString(sum[:]) != m.storedSum {
		return fmt.Errorf("%w: its weights are damaged", ErrDamaged)
	}
	return nil
}

// check holds what the rest of the program relies on: classes, numbers and sizes that agree.
func (m *Model) check() error {
	for i, w := range m.Weights {
		dims, ok := w.Type.Shape.Bind(nil)
		if !ok || w.Type.DType == 0 {
			return fmt.Errorf("%w: weight %s has no constant shape", ErrDamaged, w.Path)
		}
		n := int64(w.Type.DType.Size())
		for _, d := range dims {
			if d > 0 && n > int64(len(w.Value))/int64(d) {
				return fmt.Errorf("%w: weight %s has %d bytes, too few for %s", ErrDamaged, w.Path, len(w.Value), w.Type)
			}
			n *= int64(d)
		}
		if n != int64(len(w.Value)) || i > 0 && m.Weights[i-1].Path >= w.Path {
			return fmt.Errorf("%w: weight %s does not fit its place", ErrDamaged, w.Path)
		}
	}
	for _, e := range m.Entries {
		if e == nil {
			return fmt.Errorf("%w: an entry without a head", ErrDamaged)
		}
		if err := e.check(m); err != nil {
			return err
		}
	}
	for _, s := range m.Sections {
		for _, at := range s.Kernels {
			if at < 0 || at >= int64(len(s.Code)) {
				return fmt.Errorf("%w: a kernel of section %s lies outside its code", ErrDamaged, s.Target)
			}
		}
		for _, e := range m.Entries {
			if at, ok := s.Drivers[e.Name]; !ok || at < 0 || at >= int64(len(s.Code)) {
				return fmt.Errorf("%w: section %s has no entry %s", ErrDamaged, s.Target, e.Name)
			}
		}
	}
	return nil
}

func (e *Entry) check(m *Model) error {
	for i := range e.Buffers {
		b := &e.Buffers[i]
		if w := m.Weight(b.Name); b.Class == Stored && (w == nil || !w.Type.Equal(b.Type)) {
			return fmt.Errorf("%w: entry %s uses a weight %s %s, which it does not hold", ErrDamaged, e.Name, b.Name, b.Type)
		}
		if !strings.Contains("arena input output weight const", string(b.Class)) || b.Type.DType == 0 || b.First < 0 || b.Last < b.First {
			return fmt.Errorf("%w: buffer %s of entry %s makes no sense", ErrDamaged, b.Name, e.Name)
		}
	}
	return nil
}

// Weight returns the weight of that path, or nil.
func (m *Model) Weight(path string) *Weight {
	for _, w := range m.Weights {
		if w.Path == path {
			return w
		}
	}
	return nil
}

// Entry returns the entry of that name, or nil.
func (m *Model) Entry(name string) *Entry {
	for _, e := range m.Entries {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// A File is an open artifact: its model points into mapped memory, valid until Close.
type File struct {
	*Model
	Size int64
	data []byte
}

// Open maps the artifact at path and checks header, manifest and code. Errors about the content
// wrap ErrDamaged; others are the file system's.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() < headerSize {
		return nil, fmt.Errorf("%s: %w: it is too short or no regular file", path, ErrDamaged)
	}
	data, err := mapFile(f, int(info.Size()))
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	m, err := Decode(data)
	if err != nil {
		unmapFile(data)
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &File{Model: m, Size: info.Size(), data: data}, nil
}

// Close unmaps the file. No session of the model may be open.
func (f *File) Close() error {
	data := f.data
	f.data, f.Model = nil, nil
	if data == nil {
		return nil
	}
	return unmapFile(data)
}
