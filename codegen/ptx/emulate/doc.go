// Package emulate runs PTX text: an interpreter of the subset of NVIDIA's PTX that LLVM's NVPTX backend
// and hand-written kernels of that kind use. It knows PTX and nothing of dlc, so that it is an independent
// check on what emits PTX. What it does not know it refuses by line and mnemonic; it never guesses.
//
// The model, in the order in which a reader meets it:
//
//   - Parse reads a module (lex.go, parse.go, body.go). Every instruction is decoded once, by the table in
//     decode.go, into a closure over register slots (op_*.go, one file per family of instructions).
//   - A register slot holds 32 values, one per lane. Immediates and special registers are slots too, filled
//     when a warp starts. Predicates are bit masks over lanes.
//   - A warp (warp.go) keeps a program counter per lane and runs the group of lanes with the lowest one, so
//     that diverged lanes meet again as early as the text allows; a group that loops while others could run
//     gives way now and then. An instruction that names lanes (.sync, .aligned) waits until they are all there.
//   - A unit (unit.go) is what runs at a time: the blocks of one cluster, or one block. Its warps take turns of
//     random length in a random order derived from the launch's seed.
//   - Order between threads is told by vector clocks (clock.go): barriers, mbarriers and the like release
//     and acquire. Every word of shared and of writable global memory has a shadow cell (shadow.go) that
//     remembers who touched it last; an access that is not ordered after a conflicting one is a race.
//   - Asynchronous copies and matrix products are accesses that stay pending until their wait; touching what
//     they touch before is an error, even for the thread that started them. A second clock per thread
//     carries what a proxy fence made visible to them.
//
// A run ends with a Report or with the first Fault, a sentence that names PTX lines.
//
// What it leaves out: clusters run one after another, so that blocks of different ones cannot wait for each
// other; fences without a synchronizing access order nothing; the sums of matrix units are kept in doubles and
// rounded once, where hardware rounds in a way of its own; functions other than entries, base offsets of matrix
// descriptors, integer matrices, cache policies and reductions by bulk copies are refused.
package emulate
