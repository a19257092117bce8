package codegen

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// position gives the index of the phase's recurrence its one position, which the caller passes behind
// the symbols.
func (e *emitter) position() {
	if e.phase.Seq == nil {
		return
	}
	i := e.indexOf(e.phase.Seq.Index)
	r := tensor.Range{OpenHi: true}
	if n, ok := e.tile[i].exact(); ok {
		r = tensor.Range{Hi: max(n-1, 0)}
	}
	at := e.declare(e.across.symbol(len(e.order)), 0, r)
	e.tile[i] = span{start: at, length: tensor.Int(1), max: 1}
}

// otherTurn reports whether l reads d as another turn left it: from memory.
func (e *emitter) otherTurn(l *kernel.Load, d *kernel.Def) bool {
	return e.phase.Seq != nil && d != nil && d.OtherTurn(l)
}
