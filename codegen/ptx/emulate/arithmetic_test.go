package emulate

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// Every arithmetic instruction against Go's own arithmetic, on special and random operands a, b, c.

type arithmeticCase struct {
	op   string // with the types' registers in the order of the operands; "to from"
	regs string // letters: r 32 bits, x 64, h 16, f float, d double; first the destination
	want func(a, b, c uint64) uint64
}

var (
	special64 = []uint64{0, 1, 2, 31, 32, 33, 0x7f, 0x80, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000,
		0x00000001, 0x00800000, 0x7f7fffff, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000, 0x7ff8000000000000, 0x0010000000000000}
)

func operands(rng *rand.Rand, n int) [][3]uint64 {
	out := make([][3]uint64, n)
	for i := range out {
		for k := range out[i] {
			switch rng.IntN(3) {
			case 0:
				out[i][k] = special64[rng.IntN(len(special64))]
			case 1:
				out[i][k] = rng.Uint64()
			default: // floats of moderate size
				f := float32(rng.NormFloat64())
				out[i][k] = uint64(math.Float32bits(f))
				if rng.IntN(2) == 0 {
					out[i][k] = math.Float64bits(rng.NormFloat64() * 100)
				}
			}
		}
	}
	return out
}

// body loads a, b and c, truncated to each source's width, and stores the result.
func (c arithmeticCase) body() string {
	var s strings.Builder
	s.WriteString("mul.wide.u32 %x20, %t, 24;\nadd.s64 %x21, %in, %x20;\nmul.wide.u32 %x22, %t, 8;\nadd.s64 %x23, %out, %x22;\n")
	var list []string
	for i, k := range c.regs {
		name := map[rune]string{'r': "%r", 'x': "%x", 'h': "%h", 'f': "%f", 'd': "%d"}[k] + string(rune('1'+i))
		list = append(list, name)
		if i == 0 {
			continue
		}
		load := map[rune]string{'r': "ld.global.b32", 'x': "ld.global.b64", 'h': "ld.global.b16", 'f': "ld.global.f32", 'd': "ld.global.f64"}[k]
		s.WriteString(load + " " + name + ", [%x21+" + strconv.Itoa(8*(i-1)) + "];\n")
	}
	op, tail, _ := strings.Cut(c.op, " ")
	if strings.HasPrefix(op, "setp.") { // the first register shows the predicate
		s.WriteString(op + " %p1, " + strings.Join(list[1:], ", ") + ";\nselp.b32 " + list[0] + ", 1, 0, %p1;\n")
	} else {
		s.WriteString(op + " " + strings.Join(list, ", ") + tail + ";\n")
	}
	store := map[byte]string{'r': "cvt.u64.u32 %x30, ", 'x': "mov.b64 %x30, ", 'h': "cvt.u64.u16 %x30, ", 'd': "mov.b64 %x30, "}[c.regs[0]]
	if c.regs[0] == 'f' {
		s.WriteString("mov.b32 %r40, " + list[0] + ";\ncvt.u64.u32 %x30, %r40;\n")
	} else {
		s.WriteString(store + list[0] + ";\n")
	}
	return s.String() + "st.global.b64 [%x23], %x30;\nret;"
}

func (c arithmeticCase) widths() []int {
	var out []int
	for _, k := range c.regs {
		out = append(out, map[rune]int{'r': 32, 'f': 32, 'x': 64, 'd': 64, 'h': 16}[k])
	}
	return out
}

func runArithmetic(t *testing.T, target string, cases []arithmeticCase) {
	t.Helper()
	rng := rand.New(rand.NewPCG(11, 12))
	var texts []string
	for _, c := range cases {
		texts = append(texts, ptx(target, "", c.body()))
	}
	assemble(t, oneModule(texts), target)
	for i, c := range cases {
		n := 512
		var in []byte
		all := operands(rng, n)
		for _, v := range all {
			for _, x := range v {
				in = binary.LittleEndian.AppendUint64(in, x)
			}
		}
		data, _, err := runAssembled(t, texts[i], n, in, 8*n)
		if err != nil {
			t.Fatalf("%s: %v", c.op, err)
		}
		widths := c.widths()
		for i, v := range all {
			for k := range v {
				if k+1 < len(widths) && widths[k+1] < 64 {
					v[k] &= 1<<widths[k+1] - 1
				}
			}
			got, want := binary.LittleEndian.Uint64(data[8*i:]), c.want(v[0], v[1], v[2])
			if widths[0] < 64 {
				want &= 1<<widths[0] - 1
			}
			if got != want && !bothNaN(c.regs[0], got, want) {
				t.Fatalf("%s of %#x, %#x, %#x: %#x, want %#x", c.op, v[0], v[1], v[2], got, want)
			}
		}
	}
}

