package emulate

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// Comparisons of every kind and type, and what selects by them.

func TestComparisons(t *testing.T) {
	bit := func(b bool) uint64 {
		if b {
			return 1
		}
		return 0
	}
	// setp cannot stand alone in an arithmetic case: selp shows its result.
	compare := func(op, regs string, f func(a, b uint64) bool) arithmeticCase {
		return arithmeticCase{op, regs, func(a, b, _ uint64) uint64 { return bit(f(a, b)) }}
	}
	var cases []arithmeticCase
	floats := map[string]func(x, y float64) bool{
		"eq": func(x, y float64) bool { return x == y }, "ne": func(x, y float64) bool { return x < y || x > y },
		"lt": func(x, y float64) bool { return x < y }, "le": func(x, y float64) bool { return x <= y },
		"gt": func(x, y float64) bool { return x > y }, "ge": func(x, y float64) bool { return x >= y },
		"equ": func(x, y float64) bool { return !(x < y || x > y) }, "neu": func(x, y float64) bool { return x != y },
		"ltu": func(x, y float64) bool { return !(x >= y) }, "leu": func(x, y float64) bool { return !(x > y) },
		"gtu": func(x, y float64) bool { return !(x <= y) }, "geu": func(x, y float64) bool { return !(x < y) },
		"num": func(x, y float64) bool { return x == x && y == y }, "nan": func(x, y float64) bool { return x != x || y != y },
	}
	for _, name := range slices.Sorted(maps.Keys(floats)) {
		f := floats[name]
		cases = append(cases, compare("setp."+name+".f32", "rff", func(a, b uint64) bool {
			return f(float64(math.Float32frombits(uint32(a))), float64(math.Float32frombits(uint32(b))))
		}), compare("setp."+name+".f64", "rdd", func(a, b uint64) bool { return f(math.Float64frombits(a), math.Float64frombits(b)) }))
	}
	cases = append(cases,
		compare("setp.lt.s32", "rrr", func(a, b uint64) bool { return int32(a) < int32(b) }),
		compare("setp.lt.u32", "rrr", func(a, b uint64) bool { return a < b }),
		compare("setp.ge.s64", "rxx", func(a, b uint64) bool { return int64(a) >= int64(b) }),
		compare("setp.hi.u64", "rxx", func(a, b uint64) bool { return a > b }),
		compare("setp.ls.u32", "rrr", func(a, b uint64) bool { return a <= b }),
		compare("setp.gt.s16", "rhh", func(a, b uint64) bool { return int16(a) > int16(b) }),
		compare("setp.ne.b32", "rrr", func(a, b uint64) bool { return a != b }),
		compare("setp.le.f16", "rhh", func(a, b uint64) bool { return valueOf(half, a) <= valueOf(half, b) }),
		compare("setp.neu.bf16", "rhh", func(a, b uint64) bool { return valueOf(brain, a) != valueOf(brain, b) }),
	)
	runArithmetic(t, "sm_90a", cases)
}

func TestSelections(t *testing.T) {
	runArithmetic(t, "sm_80", []arithmeticCase{
		{"slct.b32.s32", "rrrr", func(a, b, c uint64) uint64 {
			if int32(c) >= 0 {
				return a
			}
			return b
		}},
		{"slct.f32.f32", "ffff", func(a, b, c uint64) uint64 {
			if math.Float32frombits(uint32(c)) >= 0 {
				return a
			}
			return b
		}},
	})
}

func TestFloatClasses(t *testing.T) {
	in := []float32{0, 1, -2.5, math.MaxFloat32, math.SmallestNonzeroFloat32, -1e-40, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}
	abs := func(x float32) float64 { return math.Abs(float64(x)) }
	for class, f := range map[string]func(x float32) bool{
		"finite": func(x float32) bool { return abs(x) <= math.MaxFloat32 }, "infinite": func(x float32) bool { return abs(x) > math.MaxFloat32 },
		"number": func(x float32) bool { return x == x }, "notanumber": func(x float32) bool { return x != x },
		"normal":    func(x float32) bool { return abs(x) >= 0x1p-126 && abs(x) <= math.MaxFloat32 },
		"subnormal": func(x float32) bool { return abs(x) > 0 && abs(x) < 0x1p-126 },
	} {
		got := runWords(t, "", "mov.b32 %f0, %r0; testp."+class+".f32 %p1, %f0; selp.b32 %r1, 1, 0, %p1;", words(floatBytes(in)))
		wantWords(t, got, func(i int) uint32 {
			if f(in[i]) {
				return 1
			}
			return 0
		})
	}
}

// Quotients of integers; the result of a division by zero is not defined and may not be used.
func TestDivision(t *testing.T) {
	in := randomWords(64, 1<<32-1)
	in[0], in[1] = 0x80000000, 7
	got := runWords(t, "", `
or.b32 %r2, %t, 1;
sub.u32 %r3, 0, %r2;
div.s32 %r4, %r0, %r3;
rem.s32 %r5, %r0, %r3;
div.u32 %r6, %r0, %r2;
rem.u32 %r7, %r0, %r2;
xor.b32 %r1, %r4, %r5;
xor.b32 %r1, %r1, %r6;
xor.b32 %r1, %r1, %r7;
`, in)
	wantWords(t, got, func(i int) uint32 {
		d := uint32(i | 1)
		s := -int32(d)
		return uint32(int32(in[i])/s) ^ uint32(int32(in[i])%s) ^ in[i]/d ^ in[i]%d
	})
	wantFault(t, ptx("sm_80", "", "mov.u32 %r2, 0; div.u32 %r3, %n, %r2; add.u32 %r4, %r3, 1; ret;"), "sm_80", 32, Uninitialized, "%r3")
}

// LLVM says of a register that it may hold anything: it holds something else with every seed.
func TestImplicitDefinitions(t *testing.T) {
	text := ptx("sm_80", "", inOut("// implicit-def: %r1\n// implicit-def: %p1\n@%p1 add.u32 %r1, %r1, 0;"))
	a, _, err := runText(t, text, "sm_80", 32, make([]byte, 128), 128)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Trim(string(a), "\x00") == "" {
		t.Error("the register holds zeros")
	}
}
