package dlc

import (
	"errors"
	"fmt"
	"strings"

	"dlc/lang/check"
	"dlc/lang/diag"
	watch "dlc/runtime/check"
)

// Seen turns the error of a run that was checked into what it is: a mistake in the model or its
// data with its place in the source, a bug of dlc's, or the error itself where it is another.
func Seen(err error) error {
	var found *watch.Finding
	var broken *watch.Broken
	switch {
	case errors.As(err, &broken):
		return Guard("checked run", func() error { panic(broken.Error()) })
	case !errors.As(err, &found):
		return err
	}
	code := check.NotFinite
	if found.Index {
		code = check.IndexOutside
	}
	d := check.New(code, diag.Span(found.At), "%s", found.Message)
	if d.Span.IsZero() {
		d.Message += " (" + found.Detail + ")"
	} else {
		d.Label = found.Detail
	}
	when := fmt.Sprintf("seen in the entry `%s`", found.Entry)
	if before := strings.TrimSuffix(err.Error(), found.Error()); before != "" {
		when += ", " + strings.TrimSuffix(before, ": ")
	}
	if found.Reaches != "" {
		when += "; it reaches " + found.Reaches
	}
	d.Help = append(d.Help, when)
	return diag.List{d}
}