func bothNaN(kind byte, a, b uint64) bool {
	if kind == 'd' {
		return math.IsNaN(math.Float64frombits(a)) && math.IsNaN(math.Float64frombits(b))
	}
	return false // f32 results have one NaN
}

func f32Of(f func(a, b, c float32) float32) func(a, b, c uint64) uint64 {
	return func(a, b, c uint64) uint64 {
		v := f(math.Float32frombits(uint32(a)), math.Float32frombits(uint32(b)), math.Float32frombits(uint32(c)))
		if v != v {
			return 0x7fffffff
		}
		return uint64(math.Float32bits(v))
	}
}

func f64Of(f func(a, b, c float64) float64) func(a, b, c uint64) uint64 {
	return func(a, b, c uint64) uint64 {
		return math.Float64bits(f(math.Float64frombits(a), math.Float64frombits(b), math.Float64frombits(c)))
	}
}

// bigFMA rounds a*b+c once by way of big floats.
func bigFMA(a, b, c float32) float32 {
	product := float64(a) * float64(b)
	if math.IsInf(product, 0) || product != product || math.IsInf(float64(c), 0) || c != c || product == 0 {
		return float32(product + float64(c))
	}
	sum := new(big.Float).SetPrec(600).SetFloat64(product)
	sum.Add(sum, new(big.Float).SetFloat64(float64(c)))
	if sum.Sign() == 0 {
		return float32(product + float64(c))
	}
	v, _ := sum.Float32()
	return v
}

func TestIntegerArithmetic(t *testing.T) {
	i32 := func(v uint64) int32 { return int32(v) }
	runArithmetic(t, "sm_80", []arithmeticCase{
		{"add.s32", "rrr", func(a, b, _ uint64) uint64 { return a + b }},
		{"add.s64", "xxx", func(a, b, _ uint64) uint64 { return a + b }},
		{"add.u16", "hhh", func(a, b, _ uint64) uint64 { return a + b }},
		{"add.sat.s32", "rrr", func(a, b, _ uint64) uint64 {
			return uint64(min(max(int64(i32(a))+int64(i32(b)), math.MinInt32), math.MaxInt32))
		}},
		{"sub.sat.s32", "rrr", func(a, b, _ uint64) uint64 {
			return uint64(min(max(int64(i32(a))-int64(i32(b)), math.MinInt32), math.MaxInt32))
		}},
		{"sub.s32", "rrr", func(a, b, _ uint64) uint64 { return a - b }},
		{"mul.lo.s32", "rrr", func(a, b, _ uint64) uint64 { return a * b }},
		{"mul.hi.s32", "rrr", func(a, b, _ uint64) uint64 { return uint64(int64(i32(a)) * int64(i32(b)) >> 32) }},
		{"mul.hi.u32", "rrr", func(a, b, _ uint64) uint64 { return a * b >> 32 }},
		{"mul.hi.u64", "xxx", func(a, b, _ uint64) uint64 { h, _ := bits.Mul64(a, b); return h }},
		{"mul.hi.s64", "xxx", func(a, b, _ uint64) uint64 {
			p := new(big.Int).Mul(big.NewInt(int64(a)), big.NewInt(int64(b)))
			return uint64(p.Rsh(p, 64).Int64())
		}},
		{"mul.wide.s32", "xrr", func(a, b, _ uint64) uint64 { return uint64(int64(i32(a)) * int64(i32(b))) }},
		{"mul.wide.u32", "xrr", func(a, b, _ uint64) uint64 { return a * b }},
		{"mul.wide.s16", "rhh", func(a, b, _ uint64) uint64 { return uint64(int32(int16(a)) * int32(int16(b))) }},
		{"mad.lo.s32", "rrrr", func(a, b, c uint64) uint64 { return a*b + c }},
		{"mad.hi.u32", "rrrr", func(a, b, c uint64) uint64 { return a*b>>32 + c }},
		{"mad.wide.s32", "xrrx", func(a, b, c uint64) uint64 { return uint64(int64(i32(a))*int64(i32(b))) + c }},
		{"mul24.lo.u32", "rrr", func(a, b, _ uint64) uint64 { return (a & 0xffffff) * (b & 0xffffff) }},
		{"abs.s32", "rr", func(a, _, _ uint64) uint64 { return uint64(max(i32(a), -i32(a))) & 0xffffffff }},
		{"neg.s64", "xx", func(a, _, _ uint64) uint64 { return -a }},
		{"min.s32", "rrr", func(a, b, _ uint64) uint64 { return uint64(min(i32(a), i32(b))) }},
		{"max.u64", "xxx", func(a, b, _ uint64) uint64 { return max(a, b) }},
		{"max.s16", "hhh", func(a, b, _ uint64) uint64 { return uint64(max(int16(a), int16(b))) }},
	})
}

