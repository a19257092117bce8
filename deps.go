//go:build deps

// Package dlc pins the modules that the packages being written import.
package dlc

import (
	_ "github.com/alecthomas/participle/v2"
	_ "github.com/ebitengine/purego"
	_ "github.com/llir/llvm/ir"
	_ "github.com/schollz/progressbar/v3"
	_ "github.com/spf13/cobra"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/term"
	_ "golang.org/x/tools/txtar"
	_ "pgregory.net/rapid"
)
