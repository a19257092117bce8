package main

import (
	"context"
	"fmt"

	"dlc/runtime"
	"dlc/runtime/check"
)

// checkUsage describes the flag --check of the commands that run models.
const checkUsage = "run operation by operation, and name the source line of an index out of bounds and of the first NaN or infinity"

// watching returns what watches the calls of a checked build, nil for an ordinary one.
func watching(watched bool) func(context.Context, *runtime.Call) error {
	if !watched {
		return nil
	}
	return check.Watch
}

// sourceOnly refuses --check for an artifact, which holds finished code.
func sourceOnly(path string, watched bool) error {
	if watched && isArtifact(path) {
		return fmt.Errorf("--check compiles anew, so it is for a source file: name the one that %s was built from, and weights with --weights", path)
	}
	return nil
}
