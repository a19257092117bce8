package main

import (
	"unsafe"

	"dlc/runtime/native"
)

//go:noescape
func fma512(turns int64)

//go:noescape
func fma256(turns int64)

//go:noescape
func dot512(turns int64)

//go:noescape
func read512(p unsafe.Pointer, bytes int64)

//go:noescape
func read256(p unsafe.Pointer, bytes int64)

//go:noescape
func write256(p unsafe.Pointer, bytes int64)

//go:noescape
func past256(p unsafe.Pointer, bytes int64)

// units lists what registers of that many bits can do: the unit that a work may use, by its
// element type, with the operations of one turn.
func units(bits int, half bool) []unit {
	list := []unit{{fma256, 14 * 16}}
	if bits == 512 {
		list = []unit{{fma512, 14 * 32}}
	}
	if half && bits == 512 && native.Supports([]string{"avx512_bf16"}) == nil {
		list = append(list, unit{dot512, 14 * 64})
	}
	return list
}

// readLines, writeLines and writePast, which leaves nothing in a cache, move whole cache lines of b, as many as fit by four.
func readLines(b []byte, bits int) {
	if len(b) < 256 {
		return
	}
	if bits == 512 {
		read512(unsafe.Pointer(&b[0]), int64(len(b)&^255))
		return
	}
	read256(unsafe.Pointer(&b[0]), int64(len(b)&^255))
}

func writeLines(b []byte) {
	if len(b) >= 256 {
		write256(unsafe.Pointer(&b[0]), int64(len(b)&^255))
	}
}

func writePast(b []byte) {
	if len(b) >= 256 {
		past256(unsafe.Pointer(&b[0]), int64(len(b)&^255))
	}
}
