package check

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"dlc/ir/tensor"
	"dlc/lang/syntax"
)

// shapeOf parses the dims of a declared shape.
func shapeOf(t *testing.T, dims string) *syntax.Shape {
	t.Helper()
	f, diags := syntax.Parse("s.dlc", []byte("fn f(x: float["+dims+"]) { x }\n"))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return f.Decls[0].(*syntax.Definition).Lists[0].Params[0].Type.Alts[0].Shape
}

func dims(t *testing.T, text string) tensor.Shape {
	t.Helper()
	var out tensor.Shape
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		d, err := tensor.ParseDim(part)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

func TestUnify(t *testing.T) {
	cases := []struct{ declared, actual, want string }{ // want: bindings in order, or the mistake
		{"N, D", "N, 784", "N=N D=784"},
		{"N, N", "4, 4", "N=4"},
		{"N, N", "4, 5", "error: 5, not N = 4"},
		{"B..., C", "N, 28, 28, 3", "B=[N, 28, 28] C=3"},
		{"B..., C", "7", "B=[] C=7"},
		{"B..., C", "", "error: rank 0, not at least 1"},
		{"N, S..., C", "N, 3", "N=N S=[] C=3"},
		{"N, D", "N", "error: rank 1, not 2"},
		{"_, 3", "9, 3", ""},
		{"3", "4", "error: 4, not 3"},
		{"4*u", "12", "u=3"},
		{"4*u", "14", "error: 14 cannot be 4*u for any whole u"},
		{"2*u + 1", "2*N + 7", "u=N + 3"},
		{"H, H - 1", "8, 7", "H=8"},
		{"H, H div 2", "9, 4", "H=9"},
		{"H, H - 1", "8, 8", "error: 8, not 7"},
		{"u * v", "6", "error: dims `u` and `v` are not known here"},
		{"k", "5", "error: 5, not k = 10"},
	}
	for _, c := range cases {
		s := NewScope(func(name string) (tensor.Dim, error) {
			if name == "k" {
				return tensor.Int(10), nil
			}
			return tensor.Dim{}, &Unbound{name}
		})
		_, err := s.Unify(shapeOf(t, c.declared), dims(t, c.actual), nil)
		got := []string{}
		for _, n := range s.Order {
			b := s.Bound[n]
			text := b.Dims.String()
			if b.Pack {
				text = "[" + text + "]"
			}
			got = append(got, n+"="+text)
		}
		text := strings.Join(got, " ")
		if err != nil {
			text = "error: " + err.Error()
		}
		if text != c.want {
			t.Errorf("[%s] with [%s]: %s, want %s", c.declared, c.actual, text, c.want)
		}
	}
}

// TestUnifyPack: two packs of one name are one pack.
func TestUnifyPack(t *testing.T) {
	s := NewScope(nil)
	if _, err := s.Unify(shapeOf(t, "B..., C"), dims(t, "N, 3, 10"), nil); err != nil {
		t.Fatal(err)
	}
	labels, err := s.Unify(shapeOf(t, "B..."), dims(t, "N, 3"), nil)
	if err != nil || strings.Join(labels, " ") != "B B" {
		t.Errorf("%v %v", labels, err)
	}
	if _, err := s.Unify(shapeOf(t, "B..."), dims(t, "N, 1"), nil); err == nil {
		t.Error("[N, 1] fits [N, 3]")
	}
}

// TestPromote holds the table of how element types join: its result holds every value of both.
func TestPromote(t *testing.T) {
	want := map[string]string{
		"u8 u8": "u8", "u8 i8": "i32", "u8 i32": "i32", "i8 u32": "i64", "i32 i64": "i64", "u64 u8": "u64", "u64 i64": "", "u32 i64": "i64",
		"f32 f64": "f64", "u8 f32": "f32", "i8 f32": "f32", "i32 f32": "", "i32 f64": "f64", "i64 f64": "", "bool u8": "", "bool bool": "",
	}
	for pair, text := range want {
		var a, b string
		fmt.Sscan(pair, &a, &b)
		x, _ := tensor.ParseDType(a)
		y, _ := tensor.ParseDType(b)
		for range 2 {
			got, err := Promote(x, y)
			if err != nil {
				got = tensor.Invalid
			}
			if got.String() != text && (text != "" || err == nil) {
				t.Errorf("%s with %s is %s, want %q", x, y, got, text)
			}
			x, y = y, x
		}
	}
}

// TestPromoteLosesNothing: whatever two types join to holds every value of both, in either order;
// where they do not join, no type of their kind would.
func TestPromoteLosesNothing(t *testing.T) {
	holds := func(big, small tensor.DType) bool {
		bits := map[tensor.DType]int{tensor.F32: 24, tensor.F64: 53}
		width := func(d tensor.DType) int { // of the magnitude
			if d.IsSigned() {
				return 8*d.Size() - 1
			}
			return 8 * d.Size()
		}
		switch {
		case small.IsFloat():
			return big.IsFloat() && big.Size() >= small.Size()
		case big.IsFloat():
			return width(small) <= bits[big]
		}
		return width(big) >= width(small) && (big.IsSigned() || !small.IsSigned())
	}
	for a := tensor.U8; a <= tensor.F64; a++ {
		for b := tensor.U8; b <= tensor.F64; b++ {
			got, err := Promote(a, b)
			back, errBack := Promote(b, a)
			if (err == nil) != (errBack == nil) || err == nil && got != back {
				t.Errorf("%s with %s is %s, %s with %s %s", a, b, got, b, a, back)
			}
			if err == nil && !(holds(got, a) && holds(got, b)) {
				t.Errorf("%s with %s is %s, which loses values", a, b, got)
			}
			for c := tensor.U8; c <= tensor.F64; c++ {
				if err != nil && c.IsFloat() == (a.IsFloat() || b.IsFloat()) && holds(c, a) && holds(c, b) && !(a.IsFloat() != b.IsFloat() && c != a && c != b) {
					t.Errorf("%s and %s are refused, and %s holds both", a, b, c)
				}
			}
		}
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		v    int64
		t    tensor.DType
		want bool
	}{{255, tensor.U8, true}, {256, tensor.U8, false}, {-1, tensor.U8, false}, {-128, tensor.I8, true}, {1 << 31, tensor.I32, false}, {1 << 31, tensor.U32, true}, {-1, tensor.U64, false}} {
		if Fits(c.v, c.t) != c.want {
			t.Errorf("%d in %s: %v", c.v, c.t, !c.want)
		}
	}
}

// TestCodes: codes are in order, each once, each with its meaning.
func TestCodes(t *testing.T) {
	last := ""
	for _, c := range Codes() {
		if c.Code <= last || c.Meaning == "" {
			t.Errorf("%s after %s: %q", c.Code, last, c.Meaning)
		}
		last = c.Code
	}
}

// TestScopes: names of blocks end with them, and a library body does not see the user's names.
func TestScopes(t *testing.T) {
	lib := fstest.MapFS{"a.dlc": {Data: []byte("fn double(x: float[S...]) { add(x, x) }\n")}}
	src := `edition 2026
layer L(k: int)(x: float[N, D]) -> float[N, D] {
  if k > 1 { y = x }
  for i, v in 0..k { z = double(v) }
  fn inner(a, b = k) { a + b + x }
  a = y
  b = z
  c = inner(N, D)
  d = [q * q for q in 0..k]
  x + q
}
`
	f, diags := syntax.Parse("m.dlc", []byte(src))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	_, got := Files([]*syntax.File{f}, lib, []string{"add"})
	var lines []string
	for _, d := range got {
		lines = append(lines, fmt.Sprintf("%d %s", d.Span.Line, d.Message))
	}
	want := "6 unknown name `y`; 7 unknown name `z`; 10 unknown name `q`"
	if s := strings.Join(lines, "; "); s != want {
		t.Errorf("%s, want %s", s, want)
	}
}
