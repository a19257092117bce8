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
	return []string{"README.md", "ARCHITECTURE.md", "docs/language.md", "docs/cli.md"}
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

// command builds dlc once and returns its path.
var command = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "dlc-docs")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "dlc")
	out, err := exec.Command("go", "build", "-o", path, root+"/cmd/dlc").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

func dlcCommand(t *testing.T) string {
	t.Helper()
	path, err := command()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := command(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}
