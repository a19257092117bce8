package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dlc"
	"dlc/lang/diag"
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

// told turns what a checked run found into a diagnostic, or into a bug of dlc's.
func told(err error) error {
	var found *check.Finding
	var broken *check.Broken
	switch {
	case errors.As(err, &broken):
		return dlc.Guard("checked run", func() error { panic(broken.Error()) })
	case !errors.As(err, &found):
		return err
	}
	d := &diag.Diagnostic{Message: found.Message, Span: diag.Span(found.At), Label: found.Detail}
	when := fmt.Sprintf("seen in the entry `%s`", found.Entry)
	if before := strings.TrimSuffix(err.Error(), found.Error()); before != "" {
		when += ", " + strings.TrimSuffix(before, ": ")
	}
	if found.Reaches != "" {
		when += "; it reaches " + found.Reaches
	}
	d.Help = []string{when}
	if d.Span.IsZero() {
		d.Message += " (" + found.Detail + ")"
	}
	return diag.List{d}
}
