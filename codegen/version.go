package codegen

import (
	"strconv"

	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// choice emits both ways of an If.
func (e *emitter) choice(n *tile.If) {
	alive := e.alive
	e.alive = map[string]*live{}
	e.fresh()
	is := e.set("icmp eq i64 ", e.integer(tensor.Sym(n.Symbol)), ", ", strconv.FormatInt(n.Is, 10))
	e.branch(is, nil, func() { e.nodes(n.Then) }, func() { e.nodes(n.Else) })
	e.alive = alive
	e.fresh()
}
