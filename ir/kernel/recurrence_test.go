package kernel

import (
	"strings"
	"testing"

	"dlc/ir/tensor"
)

const recurrent = `program sums
buffer x: input f32[N, T]
buffer y: output f32[N, T]
buffer z: output f32[T, N]
kernel forward(x: f32[N, T]) -> (y: f32[N, T])
  scan t:T {
    d[n:N, t:T] = 2.0 * x[n, t]
    y[n:N, t:T] = d[n, t] + guard(0 <= t - 1 < T: y[n, t - 1])
  }

kernel back(x: f32[N, T], y: f32[N, T]) -> (z: f32[T, N])
  scan t:T reversed {
    s[t:T, n:N] = sum k:3 chain when 0 <= t + 1 < T; z[t + 1, n] * f32({k})
    z[t:T, n:N] = s[t, n] + x[n, t]
  }
`

// A prefix sum, and a recurrence from the end, as written by hand.
func TestScan(t *testing.T) {
	p, err := Parse(recurrent)
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(p); err != nil {
		t.Fatal(err)
	}
	for _, turns := range []int{0, 1, 5} {
		x := tensor.New(tensor.F32, 2, turns)
		for i := range x.Len() {
			x.SetFloat(i, float64(i%3)+0.5)
		}
		buffers := map[string]*tensor.Tensor{"x": x}
		if err := Interp(p, map[string]int64{"N": 2, "T": int64(turns)}, buffers); err != nil {
			t.Fatal(err)
		}
		for n := range 2 {
			sum, last := 0.0, 0.0
			for i := range turns {
				sum += 2 * x.Float(n*turns+i)
				if got := buffers["y"].Float(n*turns + i); got != sum {
					t.Errorf("y[%d, %d] is %v, not %v", n, i, got, sum)
				}
			}
			for i := turns - 1; i >= 0; i-- {
				last = 3*last + x.Float(n*turns+i)
				if got := buffers["z"].Float(2*i + n); got != last {
					t.Errorf("z[%d, %d] is %v, not %v", i, n, got, last)
				}
			}
		}
	}
	unguarded := strings.Replace(recurrent, "guard(0 <= t - 1 < T: y[n, t - 1])", "y[n, t - 1]", 1)
	p, _ = Parse(unguarded)
	x := tensor.New(tensor.F32, 2, 3)
	err = Interp(p, map[string]int64{"N": 2, "T": 3}, map[string]*tensor.Tensor{"x": x})
	if !broken.By(err, "is -1, outside 0..3") {
		t.Errorf("a first turn that reads the one before: %v", err)
	}
}

func TestScanText(t *testing.T) {
	p, err := Parse(recurrent)
	if err != nil {
		t.Fatal(err)
	}
	q, err := Parse(p.String())
	if err != nil || q.String() != p.String() {
		t.Errorf("%v\n%s", err, p)
	}
	if !strings.Contains(p.String(), "  scan t:T reversed {\n    s[t:T, n:N] = ") {
		t.Errorf("printed\n%s", p)
	}
	if r := RenameAxes(p.Kernels[0].Defs[1], map[string]string{"t": "u"}); r.Scan.Axis != "u" || !r.OtherTurn(Loads(r.Expr)[1]) {
		t.Errorf("renamed: %s along %s", r, r.Scan.Axis)
	}
}

func TestScanRefuses(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"y[n, t - 1]", "y[n, t - 2]", "neither at this turn nor at the one before"},
		{"y[n, t - 1]", "y[n, t + 1]", "neither at this turn nor at the one before"},
		{"y[n, t - 1]", "y[n, @x[n, t]]", "an index of y is f32|neither at this turn"},
		{"y[n, t - 1]", "y[n, t]", "y is not defined above"},
		{"y[n, t - 1]", "y[t - 1]", "y is not defined above"},
		{"z[t + 1, n] *", "z[t - 1, n] *", "neither at this turn"},
		{"y[n, t - 1]", "d[n, t - 1]", "d is read at another turn, and is no output"},
		{"    d[n:N, t:T] =", "    d[n:N, u:T] =", "d stands in a scan of t:T, and has no such axis"},
		{"    d[n:N, t:T] =", "    d[n:N, t:N] =", "d stands in a scan of t:T, and has no such axis"},
		{"  }\n\nkernel back", "\nkernel back", "the scan of t in kernel forward has no }"},
		{"    d[n:N", "    scan t:T {\n    d[n:N", "a scan stands in a scan"},
		{"scan t:T {", "scan t:T", "{ expected at the end"},
		{"scan t:T {", "scan t:T* {", "dim"},
		{"scan t:T {", "scan :T {", "a name expected"},
	} {
		if !strings.Contains(recurrent, c.from) {
			t.Fatalf("%q is not in the text", c.from)
		}
		p, err := Parse(strings.Replace(recurrent, c.from, c.to, 1))
		if err == nil {
			err = Verify(p)
		}
		found := false
		for _, want := range strings.Split(c.want, "|") {
			found = broken.By(err, want) || found
		}
		if !found {
			t.Errorf("%q for %q: %v, not %q", c.to, c.from, err, c.want)
		}
	}
	p, _ := Parse(recurrent)
	p.Kernels[0].Defs[0].Scan = &Scan{Axis: "q"}
	if err := Verify(p); !broken.By(err, "which is no axis of that extent") {
		t.Error(err)
	}
	p, _ = Parse(recurrent)
	p.Kernels[1].Defs[0].Reduce.At = []Match{{"n", I(tensor.I64, 1)}}
	if err := Verify(p); !broken.By(err, "a scatter stands in a scan") {
		t.Error(err)
	}
	p, _ = Parse(recurrent)
	for _, l := range p.Kernels[0].Defs[1].Loads() {
		if l.Name == "y" {
			l.At = append(l.At, At("n"))
		}
	}
	if err := Verify(p); !broken.By(err, "and is loaded otherwise") {
		t.Error(err)
	}
}
