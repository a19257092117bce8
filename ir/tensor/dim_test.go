package tensor

import "testing"

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
