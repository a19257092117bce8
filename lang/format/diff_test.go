package format

import (
	"math/rand"
	"strings"
	"testing"
)

func TestDiffShowsWhatChanges(t *testing.T) {
	before := "edition 2026\n\n\n\nfn f(x: f32[N]) -> f32[N] {\n   x*2\n}\n"
	after, err := Source("a.dlc", []byte(before))
	if err != nil {
		t.Fatal(err)
	}
	const want = "--- a.dlc\n+++ a.dlc, formatted\n@@ -1,7 +1,5 @@\n edition 2026\n \n-\n-\n fn f(x: f32[N]) -> f32[N] {\n-   x*2\n+  x * 2\n }\n"
	if got := Diff("a.dlc", []byte(before), after); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if Diff("a.dlc", after, after) != "" {
		t.Error("equal texts differ")
	}
	if got := Diff("a", []byte("x"), []byte("x\n")); !strings.HasSuffix(got, "@@ -1,1 +1,1 @@\n-x\n\\ No newline at end of file\n+x\n") {
		t.Errorf("got %q", got)
	}
}

// TestDiffApplies takes random texts: the kept and added lines are the text after, the kept and
// taken ones the text before, and no shorter list of edits does it.
func TestDiffApplies(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	for range 500 {
		a, b := make([]string, rng.Intn(30)), make([]string, rng.Intn(30))
		for _, list := range [][]string{a, b} {
			for i := range list {
				list[i] = string(rune('a'+rng.Intn(4))) + "\n"
			}
		}
		var before, after string
		changes := 0
		for _, e := range compare(a, b) {
			if e.kind != '+' {
				before += e.text
			}
			if e.kind != '-' {
				after += e.text
			}
			if e.kind != ' ' {
				changes++
			}
		}
		if before != strings.Join(a, "") || after != strings.Join(b, "") {
			t.Fatalf("%q to %q: gives %q and %q", a, b, before, after)
		}
		if want := len(a) + len(b) - 2*common(a, b); changes != want {
			t.Fatalf("%q to %q: %d changes, want %d", a, b, changes, want)
		}
	}
}

// common is the length of the longest common subsequence, by the textbook table.
func common(a, b []string) int {
	table := make([][]int, len(a)+1)
	for i := range table {
		table[i] = make([]int, len(b)+1)
		for j := range table[i] {
			switch {
			case i == 0 || j == 0:
			case a[i-1] == b[j-1]:
				table[i][j] = table[i-1][j-1] + 1
			default:
				table[i][j] = max(table[i-1][j], table[i][j-1])
			}
		}
	}
	return table[len(a)][len(b)]
}
