package program

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Files are the changes that files are made with. OS is the machine's own; a test puts in its
// place one that fails.
type Files interface {
	Mkdir(path string) error
	Create(dir, pattern string) (Sink, error) // a new file with a name of its own, as os.CreateTemp
	Append(path string) (Sink, error)         // made when there is none
	Link(from, to string) error
	Rename(from, to string) error
	RemoveAll(path string) error
	SyncDir(path string) error // makes the names in it last
}

// A Sink is a file open for writing.
type Sink interface {
	io.Writer
	Name() string
	Sync() error
	Close() error
}

// OS is the file system of the machine.
type OS struct{}

// Mkdir makes a folder, whose parent must be there.
func (OS) Mkdir(path string) error { return os.Mkdir(path, 0o755) }

// Create makes a new file that everyone may read.
func (OS) Create(dir, pattern string) (Sink, error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o644); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// Append opens a file to write at its end.
func (OS) Append(path string) (Sink, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
}

// Link gives a file a second name.
func (OS) Link(from, to string) error { return os.Link(from, to) }

// Rename moves a file, over what has that name.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// RemoveAll removes a file, or a folder with all in it; that there is none is no error.
func (OS) RemoveAll(path string) error { return os.RemoveAll(path) }

// SyncDir syncs a folder, where the file system can.
func (OS) SyncDir(path string) error {
	d, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil // a folder to write in but not to read
	}
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		return nil // it has no such call for folders
	}
	return err
}

// WriteFile replaces path by data atomically and durably: temporary file, fsync, rename, fsync
// of the directory.
func WriteFile(path string, data []byte) error { return WriteFileOn(OS{}, path, data) }

// WriteFileOn is WriteFile on the given file system. When it fails, path is what it was or the
// whole of data; a temporary file that cannot be removed then stays.
func WriteFileOn(files Files, path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := files.Create(dir, "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	err = WriteSync(f, data)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = files.Rename(f.Name(), path)
	}
	if err != nil {
		files.RemoveAll(f.Name())
		return err
	}
	return files.SyncDir(dir)
}

// WriteSync writes all of data and waits until it lasts.
func WriteSync(f Sink, data []byte) error {
	n, err := f.Write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return err
	}
	return f.Sync()
}
