package program

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"runtime/debug"
	"unsafe"
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
//	               weights, then constants, each from a multiple of 64, the first from a multiple of 4096
//
// The manifest holds offset, length and SHA-256 of each section, and of all weights and
// constants together.
const (
	artifactVersion = 1
	headerSize      = 128
	pageSize        = 4096
	maxManifest     = 16 << 20
)

var magic = []byte("\x89DLB\r\n\x1a\n")

// IsArtifact reports whether the content of a file begins as an artifact's.
func IsArtifact(content []byte) bool { return bytes.HasPrefix(content, magic) }

// ErrDamaged is wrapped by every error of Open about a file's content.
var ErrDamaged = errors.New("not a usable dlc artifact")

// Write stores m at path: written beside it, synced and renamed, so that a reader sees the old
// file or the whole new one.
func Write(path string, m *Model) (err error) {
	var b bytes.Buffer
	if err := Encode(&b, m); err != nil {
		return err
	}
	return WriteFile(path, b.Bytes())
}

// Encode writes m as an artifact. The bytes depend on m alone. It refuses a model that Decode
// would refuse.
func Encode(w io.Writer, m *Model) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("encode model %s: %w", m.Name, err)
	}
	ix := newIndex(m)
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
	for i, s := range m.Sections {
		copy(out[ix.Sections[i].At.Offset:], s.Code)
	}
	at := ix.Stored.Offset
	for _, v := range ix.values(m) {
		at += int64(copy(out[at:], v.value))
		at = roundUp(at, Alignment)
	}
	_, err = w.Write(out)
	return err
}

func roundUp(n, to int64) int64 { return (n + to - 1) / to * to }

// Decode reads an artifact from memory, which the model's code, weights and constants then point
// into. It checks header, manifest and code; CheckWeights checks the rest.
func Decode(data []byte) (*Model, error) {
	manifest, err := checkHeader(data)
	if err != nil {
		return nil, err
	}
	ix, err := readIndex(manifest, int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("%w: its manifest %w", ErrDamaged, err)
	}
	if err := ix.checkPlaces(headerSize+int64(len(manifest)), int64(len(data))); err != nil {
		return nil, fmt.Errorf("%w: its %w", ErrDamaged, err)
	}
	m, err := ix.model(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	for i, s := range m.Sections {
		if sum := sha256.Sum256(s.Code); hex.EncodeToString(sum[:]) != ix.Sections[i].At.SHA256 {
			return nil, fmt.Errorf("%w: its code for %s is damaged", ErrDamaged, s.Target)
		}
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return m, nil
}

func checkHeader(data []byte) (manifest []byte, err error) {
	if !bytes.HasPrefix(data, magic) {
		return nil, fmt.Errorf("%w: %s", ErrDamaged, foreign(data))
	}
	if len(data) < headerSize {
		return nil, fmt.Errorf("%w: it ends inside its header", ErrDamaged)
	}
	if sum := sha256.Sum256(data[:64]); !bytes.Equal(sum[:], data[64:96]) {
		return nil, fmt.Errorf("%w: its header is damaged", ErrDamaged)
	}
	if v := binary.LittleEndian.Uint32(data[8:]); v > artifactVersion {
		return nil, fmt.Errorf("%w: format version %d is newer than %d, the newest this dlc reads", ErrDamaged, v, artifactVersion)
	} else if v < 1 {
		return nil, fmt.Errorf("%w: there is no format version %d", ErrDamaged, v)
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

// foreign says what a file is instead of an artifact.
func foreign(data []byte) string {
	for _, kind := range []struct{ mark, what string }{
		{"\x89DLB\n", "a transfer in text mode changed it"},
		{"\x7fELF", "it is an ELF file"},
		{"PK\x03\x04", "it is a zip archive"},
		{"\x1f\x8b", "it is a gzip file"},
		{"\x93NUMPY", "it is a NumPy array"},
		{"GGUF", "it is a GGUF file"},
		{"\x89HDF", "it is an HDF5 file"},
		{"edition ", "it is source text: its name should end in .dlc"},
	} {
		if bytes.HasPrefix(data, []byte(kind.mark)) {
			return kind.what
		}
	}
	switch {
	case len(data) == 0:
		return "it is empty"
	case bytes.HasPrefix(magic, data):
		return "it ends inside its header"
	case len(data) > 8 && data[8] == '{' && binary.LittleEndian.Uint64(data) < uint64(len(data)):
		return "it is a safetensors file"
	}
	return "it does not begin with an artifact's mark"
}

// CheckWeights compares weights and constants with their checksum. Open leaves that out, so
// that a cold start reads no more than it needs.
func (m *Model) CheckWeights() error {
	return Read(func() error {
		if sum := sha256.Sum256(m.stored); m.storedSum != "" && hex.EncodeToString(sum[:]) != m.storedSum {
			return fmt.Errorf("%w: its weights are damaged", ErrDamaged)
		}
		return nil
	})
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
	info, err := os.Stat(path) // before it is opened: opening a pipe waits for its writer
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w: it is a %s", path, ErrDamaged, kind(info.Mode()))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() == 0 || info.Size() > math.MaxInt {
		return nil, fmt.Errorf("%s: %w: %s", path, ErrDamaged, foreign(nil))
	}
	data, err := mapFile(f, int(info.Size()))
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	m, err := decodeMapped(data)
	if err != nil {
		unmapFile(data)
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &File{Model: m, Size: info.Size(), data: data}, nil
}

// kind names what is no regular file.
func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeNamedPipe != 0:
		return "pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

// decodeMapped is Decode of a file that may shrink, or fail to be read, under the mapping.
func decodeMapped(data []byte) (m *Model, err error) {
	err = Read(func() error {
		m, err = Decode(data)
		return err
	})
	return m, err
}

// ErrCut is what reading an artifact ends with that was cut, or cannot be read, under its mapping.
var ErrCut = fmt.Errorf("%w: it cannot be read to its end, or was cut while it was read", ErrDamaged)

// Read runs f, which reads code, weights or constants of a model that may lie in a mapped file. A
// fault of that reading is ErrCut.
func Read(f func() error) (err error) {
	defer recoverFault(debug.SetPanicOnFault(true), &err)
	return f()
}

// recoverFault turns a memory fault of the calling function into an error.
func recoverFault(old bool, err *error) {
	debug.SetPanicOnFault(old)
	cause := recover()
	if cause == nil {
		return
	}
	if _, ok := cause.(interface{ Addr() uintptr }); !ok {
		panic(cause)
	}
	*err = ErrCut
}

// Holds reports whether an address of this process lies in the mapped file.
func (f *File) Holds(address uint64) bool {
	start := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(f.data))))
	return address-start < uint64(len(f.data)+pageSize-1)/pageSize*pageSize
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
