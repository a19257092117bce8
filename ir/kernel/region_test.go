package kernel

import (
	"strings"
	"testing"

	"dlc/ir/tensor"
)

// regions counts to the limit by twos, and takes a branch for even rests, another for odd ones.
const regions = `program regions
buffer limit: input i64[]
buffer x: input f32[N]
buffer zero: const i64[] = {0}
buffer go0: temp bool[]
buffer i: temp i64[]
buffer go: temp bool[]
buffer sum: temp f32[N]
buffer i1: temp i64[]
buffer go1: temp bool[]
buffer sum1: temp f32[N]
buffer zeros: temp f32[N]
buffer odd: temp bool[]
buffer a: temp f32[N]
buffer b: temp f32[N]
buffer r: temp f32[N]
buffer c: temp f32[N]
buffer y: output f32[N]
buffer turns: output i64[]

kernel first(zero: i64[], limit: i64[]) -> (go0: bool[], zeros: f32[N])
  go0[] = zero[] < limit[]
  zeros[n:N] = 0.0

while go enter i = zero, go = go0, sum = zeros leave i = i1, go = go1, sum = sum1 {

  kernel turn(i: i64[], limit: i64[], sum: f32[N], x: f32[N]) -> (i1: i64[], go1: bool[], sum1: f32[N])
    i1[] = i[] + 2'i64
    go1[] = i1[] < limit[]
    sum1[n:N] = sum[n] + x[n]

}

kernel rest(i: i64[], limit: i64[]) -> (odd: bool[])
  odd[] = i[] == limit[]

if odd leave r = a {

  kernel even(sum: f32[N]) -> (a: f32[N])
    a[n:N] = neg(sum[n])

}

if not odd leave r = b {

  kernel odd(sum: f32[N]) -> (b: f32[N])
    b[n:N] = sum[n] * 0.5

}

if odd enter y = r leave y = c {

  kernel again(r: f32[N]) -> (c: f32[N])
    c[n:N] = r[n] - 1.0

}

kernel last(i: i64[]) -> (turns: i64[])
  turns[] = i[]
`

func TestRegionsRun(t *testing.T) {
	p, err := Parse(regions)
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(p); err != nil {
		t.Fatal(err)
	}
	if p.String() != regions {
		t.Errorf("printed\n%s", p)
	}
	for _, c := range []struct{ limit, turns, y float64 }{{0, 0, -1}, {-3, 0, 0}, {4, 4, -7}, {5, 6, 4.5}} {
		limit, x := tensor.New(tensor.I64), tensor.New(tensor.F32, 1)
		limit.SetInt(0, int64(c.limit))
		x.SetFloat(0, 3)
		buffers := map[string]*tensor.Tensor{"limit": limit, "x": x}
		if err := Interp(p, map[string]int64{"N": 1}, buffers); err != nil {
			t.Fatal(err)
		}
		if turns, y := buffers["turns"].Int(0), buffers["y"].Float(0); float64(turns) != c.turns || y != c.y {
			t.Errorf("limit %v: %d turns, y is %v; want %v and %v", c.limit, turns, y, c.turns, c.y)
		}
	}
}

func TestRegionsAreVerified(t *testing.T) {
	edit := func(from, to string) func() string {
		return func() string {
			if !strings.Contains(regions, from) {
				t.Fatalf("no %q", from)
			}
			return strings.Replace(regions, from, to, 1)
		}
	}
	for _, c := range []struct {
		want string
		text func() string
	}{
		{"reads sum1, which nothing has written", edit("even(sum: f32[N]) -> (a: f32[N])\n    a[n:N] = neg(sum[n])", "even(sum1: f32[N]) -> (a: f32[N])\n    a[n:N] = neg(sum1[n])")},
		{"reads r, which nothing has written", edit("kernel odd(sum: f32[N]) -> (b: f32[N])\n    b[n:N] = sum", "kernel odd(r: f32[N]) -> (b: f32[N])\n    b[n:N] = r")},
		{"writes sum again", edit("-> (a: f32[N])\n    a[", "-> (sum: f32[N])\n    sum[")},
		{"writes the output c in a region", edit("buffer c: temp", "buffer c: output")},
		{"r has no value where its branch is not taken", edit("if odd leave r = a {\n\n  kernel even(sum: f32[N]) -> (a: f32[N])\n    a[n:N] = neg(sum[n])\n\n}\n\nif not odd leave r = b {\n\n  kernel odd(sum: f32[N]) -> (b: f32[N])\n    b[n:N] = sum[n] * 0.5\n\n}",
			"if odd leave r = a {\n\n  kernel even(sum: f32[N]) -> (a: f32[N])\n    a[n:N] = neg(sum[n])\n\n  if not odd leave r = b {\n\n    kernel odd(sum: f32[N]) -> (b: f32[N])\n      b[n:N] = sum[n] * 0.5\n\n  }\n\n}")},
		{"not both branches of odd copy to the same", edit("if not odd leave r = b", "if not odd")},
		{"r has no value", edit("if not odd leave r = b", "if not go leave r = b")},
		{"it copies to sum, which has a writer", edit("if odd enter y = r leave y = c", "if odd enter sum = r leave sum = c")},
		{"y is copied to when it begins, and not when it ends", edit("enter y = r leave y = c", "enter y = r")},
		{"its condition is no bool of rank 0", edit("if odd enter", "if turns enter")},
		{"nothing has written its condition", edit("if odd enter", "if go1 enter")},
		{"no turn changes the loop's condition", edit("while go enter i = zero, go = go0, sum = zeros leave i = i1, go = go1", "while go0 enter i = zero, sum = zeros leave i = i1")},
		{"it copies from zeros when it ends, which it has not made", edit("sum = sum1", "sum = zeros")},
		{"c is copied to when it ends, and not when it begins", edit("sum = sum1 {", "sum = sum1, c = sum1 {")},
		{"is copied to in one branch of odd alone", edit("leave r = b", "leave y = b")},
		{"which has another writer", edit("if odd leave r = a", "if odd leave sum = a")},
		{"is no buffer", edit("leave y = c", "leave y = d")},
		{"it copies to the input x", edit("leave r = a", "leave x = a")},
		{"which has another type or layout", edit("enter i = zero", "enter i = go0")},
		{"it copies from sum1, which nothing has written", edit("enter y = r", "enter y = sum1")},
		{"it copies from y, which it copies to", edit("leave y = c", "leave y = y")},
		{"it copies from a, which nothing has written", edit("leave y = c", "leave y = a")},
		{"it copies to y twice", edit("leave y = c", "leave y = c, y = c")},
	} {
		p, err := Parse(c.text())
		if err != nil {
			t.Fatalf("%s: %v", c.want, err)
		}
		if err := Verify(p); !broken.By(err, c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
	p, err := Parse(regions)
	if err != nil {
		t.Fatal(err)
	}
	loop := p.Kernels[1].In
	p.Kernels = append(p.Kernels, &Kernel{Name: "apart", In: loop})
	if err := Verify(p); !broken.By(err, "stands twice") {
		t.Errorf("a region in two parts: %v", err)
	}
	loop.Parent = loop
	if err := Verify(p); !broken.By(err, "more than 64 regions") {
		t.Errorf("a region in itself: %v", err)
	}
}
