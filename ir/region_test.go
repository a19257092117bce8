package ir

import (
	"strings"
	"testing"

	"dlc/ir/tensor"
)

const nested = `module m
func f
  %0 = input x : f32[N, 3]
  %1 = input w : f32[3]
  %2 = map {size=N, mapped=1} %0, %1 : f32[N, 3]  // m.dlc:2:3
    region body
      %0 = input x : f32[3]
      %1 = input w : f32[3]
      %2, %3 = scan {length=3, carries=1, sequences=1} %1, %0 : f32[3], f32[3, 3]
        region body
          %0 = input h : f32[3]
          %1 = input x : f32[]
          %2 = broadcast {shape=[3], axes=[]} %1 : f32[3]
          %3 = binary {fn=mul} %0, %2 : f32[3]
          result h = %3
          result y = %0
        end
      result y = %2
    end
  result y = %2
end
`

func TestRegionsHaveText(t *testing.T) {
	m, err := Parse(nested)
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(m); err != nil {
		t.Fatal(err)
	}
	if Print(m) != nested {
		t.Errorf("printed\n%s", Print(m))
	}
	funcs := 0
	EachFunc(m, func(f *Func) { funcs++ })
	if funcs != 3 {
		t.Errorf("%d functions", funcs)
	}
	c := m.Funcs[0].Copy()
	Regions(c.Nodes[0].Op)[0].Nodes[0].Op = Full{}
	if Print(m) != nested {
		t.Error("a copy shares its regions")
	}
}

func TestRegionsAreRefused(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"region body", "region boody", "region body of map expected"},
		{"    region body\n      %0 = input x : f32[3]", "    %0 = input x : f32[3]", "region body of map expected"},
		{"carries=1, sequences=1", "carries=2, sequences=1", "takes 2 carries and 1 sequences, got 2 operands"},
		{"size=N", "size=T", "of which axis 0 has not T elements"},
		{"%2, %3 = scan {length=3", "%2, %3 = scan {length=-3", "takes -3 turns"},
		{"          result h = %3\n          result y = %0\n", "", "at least 1 results"},
		{"          result h = %3\n", "          result h = %1\n", "carry 0 begins as f32[3] and goes on as f32[]"},
		{"%1 = input w : f32[3]\n      %2, %3", "%1 = input w : f32[]\n      %2, %3", "gives the body f32[], which takes f32[3]"},
		{"  result y = %2\nend\n", "", "has no end"},
	} {
		if _, err := Parse(strings.Replace(nested, c.old, c.new, 1)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: got %v, want %q", c.new, c.old, err, c.want)
		}
	}
	deep := strings.Repeat("%0 = map {size=2, mapped=0} : f32[2]\nregion body\n", 40)
	if _, err := Parse("module m\nfunc f\n" + deep); err == nil || !strings.Contains(err.Error(), "more than 32 regions") {
		t.Errorf("deep: %v", err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"%0 = input h : f32[3]", "%0 = weight h : f32[3]", "a region reads no weight"},
		{"          result y = %0\n", "          update y = %0\n", "update y stands in a region"},
		{"%2 = broadcast", "%1 = broadcast", ""},
	} {
		m, err := Parse(strings.Replace(nested, c.old, c.new, 1))
		if c.want == "" {
			if err == nil {
				t.Errorf("%s is taken", c.new)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := Verify(m); !broken.By(err, c.want) {
			t.Errorf("%s for %s: got %v, want %q", c.new, c.old, err, c.want)
		}
	}
}

// TestScanRunsTurnByTurn compares with the powers that the text says: h after k turns is w times
// the first k elements of a row.
func TestScanRunsTurnByTurn(t *testing.T) {
	m, err := Parse(nested)
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]*tensor.Tensor{"x": tensor.FromFloats(tensor.F32, []float64{1, 2, 3, 4, 5, 6}, 2, 3), "w": tensor.FromFloats(tensor.F32, []float64{1, 10, 0}, 3)}
	for _, options := range [][]EvalOption{nil, {Wide}} {
		out, _, err := Eval(m.Funcs[0], in, nil, options...)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []float64{6, 60, 0, 120, 1200, 0} {
			if got := out["y"].Float(i); got != want {
				t.Errorf("y[%d] is %g, not %g", i, got, want)
			}
		}
	}
}
