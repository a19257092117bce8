package tensor

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestDimNormalForm(t *testing.T) {
	cases := []struct{ in, want string }{
		{"N*2 + 3 - N", "N + 3"},
		{"(N*448 + f) div 448", "(f div 448) + N"},
		{"(f div 64) div 7", "f div 448"},
		{"(x div 2 + 3) div 4", "(x + 6) div 8"},
		{"448*(f div 448) + 64*((f div 64) % 7) + f % 64", "f"},
		{"2*(H + 3) div 2", "H + 3"},
		{"0*N", "0"},
		{"-N + 2", "-N + 2"},
		{"(H + 2*1 - 3) div 2 + 1", "(H + 1) div 2"},
		{"7 % 4 - 8 div 3", "1"},
		{"(-N) div 4", "(-N) div 4"},
	}
	for _, c := range cases {
		d, err := ParseDim(c.in)
		if err != nil || d.String() != c.want {
			t.Errorf("%s = %s (%v), want %s", c.in, d, err, c.want)
		}
		if e, err := ParseDim(d.String()); err != nil || !e.Equal(d) {
			t.Errorf("%s does not survive printing: %s (%v)", c.in, e, err)
		}
	}
}

func TestDimWithin(t *testing.T) {
	r := map[string]Range{"i": {0, 6, false, false}, "l": {0, 7, false, false}, "w": {0, 12, false, false}}
	cases := []struct{ in, want string }{
		{"(N*7 + i) div 7", "N"},
		{"(16*c + 8 + l) div 16", "c"},
		{"(8*h + l) div 16", "h div 2"},
		{"(16*c + 8 + l) % 16", "l + 8"},
		{"(2*w + 1) div 2", "w"},
	}
	for _, c := range cases {
		d, _ := ParseDim(c.in)
		if got := d.Within(r).String(); got != c.want {
			t.Errorf("%s within = %s, want %s", c.in, got, c.want)
		}
	}
}

// TestParseDimIsBounded reads texts whose normal form is exponential in them, or whose numbers
// leave 64 bits: each is refused quickly, and small ones beside them are not.
func TestParseDimIsBounded(t *testing.T) {
	power := func(e string, n int) string { return strings.TrimSuffix(strings.Repeat(e+"*", n), "*") }
	names := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a%d + ", i)
		}
		return b.String() + "1"
	}
	nested := "x"
	for range 200 {
		nested = "((" + nested + " + y) div 3)"
	}
	for name, text := range map[string]string{
		"power of a sum":       power("(a + b + c + d + e + f + g)", 14),
		"product of sums":      "(" + names(500) + ")*(" + strings.ReplaceAll(names(500), "a", "b") + ")",
		"degree":               power("N", 17),
		"degree in a quotient": power("(("+power("N", 9)+" + 1) div 2)", 2),
		"long":                 names(5000),
		"coefficient":          "4000000000*N*4000000000",
		"number":               "9223372036854775807",
		"keys of quotients":    power("("+nested+" + z + w + v)", 16),
		"brackets":             strings.Repeat("(", 300) + "x" + strings.Repeat(")", 300),
	} {
		begun := time.Now()
		if _, err := ParseDim(text); err == nil || len(err.Error()) > 200 {
			t.Errorf("%s: %.300v", name, err)
		}
		if d := time.Since(begun); d > 200*time.Millisecond {
			t.Errorf("%s took %v", name, d)
		}
	}
	for _, text := range []string{"(x div 4611686018427387904) div 4", "(x div 4000000000 + 4000000000) div 4000000000", names(500), power("(a + b + c)", 5), power("N", 16)} {
		if d, err := ParseDim(text); err != nil {
			t.Error(err)
		} else if again, err := ParseDim(d.String()); err != nil || !again.Equal(d) {
			t.Errorf("%s does not survive printing: %v", d, err)
		}
	}
}

func FuzzParseDim(f *testing.F) {
	for _, text := range []string{"N*T*512", "(H + 2*P - 3) div 2 + 1", "448*(f div 448) + 64*((f div 64) % 7) + f % 64", "(a + b)*(a - b)*(c + 1)", "-x % 3"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDim(text)
		if err != nil {
			return
		}
		if again, err := ParseDim(d.String()); err == nil && !again.Equal(d) {
			t.Errorf("%q is %s, which reads as %s", text, d, again)
		}
		d.Eval(map[string]int64{"N": 3, "a": -1, "x": 7})
	})
}
