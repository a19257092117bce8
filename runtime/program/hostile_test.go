package program

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sealed returns data with another manifest and checksums that agree with it. What follows the
// manifest stays where it is, so that the manifest must fit before it.
func sealed(data, manifest []byte) []byte {
	out := append([]byte(nil), data...)
	clear(out[headerSize:pageSize])
	if headerSize+len(manifest) > pageSize {
		out = append(out[:headerSize], make([]byte, len(manifest))...)
	}
	copy(out[headerSize:], manifest)
	binary.LittleEndian.PutUint64(out[16:], uint64(len(manifest)))
	binary.LittleEndian.PutUint64(out[24:], uint64(len(out)))
	sum := sha256.Sum256(manifest)
	copy(out[32:], sum[:])
	return signed(out)
}

// signed gives a header its checksum.
func signed(data []byte) []byte {
	sum := sha256.Sum256(data[:64])
	copy(data[64:], sum[:])
	return data
}

// edited changes the manifest of the sample.
func edited(t *testing.T, edit func(*index)) []byte {
	t.Helper()
	data := encode(t, sample())
	manifest, err := checkHeader(data)
	if err != nil {
		t.Fatal(err)
	}
	ix, err := readIndex(manifest, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	edit(ix)
	if manifest, err = json.Marshal(ix); err != nil {
		t.Fatal(err)
	}
	return sealed(data, manifest)
}

// refused decodes data, which must give one sentence within the promised memory, and quickly even on a busy machine.
func refused(t *testing.T, name string, data []byte, want string) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	_, err := Decode(data)
	took := time.Since(begun)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %.400v, want %s", name, err, want)
		return
	}
	if s := err.Error(); len(s) > 400 || strings.ContainsAny(s, "\n\x1b") {
		t.Errorf("%s: not one sentence: %q", name, s)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > uint64(2*len(data)+64<<20) || took > 5*time.Second {
		t.Errorf("%s: %d bytes of file took %d bytes of memory and %v", name, len(data), spent, took)
	}
}

