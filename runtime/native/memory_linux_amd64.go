package native

import "golang.org/x/sys/unix"

// Protections of mapped pages. No page is ever writable and executable at once.
const (
	noAccess    = unix.PROT_NONE
	readOnly    = unix.PROT_READ
	readWrite   = unix.PROT_READ | unix.PROT_WRITE
	readExecute = unix.PROT_READ | unix.PROT_EXEC
)

// reserve maps n bytes without access; they cost address space only.
func reserve(n int64) ([]byte, error) {
	return unix.Mmap(-1, 0, int(n), noAccess, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
}

func protect(b []byte, to int) error { return unix.Mprotect(b, to) }

func release(b []byte) error { return unix.Munmap(b) }

// adviseHuge asks for huge pages; a kernel without them ignores it.
func adviseHuge(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }
