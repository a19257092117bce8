package docs

import (
	"fmt"
	"slices"
	"strings"

	"dlc/ir/sample"
	"dlc/ir/tensor"
)

// opsText is the table of ops, by the rows of samples.
func opsText() string {
	var b strings.Builder
	b.WriteString("| op | meaning | shapes | dtypes | derivatives | held to |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, r := range sample.Rows() {
		held := r.Source
		switch {
		case r.Reference == "":
			held = r.Untold
		case r.Tolerance > 0:
			held += fmt.Sprintf(", within %g: %s", r.Tolerance, r.Reason)
		}
		cells := []string{"`" + r.Name + "`", r.Doc, r.Shapes, dtypesText(r.DTypes), r.Derivative.String(), held}
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, "|", "\\|")
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return b.String()
}

// dtypesText names a list of dtypes, by its kind where it is one.
func dtypesText(list []tensor.DType) string {
	for _, kind := range []struct {
		name string
		is   func(t tensor.DType) bool
	}{
		{"all", func(t tensor.DType) bool { return true }},
		{"numbers", func(t tensor.DType) bool { return t != tensor.Bool }},
		{"floats", tensor.DType.IsFloat},
		{"integers", tensor.DType.IsInt},
	} {
		if slices.Equal(list, slices.DeleteFunc(sample.AllDTypes(), func(t tensor.DType) bool { return !kind.is(t) })) {
			return kind.name
		}
	}
	var names []string
	for _, t := range list {
		names = append(names, t.String())
	}
	return strings.Join(names, " ")
}
