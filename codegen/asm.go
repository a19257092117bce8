package codegen

import (
	"fmt"
	"strconv"
	"strings"
)

// An instruction is PTX that LLVM has no operation for: its text, with $0, $1 ... for results and
// then operands, and what LLVM must know of it.
type instruction struct {
	text        string
	results     string // a letter each: f float, r i32, l i64
	operands    string
	lasting     bool // touches memory or waits: it stays where it stands
	convergence bool // all lanes take part: it stays under the branches where it stands
}

// instructions is every piece of PTX that is written by hand.
var instructions = map[string]instruction{
	"cp.async":   {"cp.async.cg.shared.global [$0], [$1], 16, $2;", "", "rlr", true, false},
	"cp.async.8": {"cp.async.ca.shared.global [$0], [$1], 8, $2;", "", "rlr", true, false},
	"cp.async.4": {"cp.async.ca.shared.global [$0], [$1], 4, $2;", "", "rlr", true, false},
	"wait.0":     {"cp.async.wait_group 0;", "", "", true, false},
	"wait.1":     {"cp.async.wait_group 1;", "", "", true, false},
	"wait.2":     {"cp.async.wait_group 2;", "", "", true, false},
	"wait.all":   {"cp.async.wait_all;", "", "", true, false},
	"commit":     {"cp.async.commit_group;", "", "", true, false},
	"mma.bf16": {"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};",
		"ffff", "rrrrrrffff", false, true},
	"mma.f16": {"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};",
		"ffff", "rrrrrrffff", false, true},
	"setmaxnreg.dec":  {fmt.Sprintf("setmaxnreg.dec.sync.aligned.u32 %d;", fewRegister), "", "", true, true},
	"setmaxnreg.inc":  {fmt.Sprintf("setmaxnreg.inc.sync.aligned.u32 %d;", allRegister), "", "", true, true},
	"mbarrier.init":   {"mbarrier.init.shared.b64 [$0], $1;", "", "rr", true, false},
	"mbarrier.expect": {"mbarrier.arrive.expect_tx.shared.b64 _, [$0], $1;", "", "rr", true, false},
	"mbarrier.arrive": {"mbarrier.arrive.shared.b64 _, [$0];", "", "r", true, false},
	"mbarrier.wait": {"{ .reg .pred p; W${:uid}: mbarrier.try_wait.parity.shared.b64 p, [$0], $1; @p bra D${:uid}; bra W${:uid}; D${:uid}: }",
		"", "rr", true, true},
	"fence.barriers": {"fence.proxy.async;", "", "", true, false},
	"tensor.2":       {"cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [$0], [$1, {$3, $4}], [$2];", "", "rlrrr", true, false},
	"tensor.3":       {"cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [$0], [$1, {$3, $4, $5}], [$2];", "", "rlrrrr", true, false},
	"tensor.4":       {"cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [$0], [$1, {$3, $4, $5, $6}], [$2];", "", "rlrrrrr", true, false},
	"tensor.5":       {"cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes [$0], [$1, {$3, $4, $5, $6, $7}], [$2];", "", "rlrrrrrr", true, false},
	"ldmatrix":       {"ldmatrix.sync.aligned.m8n8.x4.shared.b16 {$0, $1, $2, $3}, [$4];", "rrrr", "r", true, true},
	"ldmatrix.trans": {"ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {$0, $1, $2, $3}, [$4];", "rrrr", "r", true, true},
}

func letterType(c byte) string {
	switch c {
	case 'f':
		return "float"
	case 'r':
		return "i32"
	case 'l':
		return "i64"
	}
	panic("BUG: no type for the constraint " + string(c))
}

// asm emits an instruction of the table and returns its
// results.
func (e *warps) asm(name string, operands ...string) []string {
	in, ok := instructions[name]
	if !ok {
		panic("BUG: no instruction " + name)
	}
	return e.assembly(in, operands)
}

func (e *warps) assembly(in instruction, operands []string) []string {
	if len(operands) != len(in.operands) {
		panic("BUG: operands of " + in.text)
	}
	var constraints, args, types []string
	for _, c := range []byte(in.results) {
		constraints, types = append(constraints, "="+string(c)), append(types, letterType(c))
	}
	for i, c := range []byte(in.operands) {
		if c == '=' { // the register of the result of the same number
			constraints, args = append(constraints, strconv.Itoa(i)), append(args, letterType(in.results[i])+" "+operands[i])
			continue
		}
		constraints, args = append(constraints, string(c)), append(args, letterType(c)+" "+operands[i])
	}
	effect := ""
	if in.lasting {
		effect = "sideeffect "
		constraints = append(constraints, "~{memory}")
	}
	typ := "void"
	switch len(types) {
	case 0:
	case 1:
		typ = types[0]
	default:
		typ = "{ " + strings.Join(types, ", ") + " }"
	}
	call := "call " + typ + " asm " + effect + "\"" + in.text + "\", \"" + strings.Join(constraints, ",") + "\"(" + strings.Join(args, ", ") + ")"
	if in.convergence {
		call += " #" + strconv.Itoa(Convergent)
	}
	if len(types) == 0 {
		e.put(call)
		return nil
	}
	id := e.set(call)
	if len(types) == 1 {
		return []string{id}
	}
	out := make([]string, len(types))
	for i := range out {
		out[i] = e.set("extractvalue ", typ, " ", id, ", ", strconv.Itoa(i))
	}
	return out
}

// Convergent is the number of the attribute group of calls in which all lanes take part.
const Convergent = 1
