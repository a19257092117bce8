package codegen

import (
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// lanewise is what depends on how a machine holds a value of several lanes: in a vector
// register of a CPU's thread (vectors), or one lane in each thread of a warp (warps). Values of
// one lane are uniform: every thread of a warp computes them. All else is shared. A mask with id
// "" allows all lanes.
type lanewise interface {
	// splat puts a scalar into every lane.
	splat(v value, lanes int) value
	// ramp is 0, step, 2*step ... as i64.
	ramp(step int64) value
	// below is the mask of the lanes before n, a constant.
	below(n int64) value
	// belowAt is the mask of the lanes before n, an i64 of the scope of that depth, hoisted there.
	belowAt(n string, depth int) value
	// pick is the value of one lane, as a scalar.
	pick(v value, lane int64) value
	// rotate moves lane l+by to lane l.
	rotate(v value, by int) value
	// loadOne reads one element under conditions: that of the code, and one of lanes of which some
	// must hold. The value means something only there.
	loadOne(t tensor.DType, at string, when, mask value) value
	// storeOne writes a scalar.
	storeOne(t tensor.DType, at string, v value)
	// loadMany and storeMany move neighbours in memory; gather and scatter elements at byte offsets
	// from an address. Lanes that are not allowed are 0, and touch no memory.
	loadMany(t tensor.DType, at string, m value) value
	storeMany(t tensor.DType, at string, v, m value)
	gather(t tensor.DType, base string, offsets, m value) value
	scatter(t tensor.DType, v value, base string, offsets, m value)
	// part keeps the code of one term out of the others'.
	part()
	// meet lets reads of memory that come now see the writes of all lanes before.
	meet()
	// buffer and symbol are what the caller passes, by number; scratch is memory of the thread, or
	// the warp.
	buffer(number int) string
	symbol(number int) string
	scratch() string
	// threads is what a GPU's kernel needs, once it is written.
	threads() Threads
	// function writes the phase.
	function(name string)
}

func lanesOf(e *emitter, m tile.Machine) lanewise {
	if m.Warps > 0 {
		return &warps{emitter: e}
	}
	return vectors{e}
}
