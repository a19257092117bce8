package emulate

import "strings"

// typ is a PTX fundamental or packed type.
type typ uint8

const (
	noType typ = iota
	pred
	b8
	b16
	b32
	b64
	b128
	u8
	u16
	u32
	u64
	s8
	s16
	s32
	s64
	f16
	bf16
	f16x2
	bf16x2
	tf32
	f32
	f64
)

var typeNames = [...]string{"", "pred", "b8", "b16", "b32", "b64", "b128", "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64",
	"f16", "bf16", "f16x2", "bf16x2", "tf32", "f32", "f64"}

var typeBits = [...]int{0, 1, 8, 16, 32, 64, 128, 8, 16, 32, 64, 8, 16, 32, 64, 16, 16, 32, 32, 32, 32, 64}

func (t typ) String() string { return typeNames[t] }
func (t typ) bits() int      { return typeBits[t] }
func (t typ) bytes() int     { return typeBits[t] / 8 }
func (t typ) signed() bool   { return t >= s8 && t <= s64 }
func (t typ) integer() bool  { return t >= u8 && t <= s64 }
func (t typ) untyped() bool  { return t >= b8 && t <= b128 }
func (t typ) float() bool    { return t >= f16 }

// typeOf looks up a type by name, without its dot.
func typeOf(name string) (typ, bool) {
	for t := pred; int(t) < len(typeNames); t++ {
		if typeNames[t] == name {
			return t, true
		}
	}
	return noType, false
}

// truncate keeps the low bits of v that a value of type t has.
func truncate(t typ, v uint64) uint64 {
	if n := t.bits(); n < 64 {
		return v & (1<<n - 1)
	}
	return v
}

// extend reads the low bits of v as a number of type t: sign-extended where t is signed.
func extend(t typ, v uint64) uint64 {
	v = truncate(t, v)
	if n := t.bits(); t.signed() && n < 64 && v>>(n-1)&1 != 0 {
		v |= ^uint64(0) << n
	}
	return v
}

// bare strips a directive's or modifier's dot.
func bare(word string) string { return strings.TrimPrefix(word, ".") }
