package build_test

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"

	"dlc/ir"

	"golang.org/x/tools/txtar"
)

var token = regexp.MustCompile(`[A-Za-z_][A-Za-z_0-9]*|[0-9][0-9_.]*|"[^"\n]*"|\|>|<-|->|\.\.\.|\.\.|\*\*|[<>=!]=|\n|[^ ]`)

// sources returns every program of the goldens and the examples.
func sources(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"../../tests/golden/errors/*.txtar", "../../examples/*/*.dlc"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, p := range paths {
			text, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(p, ".txtar") {
				text = txtar.Parse(text).Files[0].Data
			}
			out = append(out, string(text))
		}
	}
	return out
}

// mutant drops, doubles, swaps or replaces a few tokens; replacements come from any program.
func mutant(r *rand.Rand, src string, words []string) string {
	at := token.FindAllStringIndex(src, -1)
	for range 1 + r.Intn(3) {
		i, j := r.Intn(len(at)), r.Intn(len(at))
		a := src[at[i][0]:at[i][1]]
		switch r.Intn(4) {
		case 0:
			a = ""
		case 1:
			a += " " + a
		case 2:
			a = src[at[j][0]:at[j][1]]
		case 3:
			a = words[r.Intn(len(words))]
		}
		src = src[:at[i][0]] + a + src[at[i][1]:]
		at = token.FindAllStringIndex(src, -1)
	}
	return src
}

// TestMutants: whatever the source, the compiler ends with diagnostics or a module that verifies.
func TestMutants(t *testing.T) {
	all := sources(t)
	var words []string
	for _, s := range all {
		words = append(words, token.FindAllString(s, -1)...)
	}
	r := rand.New(rand.NewSource(3))
	for range mutants {
		src := mutant(r, all[r.Intn(len(all))], words)
		if why := survives(src); why != "" {
			t.Fatalf("%s\n%s", why, src)
		}
	}
}

// mutants is how many sources TestMutants makes.
const mutants = 300

func survives(src string) (why string) {
	defer func() {
		if p := recover(); p != nil {
			why = fmt.Sprintf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	m, _, diags := compile("m.dlc", src, nil)
	if m == nil && len(diags) == 0 {
		return "no module and no diagnostic"
	}
	if m != nil {
		if err := ir.Verify(m); err != nil {
			return err.Error()
		}
	}
	return ""
}