// TestHostileIndexes gives well-formed files whose manifests lie.
func TestHostileIndexes(t *testing.T) {
	const huge = 1 << 62
	power := strings.TrimSuffix(strings.Repeat("(N + a + b + c + 1)*", 14), "*")
	for _, x := range []struct {
		name, want string
		edit       func(*index)
	}{
		{"weights overlap", "has no place", func(ix *index) { ix.Weights[1].At = ix.Weights[0].At }},
		{"weight before all", "has no place", func(ix *index) { ix.Weights[0].At.Offset = 0 }},
		{"weight in the code", "has no place", func(ix *index) { ix.Weights[0].At.Offset = ix.Sections[0].At.Offset }},
		{"weight of negative length", "has no place", func(ix *index) { ix.Weights[0].At.Length = -1 }},
		{"weight of huge length", "has no place", func(ix *index) { ix.Weights[0].At.Length = huge }},
		{"weight at a huge offset", "has no place", func(ix *index) { ix.Weights[0].At.Offset = huge }},
		{"weight not aligned", "has no place", func(ix *index) { ix.Weights[0].At.Offset += 4 }},
		{"weight too short", "takes 60 bytes and has 56", func(ix *index) { ix.Weights[0].At.Length -= 4 }},
		{"weight of another shape", "takes 64 bytes", func(ix *index) { ix.Weights[0].Type.Shape = []string{"4", "4"} }},
		{"product of dims overflows", "no constant size", func(ix *index) { ix.Weights[0].Type.Shape = []string{"4294967296", "4294967296", "15"} }},
		{"product of dims overflows to its size", "no constant size", func(ix *index) { ix.Weights[0].Type.Shape = []string{"4611686018427387904", "4", "15"} }},
		{"negative dim", "no constant size", func(ix *index) { ix.Weights[0].Type.Shape = []string{"-3", "-5"} }},
		{"symbolic weight", "no constant size", func(ix *index) { ix.Weights[0].Type.Shape = []string{"N", "5"} }},
		{"path twice", "twice", func(ix *index) { ix.Weights[1].Path = ix.Weights[0].Path }},
		{"paths out of order", "out of order", func(ix *index) { ix.Weights[1].Path = "a" }},
		{"path that a terminal obeys", "cannot be printed", func(ix *index) { ix.Weights[1].Path = "x\x1b[2J" }},
		{"sections overlap", "has no place", func(ix *index) { ix.Sections[1].At = ix.Sections[0].At }},
		{"section over the manifest", "has no place", func(ix *index) { ix.Sections[0].At.Offset = 0 }},
		{"section not on a page", "has no place", func(ix *index) { ix.Sections[0].At.Offset += 64 }},
		{"section longer than the file", "has no place", func(ix *index) { ix.Sections[1].At.Length = huge }},
		{"code of another checksum", "code for x86-64-v3 is damaged", func(ix *index) { ix.Sections[0].At.SHA256 = strings.Repeat("0", 64) }},
		{"code without a checksum", "code for x86-64-v3 is damaged", func(ix *index) { ix.Sections[0].At.SHA256 = "" }},
		{"target twice", "no printable name of its own", func(ix *index) { ix.Sections[1].Target = ix.Sections[0].Target }},
		{"kernel outside of the code", "kernel 1 lies outside", func(ix *index) { ix.Sections[0].Kernels[1] = 5000 }},
		{"kernel before the code", "kernel 0 lies outside", func(ix *index) { ix.Sections[0].Kernels[0] = -1 }},
		{"driver outside of the code", `entry "infer" is not in it`, func(ix *index) { ix.Sections[0].Drivers["infer"] = 5000 }},
		{"no driver", "0 drivers for 1 entries", func(ix *index) { ix.Sections[0].Drivers = nil }},
		{"driver of no entry", "2 drivers for 1 entries", func(ix *index) { ix.Sections[0].Drivers["other"] = 0 }},
		{"entry twice", "no printable name of its own", func(ix *index) {
			ix.Entries[0].Buffers = ix.Entries[0].Buffers[:2]
			ix.Entries = append(ix.Entries, ix.Entries[0])
		}},
		{"entry without a name", "no printable name of its own", func(ix *index) { ix.Entries[0].Name = "" }},
		{"input twice", "input \"x\" is listed twice", func(ix *index) { ix.Entries[0].Buffers = append(ix.Entries[0].Buffers, ix.Entries[0].Buffers[0]) }},
		{"symbol twice", `symbol "N" is listed twice`, func(ix *index) { ix.Entries[0].Symbols = []string{"N", "N"} }},
		{"symbol that is not listed", "does not list", func(ix *index) { ix.Entries[0].Symbols = nil }},
		{"symbol of flops that is not listed", "does not list", func(ix *index) { ix.Entries[0].Flops = "M" }},
		{"class by a part of its name", `no class "put"`, func(ix *index) { ix.Entries[0].Buffers[0].Class = "put" }},
		{"no class", `no class ""`, func(ix *index) { ix.Entries[0].Buffers[0].Class = "" }},
		{"two classes", `no class "arena input"`, func(ix *index) { ix.Entries[0].Buffers[0].Class = "arena input" }},
		{"dead before it is born", "cannot be alive", func(ix *index) { ix.Entries[0].Buffers[0].First = 3 }},
		{"born before the first kernel", "cannot be alive", func(ix *index) { ix.Entries[0].Buffers[0].First = -1 }},
		{"outlives the last kernel", "lives until kernel 2 of 2", func(ix *index) { ix.Entries[0].Buffers[0].Last = 2 }},
		{"lives forever", "lives until", func(ix *index) { ix.Entries[0].Buffers[0].Last = huge }},
		{"negative bytes", "cannot have -8 bytes", func(ix *index) { ix.Entries[0].Buffers[0].Bytes = "-8" }},
		{"absurd bytes", "cannot have", func(ix *index) { ix.Entries[0].Buffers[0].Bytes = "4611686018427387904" }},
		{"weight of another type", "there is no such weight", func(ix *index) { ix.Entries[0].Buffers[1].Type.Shape = []string{"5", "3"} }},
		{"weight that is not held", "there is no such weight", func(ix *index) { ix.Entries[0].Buffers[1].Name = "dense.bias" }},
		{"weight of fewer bytes than its type", "does not fit", func(ix *index) { ix.Entries[0].Buffers[1].Bytes = "4" }},
		{"weight of more bytes than it has", "does not fit", func(ix *index) { ix.Entries[0].Buffers[1].Bytes = "64" }},
		{"written input", "is none", func(ix *index) { ix.Entries[0].Buffers[0].Written = true }},
		{"constant without a value", "does not fit", func(ix *index) { b := &ix.Entries[0].Buffers[1]; b.Class = Const }},
		{"constant over a weight", "has no place", func(ix *index) { *ix.Entries[0].Buffers[2].At = ix.Weights[1].At }},
		{"constant of a negative place", "has no place", func(ix *index) { ix.Entries[0].Buffers[2].At.Offset = -64 }},
		{"bytes that grow exponentially", "too large", func(ix *index) { ix.Entries[0].Buffers[0].Bytes = power }},
		{"flops that grow exponentially", "too large", func(ix *index) { ix.Entries[0].Flops = power }},
		{"shape that grows exponentially", "too large", func(ix *index) { ix.Entries[0].Buffers[0].Type.Shape[0] = power }},
		{"division by zero", "divisor", func(ix *index) { ix.Entries[0].Flops = "N div 0" }},
		{"weights outside of the file", "has no place", func(ix *index) { ix.Stored.Length = huge }},
		{"weights over the code", "has no place", func(ix *index) { ix.Stored.Length += ix.Stored.Offset - 8192; ix.Stored.Offset = 8192 }},
	} {
		refused(t, x.name, edited(t, x.edit), x.want)
	}
	if _, err := Decode(edited(t, func(*index) {})); err != nil {
		t.Errorf("an index that nothing was done to: %v", err)
	}
}

