package native

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// permitTiles asks the system for the registers of AMX, once for all threads of the process.
// Asking again does nothing.
func permitTiles() error {
	const requestPermission, tileData = 0x1023, 18 // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
	if _, _, errno := unix.RawSyscall(unix.SYS_ARCH_PRCTL, requestPermission, tileData, 0); errno != 0 {
		return fmt.Errorf("ask for the matrix unit's registers: %w", errno)
	}
	return nil
}
