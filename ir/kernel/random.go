package kernel

import (
	"math"

	"dlc/ir/tensor"
)

// Philox 4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3"
// (SC 2011). The key is the seed xor the site, low word first. The counter is the block of the
// column, the row, and the low and high word of the step; block and row count modulo 2^32.
const (
	philoxM0     = 0xD2511F53
	philoxM1     = 0xCD9E8D57
	philoxW0     = 0x9E3779B9
	philoxW1     = 0xBB67AE85
	philoxRounds = 10
)

// Philox returns the block of four words that belongs to a counter and a key.
func Philox(c [4]uint32, k [2]uint32) [4]uint32 {
	for range philoxRounds {
		p0, p1 := philoxM0*uint64(c[0]), philoxM1*uint64(c[2])
		c = [4]uint32{uint32(p1>>32) ^ c[1] ^ k[0], uint32(p1), uint32(p0>>32) ^ c[3] ^ k[1], uint32(p0)}
		k[0] += philoxW0
		k[1] += philoxW1
	}
	return c
}

// RandomWord is the value of a Random: word column mod 4 of the block.
func RandomWord(seed, site uint64, step, row, column int64) uint32 {
	key := seed ^ site
	block := Philox([4]uint32{uint32(column >> 2), uint32(row), uint32(step), uint32(uint64(step) >> 32)},
		[2]uint32{uint32(key), uint32(key >> 32)})
	return block[column&3]
}

// Uniform turns 32 random bits into an f32 in [0, 1): the upper 24 bits times 2^-24.
func Uniform(bits Expr) Expr {
	upper := Apply("shr", bits, I(tensor.U32, 8))
	return Apply("mul", Cast(tensor.F32, upper), F(tensor.F32, 0x1p-24))
}

// Normal draws a standard normal f32 by Box and Muller from words 2c and 2c+1 of r's row,
// where c is r's Column: sqrt(-2 log u) cos(2 pi v) with u in (0, 1] and v in [0, 1).
func Normal(r *Random) Expr {
	f := func(v float64) Expr { return F(tensor.F32, v) }
	twice := Apply("mul", r.Column, I(tensor.I64, 2))
	first, second := *r, *r
	first.Column = twice
	second.Column = Apply("add", twice, I(tensor.I64, 1))
	u := Apply("add", Uniform(&first), f(0x1p-24))
	radius := Apply("sqrt", Apply("mul", f(-2), Apply("log", u)))
	return Apply("mul", radius, Apply("cos", Apply("mul", f(2*math.Pi), Uniform(&second))))
}
