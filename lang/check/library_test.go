package check

import (
	"strings"
	"testing"
	"testing/fstest"

	"dlc/lang/syntax"
)

const library = `edition 2026

/// One.
/// Two lines.
fn one(x: float[N]) -> float[N] { two(x) }
/// Two, without a blank line before.
fn two(x: float[N]) -> float[N] {
  y = x

  y
}

// A remark.
layer Three(k: int,
            fn_of: fn = one)
           (x: float[N]) -> float[N] { x |> four }

fn four(x: float[N]) -> float[N] { x }
fn five(x: float[N]) -> float[N] { x }
`

// TestLibraryByNeed parses what words reach and nothing else, with every span in its place.
func TestLibraryByNeed(t *testing.T) {
	lib := fstest.MapFS{"a.dlc": {Data: []byte(library)}}
	for words, want := range map[string]string{"": "", "five": "five", "one": "one two", "Three": "one two Three four", "two four": "two four"} {
		set := map[string]bool{}
		for _, w := range strings.Fields(words) {
			set[w] = true
		}
		files, names := libraryFiles(lib, set)
		if got := strings.Join(names, " "); got != "one two Three four five" {
			t.Fatalf("the library has %s", got)
		}
		var got []string
		for _, d := range files[0].Decls {
			if def, ok := d.(*syntax.Definition); ok {
				got = append(got, def.Name())
				n := def.Path[0].Span()
				if library[n.Start:n.End] != def.Name() {
					t.Errorf("%s stands at %v", def.Name(), n)
				}
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q needs %q, want %q", words, s, want)
		}
	}
}