func TestBitArithmetic(t *testing.T) {
	runArithmetic(t, "sm_80", []arithmeticCase{
		{"and.b32", "rrr", func(a, b, _ uint64) uint64 { return a & b }},
		{"or.b64", "xxx", func(a, b, _ uint64) uint64 { return a | b }},
		{"xor.b16", "hhh", func(a, b, _ uint64) uint64 { return a ^ b }},
		{"not.b32", "rr", func(a, _, _ uint64) uint64 { return ^a }},
		{"cnot.b32", "rr", func(a, _, _ uint64) uint64 {
			if a == 0 {
				return 1
			}
			return 0
		}},
		{"shl.b32", "rrr", func(a, b, _ uint64) uint64 { return uint64(uint32(a) << b) }},
		{"shl.b64", "xxr", func(a, b, _ uint64) uint64 { return a << b }},
		{"shr.u32", "rrr", func(a, b, _ uint64) uint64 { return a >> b }},
		{"shr.s32", "rrr", func(a, b, _ uint64) uint64 { return uint64(int32(a) >> b) }},
		{"shr.s16", "hhr", func(a, b, _ uint64) uint64 { return uint64(int16(a) >> b) }},
		{"shf.l.wrap.b32", "rrrr", func(a, b, c uint64) uint64 { return (b<<32 | a) << (c & 31) >> 32 }},
		{"shf.r.clamp.b32", "rrrr", func(a, b, c uint64) uint64 { return (b<<32 | a) >> min(c, 32) }},
		{"lop3.b32 ,0x96", "rrrr", func(a, b, c uint64) uint64 { return a ^ b ^ c }},
		{"lop3.b32 ,0xe8", "rrrr", func(a, b, c uint64) uint64 { return a&b | b&c | a&c }},
		{"lop3.b32 ,0xca", "rrrr", func(a, b, c uint64) uint64 { return a&b | ^a&c }},
		{"popc.b64", "rx", func(a, _, _ uint64) uint64 { return uint64(bits.OnesCount64(a)) }},
		{"clz.b32", "rr", func(a, _, _ uint64) uint64 { return uint64(bits.LeadingZeros32(uint32(a))) }},
		{"brev.b32", "rr", func(a, _, _ uint64) uint64 { return uint64(bits.Reverse32(uint32(a))) }},
		{"bfind.u32", "rr", func(a, _, _ uint64) uint64 { return uint64(bits.Len32(uint32(a)) - 1) }},
		{"bfind.s32", "rr", func(a, _, _ uint64) uint64 {
			if int32(a) < 0 {
				a = ^a
			}
			return uint64(bits.Len32(uint32(a)) - 1)
		}},
		{"bfe.u32", "rrrr", func(a, b, c uint64) uint64 { return slowBFE(a, b, c, 32, false) }},
		{"bfe.s32", "rrrr", func(a, b, c uint64) uint64 { return slowBFE(a, b, c, 32, true) }},
		{"bfe.u64", "xxrr", func(a, b, c uint64) uint64 { return slowBFE(a, b, c, 64, false) }},
		{"bfe.s64", "xxrr", func(a, b, c uint64) uint64 { return slowBFE(a, b, c, 64, true) }},
		{"bfi.b32 ,3,7", "rrr", func(a, b, _ uint64) uint64 { return b&^(127<<3) | a<<3&(127<<3) }},
		{"prmt.b32 ,0x7531", "rrr", func(a, b, _ uint64) uint64 {
			return a>>8&255 | a>>24&255<<8 | b>>8&255<<16 | b>>24&255<<24
		}},
		{"prmt.b32 ,0x000b", "rrr", func(a, _, _ uint64) uint64 { // the sign of byte 3, then byte 0 thrice
			return (a&255)*0x01010100 | uint64(uint8(int8(a>>24)>>7))
		}},
	})
}

