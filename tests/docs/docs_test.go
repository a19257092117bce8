// Package docs holds the written pages to the code: what is generated in them is what the code
// says now, and what they show is run.
package docs

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the generated parts of the pages")

// root is the repository, relative to this package.
const root = "../.."

// pages are those with generated parts or blocks to run.
func pages() []string {
	return []string{"README.md", "ARCHITECTURE.md", "docs/language.md", "docs/cli.md", "docs/ops.md"}
}

func read(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// generated is a part of a page that a generator of this name, with these words, writes.
var generated = regexp.MustCompile(`(?s)<!-- generated: ([^\n]*) -->\n.*?<!-- end -->`)

func TestGoldenPages(t *testing.T) {
	for _, page := range pages() {
		old := read(t, page)
		text := generated.ReplaceAllStringFunc(old, func(part string) string {
			head, _, _ := strings.Cut(part, "\n")
			words := strings.Fields(generated.FindStringSubmatch(part)[1])
			now := head + "\n" + generate(t, words[0], words[1:]) + "<!-- end -->"
			if words[0] == "stage" && words[1] == "asm" && instructions(part) == instructions(now) {
				return part // registers may differ between libLLVM's patch releases
			}
			return now
		})
		if text == old {
			continue
		}
		if !*update {
			t.Errorf("%s is stale: go test ./tests/docs -run Golden -update rewrites it\n%s", page, firstDifference(old, text))
			continue
		}
		if err := os.WriteFile(filepath.Join(root, page), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// instructions returns the names of the instructions of a listing.
func instructions(listing string) string {
	var names []string
	for _, line := range strings.Split(listing, "\n") {
		if f := strings.Fields(line); strings.HasPrefix(line, "\t") && len(f) > 0 {
			names = append(names, f[0])
		}
	}
	return strings.Join(names, " ")
}

func firstDifference(old, now string) string {
	a, b := strings.Split(old, "\n"), strings.Split(now, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is  %s\nshould be %s", i+1, a[i], b[i])
		}
	}
	return "one of them is longer"
}

// binary is dlc, built when a test first needs it.
var binary struct {
	once sync.Once
	dir  string
	err  error
}

func dlcCommand(t *testing.T) string {
	t.Helper()
	binary.once.Do(func() {
		if binary.dir, binary.err = os.MkdirTemp("", "dlc-docs"); binary.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-o", binary.dir, root+"/cmd/dlc").CombinedOutput()
		if err != nil {
			binary.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	return filepath.Join(binary.dir, "dlc")
}

func TestMain(m *testing.M) {
	code := m.Run()
	if binary.dir != "" {
		os.RemoveAll(binary.dir)
	}
	os.Exit(code)
}
