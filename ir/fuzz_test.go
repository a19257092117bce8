package ir

import "testing"

// FuzzParse reads graph text: an error or a module, and one that verifies is printed and read
// back to itself.
func FuzzParse(f *testing.F) {
	f.Add(verified)
	for _, s := range samples() {
		f.Add(Print(&Module{Name: "m", Funcs: []*Func{s.function(f)}}))
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse(text)
		if err != nil || Verify(m) != nil {
			return
		}
		printed := Print(m)
		back, err := Parse(printed)
		if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		if again := Print(back); again != printed {
			t.Fatalf("printed\n%s\nread back as\n%s", printed, again)
		}
	})
}
