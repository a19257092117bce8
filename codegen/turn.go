package codegen

import (
	"strconv"
	"strings"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// turned stores a held map that is a buffer's element, of which neighbours lie along another index
// than the lanes, in squares: rows are read as they lie and turned in registers. It reports whether
// it did.
func (e *emitter) turned(h *held) bool {
	l, ok := h.def.Expr.(*kernel.Load)
	if !ok {
		return false
	}
	o := e.buffers[l.Name]
	if o == nil || e.defs[l.Name] != nil || e.vector < 0 || e.machine.Warps > 0 || h.def.Reduce != nil || h.def.DType.Size() != 4 {
		return false
	}
	for _, a := range l.At {
		if _, plain := a.(*kernel.Index); !plain {
			return false
		}
	}
	lanes := int64(e.machine.Lanes)
	place := e.exprs.linear(l, o.buffer)
	inner, v := -1, e.vector
	for _, a := range h.def.Axes {
		i := e.indices[a.Name]
		by, _, linear := place.Linear(a.Name)
		n, exact := e.tile[i].exact()
		switch {
		case i == v || e.tile[i].single():
		case linear && by.IsConst(1) && exact && n%lanes == 0:
			inner = i
		default:
			return false
		}
	}
	if inner < 0 || e.tile[v].max%lanes != 0 {
		return false
	}
	e.squares(h, l, o, inner)
	return true
}

// squares turns the tile of h square by square.
func (e *emitter) squares(h *held, l *kernel.Load, o *operand, inner int) {
	lanes, v := e.machine.Lanes, e.vector
	t := h.def.DType
	_, exact := e.tile[v].exact()
	for e.point[v] = 0; e.point[v] < e.tile[v].max; e.point[v] += int64(lanes) {
		for e.point[inner] = 0; e.point[inner] < e.tile[inner].max; e.point[inner] += int64(lanes) {
			first, column := e.point[v], e.point[inner]
			rows := make([]value, lanes)
			f := e.formOf(l, e.exprs.linear(l, o.buffer))
			for r := range rows {
				e.point[v] = first + int64(r)
				p := e.at(f)
				at := e.displaced(e.baseAddress(o, p), p.offset*int64(t.Size()))
				if !exact {
					inside := e.compare("icmp slt", integerOf(tensor.I64, e.point[v]), value{id: e.integer(e.tile[v].length), t: tensor.I64, lanes: 1})
					at = e.set("select i1 ", inside.id, ", ptr ", at, ", ptr ", e.across.scratch())
				}
				e.lanes = lanes
				rows[r] = e.across.loadMany(t, at, value{})
				e.lanes = 1
			}
			e.point[v] = first
			for c, x := range e.turnedSquare(rows) {
				e.point[inner], e.lanes = column+int64(c), lanes
				to, p := e.heldHere(h, valuePlane)
				e.writeHeld(to, p, x)
				e.lanes = 1
			}
			e.point[inner] = column
		}
	}
	e.fresh()
}

// turnedSquare transposes as many vectors as they have lanes: rows at distance h swap halves of
// their runs of 2h, for h = lanes/2 ... 1.
func (e *emitter) turnedSquare(rows []value) []value {
	n := len(rows)
	for h := n / 2; h > 0; h /= 2 {
		for r := range rows {
			if r&h != 0 {
				continue
			}
			a, b := rows[r], rows[r+h]
			rows[r] = e.mixed(a, b, func(i int) int {
				if i&h == 0 {
					return i
				}
				return n + i - h
			})
			rows[r+h] = e.mixed(a, b, func(i int) int {
				if i&h == 0 {
					return i + h
				}
				return n + i
			})
		}
	}
	return rows
}

// mixed picks lanes of two vectors.
func (e *emitter) mixed(a, b value, from func(i int) int) value {
	list := make([]string, a.lanes)
	for i := range list {
		list[i] = "i32 " + strconv.Itoa(from(i))
	}
	return e.op(a.t, a.lanes, "shufflevector ", a.arg(), ", ", b.arg(), ", <", strconv.Itoa(a.lanes), " x i32> <", strings.Join(list, ", "), ">")
}