// slowBFE is the definition in the PTX manual, bit by bit.
func slowBFE(a, b, c uint64, width int, signed bool) uint64 {
	pos, size := int(b&255), int(c&255)
	msb := width - 1
	var sign uint64
	if signed && size > 0 {
		sign = a >> min(pos+size-1, msb) & 1
	}
	var out uint64
	for i := 0; i <= msb; i++ {
		bit := sign
		if i < size && pos+i <= msb {
			bit = a >> (pos + i) & 1
		}
		out |= bit << i
	}
	return out
}

func TestFloatArithmetic(t *testing.T) {
	sqrt := func(x float32) float32 { return float32(math.Sqrt(float64(x))) }
	number := func(pick func(a, b float64) float64) func(a, b float64) float64 {
		return func(a, b float64) float64 {
			if a != a {
				return b
			}
			if b != b {
				return a
			}
			return pick(a, b)
		}
	}
	single := func(pick func(a, b float64) float64) func(a, b, c uint64) uint64 {
		return f32Of(func(a, b, _ float32) float32 { return float32(pick(float64(a), float64(b))) })
	}
	runArithmetic(t, "sm_80", []arithmeticCase{
		{"add.rn.f32", "fff", f32Of(func(a, b, _ float32) float32 { return a + b })},
		{"sub.rn.f32", "fff", f32Of(func(a, b, _ float32) float32 { return a - b })},
		{"mul.rn.f32", "fff", f32Of(func(a, b, _ float32) float32 { return a * b })},
		{"div.rn.f32", "fff", f32Of(func(a, b, _ float32) float32 { return a / b })},
		{"fma.rn.f32", "ffff", f32Of(bigFMA)},
		{"sqrt.rn.f32", "ff", f32Of(func(a, _, _ float32) float32 { return sqrt(a) })},
		{"rcp.rn.f32", "ff", f32Of(func(a, _, _ float32) float32 { return 1 / a })},
		{"min.f32", "fff", single(number(math.Min))},
		{"max.f32", "fff", single(number(math.Max))},
		{"min.NaN.f32", "fff", single(math.Min)},
		{"max.NaN.f32", "fff", single(math.Max)},
		{"add.rn.f64", "ddd", f64Of(func(a, b, _ float64) float64 { return a + b })},
		{"mul.rn.f64", "ddd", f64Of(func(a, b, _ float64) float64 { return a * b })},
		{"div.rn.f64", "ddd", f64Of(func(a, b, _ float64) float64 { return a / b })},
		{"fma.rn.f64", "dddd", f64Of(math.FMA)},
		{"sqrt.rn.f64", "dd", f64Of(func(a, _, _ float64) float64 { return math.Sqrt(a) })},
		{"neg.f32", "ff", func(a, _, _ uint64) uint64 { return a ^ 1<<31 }},
		{"abs.f64", "dd", func(a, _, _ uint64) uint64 { return a &^ (1 << 63) }},
		{"copysign.f32", "fff", func(a, b, _ uint64) uint64 { return b&^(1<<31) | a&(1<<31) }},
		{"add.rn.ftz.f32", "fff", func(a, b, c uint64) uint64 {
			return flush(f32Of(func(a, b, _ float32) float32 { return a + b })(flush(a), flush(b), c))
		}},
	})
}
