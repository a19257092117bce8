//go:build !(linux && amd64)

package native

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
)

// errPlatform names the platform that native code does not run on. Nothing below is reached
// there but for its error: Load and NewRunner refuse first.
var errPlatform = fmt.Errorf("native code runs on linux/amd64; this is %s/%s: %w", runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)

const (
	readOnly = iota
	readWrite
	readExecute
)

// team stands where other platforms have none.
type team struct{}

func supportedPlatform() error { return errPlatform }
func hasFlag(cpuFlag) bool     { return false }
func permitTiles() error       { return errPlatform }

// CPUs returns how many CPUs this process may use.
func CPUs() int       { return runtime.NumCPU() }
func affinity() []int { return nil }

func reserve(int64) ([]byte, error) { return nil, errPlatform }
func protect([]byte, int) error     { return errPlatform }
func release([]byte) error          { return errPlatform }
func adviseHuge([]byte)             {}

func callDirect(*Frame) error                       { return errPlatform }
func openTeam() (*team, error)                      { return nil, errPlatform }
func (*team) leave()                                {}
func (*team) acquire(context.Context) error         { return errPlatform }
func (*team) release()                              {}
func (*team) prepare(*Frame, int, []int, int) error { return errPlatform }
func (*team) run(*Frame, int) error                 { return errPlatform }
func futexWake(*atomic.Uint32, int, uint32)         {}