// TestHostileJSON gives manifests that are no index, or one of absurd size.
func TestHostileJSON(t *testing.T) {
	data := encode(t, sample())
	many := func(n int, item string) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	distinct := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	for _, x := range []struct{ name, manifest, want string }{
		{"empty", "", "cannot be read"},
		{"null", "null", "has no place"},
		{"a weight without dtype", `{"name":"x","stored":{"offset":8192},"weights":[{"path":"a","at":{"offset":8192}}]}`, "it has no dtype"},
		{"a list", "[]", "cannot be read"},
		{"not JSON", "\x00\x01", "cannot be read"},
		{"cut", `{"name":"x","entries":[`, "cannot be read"},
		{"two", `{"name":"x"} {"name":"y"}`, "something follows"},
		{"unknown field", `{"nom":"x"}`, "unknown field"},
		{"deep", strings.Repeat("[", 1<<20), "nested more than"},
		{"deep objects", strings.Repeat(`{"a":`, 1<<20), "nested more than"},
		{"a million entries", `{"entries":[` + many(1<<20, "{}") + "]}", "values"},
		{"a million nulls for buffers", `{"entries":[{"buffers":[` + many(1<<20, "null") + "]}]}", "values"},
		{"many nulls for buffers", `{"entries":[{"buffers":[` + many(80000, "null") + "]}]}", "has no place"},
		{"many nulls for entries", `{"entries":[` + many(80000, "null") + "]}", "has no place"},
		{"many drivers", `{"sections":[{"drivers":{` + distinct(80000, `"%d":0,`) + "}}]}", "has no place"},
		{"a long name", `{"name":"` + strings.Repeat("x", 4<<20) + `"}`, "has no place"},
		{"a long number", `{"stored":{"offset":` + strings.Repeat("9", 1<<20) + `}}`, "cannot be read"},
		{"wide polynomials", `{"stored":{"offset":2097152},"entries":[{"flops":"0","buffers":[` + distinct(15000, `{"type":{"dtype":"f32"},"bytes":"(a+b+c+d+e+f)*(a+b+c+d+e)*(a+b+c+d)*%d"},`) + "]}]}", "too large for a file"},
	} {
		if strings.Contains(x.manifest, "2097152") {
			x.manifest += strings.Repeat(" ", 2097152-headerSize-len(x.manifest))
		}
		refused(t, x.name, sealed(data, []byte(x.manifest)), x.want)
	}
	refused(t, "a long manifest", sealed(data, bytes.Repeat([]byte(" "), maxManifest+1)), "header is damaged")
}

