package dlc

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"dlc/lang/build"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/runtime/data"
)

// Unreadable adds to the mistakes of a source that its data could not be read, which takes the
// place of those that only say so much. Rest are the mistakes of Check, or nil.
func Unreadable(d *Dataset, cause, rest error) error {
	x := check.New(check.DataDamaged, d.From, "the data of `%s` cannot be read: %s", d.Name, cause)
	var path *fs.PathError
	if errors.Is(cause, fs.ErrNotExist) && errors.As(cause, &path) {
		x = check.New(check.DataMissing, d.From, "the data of `%s` is not there: there is no file %s", d.Name, path.Path)
		x.Help = []string{fmt.Sprintf("say where it lies with --data %s=PATH", d.Name)}
	}
	if empty := (*data.Empty)(nil); errors.As(cause, &empty) {
		x.Help = []string{empty.Help()}
	}
	var list diag.List
	if rest != nil && !errors.As(rest, &list) {
		return rest
	}
	list = slices.DeleteFunc(slices.Clone(list), func(d *diag.Diagnostic) bool { return d.Code == check.UnknownData })
	return append(list, x)
}

// WantsData reports whether a mistake of Check is that the data must be known for it.
func WantsData(err error) bool {
	var list diag.List
	return errors.As(err, &list) && slices.ContainsFunc(list, func(d *diag.Diagnostic) bool { return d.Code == check.UnknownData })
}

// Outside is the mistake of data that breaks a contract of its source.
func Outside(d *Dataset, c build.Contract, cause error) error {
	x := check.New(check.DataOutside, c.Span, "the data of `%s` breaks this contract: %s", d.Name, cause)
	x.Label = fmt.Sprintf("%d to %d", c.Lo, c.Hi-1)
	return diag.List{x}
}

// Undivided is the mistake of data that does not split as its source says.
func Undivided(d *Dataset, cause error) error {
	return diag.List{check.New(check.BadSplit, d.From, "the data of `%s` cannot be split: %s", d.Name, cause)}
}
