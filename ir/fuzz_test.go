package ir_test

import (
	"math/rand"
	"testing"

	"dlc/ir"
	"dlc/ir/sample"
)

// seeds are modules of one function: a case of each sample.
func seeds(t testing.TB) (texts []string) {
	t.Helper()
	for _, r := range sample.Rows() {
		for _, c := range r.Cases(r.DTypes[0]) {
			f, err := c.Func("f")
			if err != nil {
				t.Fatal(err)
			}
			if text := ir.Print(&ir.Module{Name: "m", Funcs: []*ir.Func{f}}); len(text) < 4096 {
				texts = append(texts, text)
			}
		}
	}
	return texts
}

// FuzzParse reads graph text: an error or a module, and one that verifies is printed and read
// back to itself.
func FuzzParse(f *testing.F) {
	f.Add(ir.Verified)
	for _, text := range seeds(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ir.Parse(text)
		if err != nil || ir.Verify(m) != nil {
			return
		}
		printed := ir.Print(m)
		back, err := ir.Parse(printed)
		if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		if again := ir.Print(back); again != printed {
			t.Fatalf("printed\n%s\nread back as\n%s", printed, again)
		}
	})
}

// TestParseSurvivesDamage reads texts with bytes changed, cut and doubled: an error or a module,
// never a panic.
func TestParseSurvivesDamage(t *testing.T) {
	r := rand.New(rand.NewSource(5))
	all := seeds(t)
	for range 3000 {
		text := []byte(all[r.Intn(len(all))])
		for range 1 + r.Intn(3) {
			i, j := r.Intn(len(text)), r.Intn(len(text))
			switch r.Intn(3) {
			case 0:
				text[i] = " {}[](),=:%-0129aNf\n\""[r.Intn(20)]
			case 1:
				text = append(text[:min(i, j)], text[max(i, j):]...)
			case 2:
				text = append(append(append([]byte{}, text[:i]...), text[min(i, j):i]...), text[i:]...)
			}
			if len(text) == 0 {
				break
			}
		}
		if m, err := ir.Parse(string(text)); err == nil {
			ir.Verify(m)
		}
	}
}
