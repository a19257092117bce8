//go:build unix

package program

import (
	"os"
	"syscall"
)

// mapFile maps the first n bytes of f for reading.
func mapFile(f *os.File, n int) ([]byte, error) {
	return syscall.Mmap(int(f.Fd()), 0, n, syscall.PROT_READ, syscall.MAP_PRIVATE)
}

func unmapFile(data []byte) error { return syscall.Munmap(data) }
