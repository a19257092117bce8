package docs

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dlc"
	"dlc/ir/tensor"
	"dlc/lang/diag"
	"dlc/runtime/data"
)

// A block is a fenced part of a page: what stands behind the fence and what is in it.
type block struct {
	lang, note, text string
	line             int
}

func blocks(page string) []block {
	var out []block
	var b *block
	for i, line := range strings.Split(page, "\n") {
		switch {
		case b != nil && line == "```":
			out = append(out, *b)
			b = nil
		case b != nil:
			b.text += line + "\n"
		case strings.HasPrefix(line, "```"):
			lang, note, _ := strings.Cut(line[3:], " ")
			b = &block{lang: lang, note: note, line: i + 1}
		}
	}
	return out
}

// What a page shows is run from top to bottom in one folder.
func TestBlocks(t *testing.T) {
	for _, page := range pages() {
		t.Run(page, func(t *testing.T) {
			dir := folder(t)
			for _, b := range blocks(read(t, page)) {
				b.run(t, page, dir)
			}
		})
	}
}

// folder holds what the pages use beside their own files: examples, x.npy, digit.png, houses.csv.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	repo, err := filepath.Abs(root)
	if err == nil {
		err = os.Symlink(filepath.Join(repo, "examples"), filepath.Join(dir, "examples"))
	}
	x := tensor.New(tensor.F32, 3, 8, 8, 1)
	picture := image.NewGray(image.Rect(0, 0, 8, 8))
	for i := range x.Len() {
		x.SetFloat(i, float64(i%17)/16)
		picture.Pix[i%64] = uint8(i % 17)
	}
	var b bytes.Buffer
	var table strings.Builder
	table.WriteString("rooms,area,price\n")
	for i := range 100 {
		fmt.Fprintf(&table, "%d,%d.5,%d\n", 1+i%7, 40+i, 10000*(1+i%7)+3000*(40+i))
	}
	err = errors.Join(err, data.WriteNPYFile(filepath.Join(dir, "x.npy"), x), png.Encode(&b, picture),
		os.WriteFile(filepath.Join(dir, "digit.png"), b.Bytes(), 0o644),
		os.WriteFile(filepath.Join(dir, "houses.csv"), []byte(table.String()), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func (b block) run(t *testing.T, page, dir string) {
	t.Helper()
	switch b.lang {
	case "dlc":
		if strings.HasSuffix(b.note, ".dlc") {
			if err := os.WriteFile(filepath.Join(dir, b.note), []byte(b.text), 0o644); err != nil {
				t.Fatal(err)
			}
			return // the commands of the page check it, with its data
		}
		b.check(t, page)
	case "sh":
		for _, line := range strings.Split(strings.TrimSpace(b.text), "\n") {
			b.shell(t, page, dir, line)
		}
	case "go":
		b.program(t, page, dir)
	case "", "text", "json":
	default:
		t.Errorf("%s:%d: a block of %q is not tested", page, b.line, b.lang)
	}
}

// check compiles a program up to its graphs. What has no model gets a small one; what is said to
// be a mistake must be that one.
func (b block) check(t *testing.T, page string) {
	t.Helper()
	text := b.text
	if !strings.HasPrefix(text, "edition") {
		text = "edition 2026\n\n" + text
	}
	if !regexp.MustCompile(`(?m)^model `).MatchString(text) {
		text += "\nmodel Nothing()(x: f32[N, 4]) -> (y: f32[N, 4]) { x }\n"
	}
	_, err := dlc.Check(&dlc.Source{Path: page, Text: []byte(text)}, nil)
	want, wrong := strings.CutPrefix(b.note, "error=")
	var list diag.List
	switch {
	case err != nil && !errors.As(err, &list):
		t.Fatalf("%s:%d: %v", page, b.line, err)
	case wrong && (len(list) != 1 || list[0].Code != want):
		t.Errorf("%s:%d: want one %s, got %v", page, b.line, want, err)
	case !wrong && err != nil:
		t.Errorf("%s:%d: %v", page, b.line, err)
	}
}

// shell runs a line that calls dlc. Of make it looks whether there is such a target.
func (b block) shell(t *testing.T, page, dir, line string) {
	t.Helper()
	line, _, _ = strings.Cut(line, "#")
	words := strings.Fields(line)
	switch {
	case len(words) == 0:
	case words[0] == "make":
		if !strings.Contains(read(t, "Makefile"), "\n"+words[1]+":") {
			t.Errorf("%s:%d: the Makefile has no target %s", page, b.line, words[1])
		}
	case words[0] == "dlc":
		c := exec.Command(dlcCommand(t), words[1:]...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s:%d: %s: %v\n%s", page, b.line, line, err, out)
		}
	default:
		t.Errorf("%s:%d: the test runs dlc only, not %s", page, b.line, line)
	}
}

// program builds a Go program inside this module and runs it in the folder.
func (b block) program(t *testing.T, page, dir string) {
	t.Helper()
	source, bin := filepath.Join(dir, "program.go"), filepath.Join(dir, "program")
	if err := os.WriteFile(source, []byte(b.text), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("go", "build", "-o", bin, source)
	c.Dir = root
	c.Env = slices.Concat(os.Environ(), []string{"CGO_ENABLED=0"})
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s:%d: %v\n%s", page, b.line, err, out)
	}
	c = exec.Command(bin)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil || len(out) == 0 {
		t.Errorf("%s:%d: %v\n%s", page, b.line, err, out)
	}
}

// Every code of the syntax stands in the table of the language page.
func TestSyntaxCodes(t *testing.T) {
	page := read(t, "docs/language.md")
	files, err := filepath.Glob(filepath.Join(root, "lang/syntax/*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files of lang/syntax", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range regexp.MustCompile(`"([EW]\d{4})"`).FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(page, "\n| "+code[1]+" |") {
				t.Errorf("%s: docs/language.md does not explain %s", f, code[1])
			}
		}
	}
}
