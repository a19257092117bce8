//go:build !unix

package program

import (
	"io"
	"os"
)

// mapFile reads the first n bytes of f: this system has no mapping here.
func mapFile(f *os.File, n int) ([]byte, error) {
	data := make([]byte, n)
	_, err := io.ReadFull(f, data)
	return data, err
}

func unmapFile([]byte) error { return nil }