// TestForeignFiles opens what is no artifact.
func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	header := func(edit func(h []byte)) []byte {
		data := encode(t, sample())
		edit(data)
		return signed(data)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	good := encode(t, sample())
	for _, x := range []struct{ path, want string }{
		{file("empty", nil), "it is empty"},
		{file("cut", good[:6]), "it ends inside its header"},
		{file("cut in the header", good[:100]), "it ends inside its header"},
		{file("cut later", good[:8000]), "it has 8000 bytes and should have 16640"},
		{file("longer", append(good, 0)), "bytes and should have"},
		{file("zip", []byte("PK\x03\x04rest")), "it is a zip archive"},
		{file("gzip", []byte("\x1f\x8b\x08")), "it is a gzip file"},
		{file("source", []byte("edition 2026\n")), "it is source text"},
		{file("text mode", bytes.ReplaceAll(good, []byte("\r\n"), []byte("\n"))), "a transfer in text mode changed it"},
		{file("safetensors", append([]byte{2, 0, 0, 0, 0, 0, 0, 0}, "{}    "...)), "it is a safetensors file"},
		{file("zeros", make([]byte, 5000)), "it does not begin with an artifact's mark"},
		{file("newer", header(func(h []byte) { h[8] = 2 })), "format version 2 is newer than 1"},
		{file("older", header(func(h []byte) { h[8] = 0 })), "there is no format version 0"},
		{file("reserved", header(func(h []byte) { h[12] = 1 })), "its header is damaged"},
		{file("manifest longer than the file", header(func(h []byte) { h[18] = 1 })), "its header is damaged"},
		{"/proc/self/exe", "it is an ELF file"},
		{dir, "it is a directory"},
		{pipe, "it is a pipe"},
		{"/dev/null", "it is a device"},
		{"/dev/zero", "it is a device"},
	} {
		_, err := Open(x.path)
		if !errors.Is(err, ErrDamaged) || !strings.HasPrefix(err.Error(), x.path+": not a usable dlc artifact: ") || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: got %v, want %s", x.path, err, x.want)
		}
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestFileCutWhileOpen shortens a file under its mapping: reading it is an error, not a crash.
func TestFileCutWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.dlb")
	m := sample()
	m.Weights[0].Value = make([]byte, 4*100*1000)
	m.Weights[0].Type.Shape[0] = m.Weights[0].Type.Shape[1].Scale(4000)
	m.Entries[0].Buffers[1].Type, m.Entries[0].Buffers[1].Bytes = m.Weights[0].Type, m.Entries[0].Buffers[1].Bytes.Scale(0).AddInt(400000)
	if err := Write(path, m); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(path, 20000); err != nil {
		t.Fatal(err)
	}
	if err := f.CheckWeights(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "was cut") {
		t.Errorf("got %v", err)
	}
}

// TestEncodeRefusesWhatDecodeWould writes no file that cannot be opened.
func TestEncodeRefusesWhatDecodeWould(t *testing.T) {
	m := sample()
	m.Entries[0].Steps = []Launch{{Args: []int{3}}}
	if err := Encode(&bytes.Buffer{}, m); err == nil || !strings.Contains(err.Error(), "uses buffer 3 of 3") {
		t.Errorf("got %v", err)
	}
}
