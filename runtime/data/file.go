package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
)

// Compressed data may unfold to this many times the file, and this much more: real records stay
// far below, a bomb does not.
const (
	maxUnfold   = 100
	unfoldSlack = 64 << 20
)

// A file is an open source, unfolded when it is gzip.
type file struct {
	io.Reader
	name   string
	folded bool
	left   int // bytes that may still come: exactly for a plain file, at most for a folded one
	closer func() error
}

// Close closes the file.
func (f *file) Close() error { return f.closer() }

// openFile opens a regular file and looks whether it is gzip.
func openFile(path string) (*file, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := in.Stat()
	if err == nil && !info.Mode().IsRegular() {
		what := "no file"
		if info.IsDir() {
			what = "a folder, no file"
		}
		err = fmt.Errorf("%s is %s", path, what)
	}
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	f, err := newFile(path, bufio.NewReaderSize(in, 1<<16), int(info.Size()))
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	f.closer = in.Close
	return f, nil
}

// newFile wraps a reader of size bytes.
func newFile(name string, in *bufio.Reader, size int) (*file, error) {
	f := &file{Reader: in, name: name, left: size, closer: func() error { return nil }}
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("%s: damaged gzip: %w", name, err)
		}
		f.Reader, f.folded, f.left = z, true, size*maxUnfold+unfoldSlack
	}
	return f, nil
}

// Read reads, never more than may come.
func (f *file) Read(p []byte) (int, error) {
	if len(p) > f.left {
		if p = p[:f.left+1]; !f.folded { // one byte more than the file had when it was opened
			p = p[:f.left]
		}
	}
	if len(p) == 0 {
		return 0, io.EOF
	}
	n, err := f.Reader.Read(p)
	if f.left -= n; f.left < 0 {
		return 0, fmt.Errorf("unfolds to more than %d times its size: refused as a gzip bomb", maxUnfold)
	}
	return n, err
}

// take reads exactly size bytes; a size that the file cannot hold is refused before memory is
// asked for.
func (f *file) take(size int) ([]byte, error) {
	switch {
	case size > f.left && f.folded:
		return nil, fmt.Errorf("the header promises %d bytes, more than %d times the compressed file: refused", size, maxUnfold)
	case size > f.left:
		return nil, fmt.Errorf("truncated: the header promises %d bytes, %d follow", size, f.left)
	}
	data := make([]byte, size)
	if n, err := io.ReadFull(f, data); err != nil {
		return nil, truncated(err, fmt.Sprintf("byte %d of %d", n, size))
	}
	return data, nil
}

// end checks that nothing follows; for gzip this also checks the sum.
func (f *file) end() error {
	var b [1]byte
	switch n, err := io.ReadFull(f, b[:]); {
	case n > 0:
		return fmt.Errorf("more bytes follow than the header promises")
	case err != io.EOF:
		return truncated(err, "the end")
	}
	return nil
}

// truncated says where a file broke off, or what else went wrong.
func truncated(err error, where string) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("truncated at %s", where)
	}
	return fmt.Errorf("reading %s: %w", where, err)
}
