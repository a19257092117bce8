package kernel

import (
	"math/rand"
	"strings"
	"testing"

	"dlc/ir/tensor"
)

func TestParsePrintIsIdentity(t *testing.T) {
	for seed := range int64(1000) {
		p := (&generator{Rand: rand.New(rand.NewSource(seed))}).program()
		if err := Verify(p); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p)
		}
		text := p.String()
		q, err := Parse(text)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		if again := q.String(); again != text {
			t.Fatalf("seed %d: printed\n%s\nread back as\n%s", seed, text, again)
		}
		if err := Verify(q); err != nil {
			t.Fatalf("seed %d: read back: %v", seed, err)
		}
		k, err := ParseKernel(p.Kernels[0].String())
		if err != nil || k.String() != p.Kernels[0].String() {
			t.Fatalf("seed %d: kernel %v\n%s", seed, err, p.Kernels[0])
		}
		if Canonical(k) != Canonical(q.Kernels[0]) {
			t.Fatalf("seed %d: canonical texts differ", seed)
		}
	}
}

const example = `program demo
buffer x: input f32[N, 28, 28, 1]
buffer w: weight f32[3, 3, 1, 8] layout panel [$3 div 16, $0, $1, $2, $3 - 16*($3 div 16)] in [1, 3, 3, 1, 16]
buffer ids: input i32[N]
buffer y: output f32[N, 28, 28, 8]
buffer z: output f32[N]
buffer w.new: update f32[3, 3, 1, 8] of w

kernel conv(x: f32[N, 28, 28, 1], w: f32[3, 3, 1, 8]) -> (y: f32[N, 28, 28, 8])  // lenet.dlc:7:3@100-140, stdlib/layers.dlc:12:5@9-10
  a[n:N, h:28, v:28, o:8] = sum (r:3, s:3, c:1) chain when 0 <= h + r - 1 < 28, 0 <= s + v - 1 < 28; x[n, h + r - 1, s + v - 1, c] * w[r, s, c, o]
  y[n:N, h:28, v:28, o:8] = max(a[n, h, v, o], 0.0)  // lenet.dlc:8:1@150-160

kernel pick(y: f32[N, 28, 28, 8], ids: i32[N]) -> (z: f32[N])
  s[n:N] = sum j:28 lanes64; y[n, j, 0, @ids[n]] * 2.0
  z[n:N] = %0 = s[n] + f32({n}); select(%0 < 0.0, -1.0, guard(0 <= n - 1 < N: exp(%0 - 1.0) / %0))

kernel step(w: f32[3, 3, 1, 8]) -> (w.new: f32[3, 3, 1, 8])
  w.new[a:3, b:3, c:1, d:8] = w[a, b, c, d] - 0.1 * (w[a, b, c, d] - f32(random(0xfeed: 7'u64, 1'i64, {a}, {b})) / 4e+09)
`

func TestExampleText(t *testing.T) {
	p, err := Parse(example)
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(p); err != nil {
		t.Error(err)
	}
	if p.String() != example {
		t.Errorf("printed\n%s", p)
	}
	if p.Kernels[0].Defs[1].Span.Line != 8 || p.Kernels[0].Ins[0] != p.Buffers[0] {
		t.Error("spans or buffers are lost")
	}
}

func TestParseRefuses(t *testing.T) {
	head := "program p\nbuffer x: input f32[N]\nbuffer y: output f32[N]\nkernel k(x: f32[N]) -> (y: f32[N])\n  y[i:N] = "
	cases := []struct{ body, want string }{
		{"x[i] +", "a name expected"}, {"x[i] + 1'i32", "types f32 and i32"}, {"z[i]", "nothing is named z"}, {"wibble(x[i])", "unknown function wibble"},
		{"sum k:3 sideways; x[i]", "dim"}, {"sum (k:3) sideways; x[i]", "unknown order"}, {"x[i] < x[i] < x[i]", "unexpected"}, {"%0 + x[i]", "%0 is not defined"},
		{"300'u8", "no value of type u8"}, {"1'bool", "true or false"}, {strings.Repeat("(", 2000) + "x[i]", "brackets deep"}, {"x[i] extra", "unexpected"},
		{"x[i, ]", "dim"}, {"bitcast.i64(x[i])", "bitcast from f32 to i64"}, {"%0 = x[i]; %0 = x[i]; %0", "defined twice"}, {"x", "[ or ( expected"},
	}
	for _, c := range cases {
		if _, err := Parse(head + c.body); !broken.By(err, c.want) {
			t.Errorf("%s: %v, want %q", clip(c.body), err, c.want)
		}
	}
	heads := []struct{ text, want string }{
		{"wibble", "program, buffer or kernel expected"}, {"program p\nbuffer x: owner f32[N]", "unknown role"}, {"program p\nbuffer x: input f33[N]", "dtype expected"},
		{"program p\nkernel k(x: f32[]) -> ()", "no buffer is named x"}, {"program p\nbuffer x: input f32[]\nkernel k(x: f32[2]) -> ()", "not f32[2]"},
		{"program p\nbuffer c: const f32[2] = {1.0}", "1 values"}, {"program p\nbuffer c: const f32[99999999999] = {1.0}", "1 values"},
	}
	for _, c := range heads {
		if _, err := Parse(c.text); !broken.By(err, c.want) {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestCanonicalForgetsNames(t *testing.T) {
	texts := []string{
		"kernel a(x: input f32[N, 4], w: weight f32[4]) -> (y: output f32[N])  // m.dlc:1:1@0-1\n  t[n:N] = sum k:4 chain; x[n, k] * w[k]\n  y[n:N] = tanh(t[n])",
		"kernel b(p: temp f32[B, 4], q: input f32[4]) -> (r: temp f32[B])\n  acc[row:B] = sum z:4 chain; p[row, z] * q[z]\n  r[m:B] = tanh(acc[m])",
	}
	other := "kernel b(p: temp f32[B, 4], q: input f32[4]) -> (r: temp f32[B])\n  acc[row:B] = sum z:4 lanes64; p[row, z] * q[z]\n  r[m:B] = tanh(acc[m])"
	ks := make([]*Kernel, 3)
	for i, s := range append(texts, other) {
		k, err := ParseKernel(s)
		if err != nil {
			t.Fatal(err)
		}
		ks[i] = k
	}
	if Canonical(ks[0]) != Canonical(ks[1]) || Hash(ks[0]) != Hash(ks[1]) {
		t.Errorf("%s\n%s", Canonical(ks[0]), Canonical(ks[1]))
	}
	if Canonical(ks[1]) == Canonical(ks[2]) {
		t.Error("another order is not seen")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(example)
	f.Add(recurrent)
	for seed := range int64(8) {
		f.Add((&generator{Rand: rand.New(rand.NewSource(seed))}).program().String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil || Verify(p) != nil {
			return
		}
		q, err := Parse(p.String())
		if err != nil {
			t.Fatalf("%v\n%s", err, p)
		}
		if q.String() != p.String() {
			t.Fatalf("printed\n%s\nread back as\n%s", p, q)
		}
	})
}

func TestParseExpr(t *testing.T) {
	e, err := ParseExpr("a[i] * (b[i] + 2.0) - -1.5", map[string]tensor.DType{"a": tensor.F32, "b": tensor.F32})
	if err != nil {
		t.Fatal(err)
	}
	if s := exprText(e); s != "a[i] * (b[i] + 2.0) - -1.5" {
		t.Error(s)
	}
}
