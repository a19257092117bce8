// Package stdlib owns the standard library of the language: layers, activations, losses, metrics,
// optimizers, schedules and initializers, as source text. It knows nothing of the compiler.
package stdlib

import "embed"

// Files holds the library, one file per kind of thing.
//
//go:embed *.dlc
var Files embed.FS
