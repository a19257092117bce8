package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dlc"
	"dlc/lang/diag"
	"dlc/runtime/program"
)

// wrongFlag says what a flag was meant to be, or what it wants.
func wrongFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var bare *pflag.ValueRequiredError
	var value *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		dashed := "--" + unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			dashed = "-" + unknown.GetSpecifiedName()
		}
		return fmt.Errorf("%s has no flag %s%s (%s --help lists them)", cmd.CommandPath(), dashed, meantFlag(cmd, unknown.GetSpecifiedName()), cmd.CommandPath())
	case errors.As(err, &bare):
		f := bare.GetFlag()
		return fmt.Errorf("--%s needs a value: %s", f.Name, f.Usage)
	case errors.As(err, &value):
		f := value.GetFlag()
		return fmt.Errorf("--%s %s: it must be %s", f.Name, value.GetValue(), valueWords(f.Value.Type()))
	}
	return err
}

// valueWords names what a flag of a type takes.
func valueWords(typ string) string {
	switch typ {
	case "int", "int64":
		return "a whole number"
	case "uint", "uint64":
		return "a whole number that is not negative"
	case "bool":
		return "true or false"
	case "float64":
		return "a number"
	case "duration":
		return "a time such as 10ms or 2m"
	}
	return "a " + typ
}

// meantFlag suggests the flag that a wrong one was probably meant to be.
func meantFlag(cmd *cobra.Command, word string) string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if s, ok := diag.Suggest(word, names); ok {
		return fmt.Sprintf(": did you mean --%s?", s)
	}
	return ""
}

// meant suggests the command that a wrong one was probably meant to be.
func meant(cmd *cobra.Command, word string) string {
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	if s, ok := diag.Suggest(word, names); ok {
		return fmt.Sprintf(": did you mean %s?", s)
	}
	for _, ext := range []string{".dlc", ".dlb"} {
		if strings.HasSuffix(word, ext) {
			return fmt.Sprintf(": a command stands first, as in dlc %s %s", map[string]string{".dlc": "train", ".dlb": "run"}[ext], word)
		}
	}
	return ""
}

// plainly says in words that a file is not there, and which one beside its place may be meant.
func plainly(err error) string {
	var path *fs.PathError
	if !errors.As(err, &path) || path.Op == "mkdir" {
		return err.Error()
	}
	before, ok := strings.CutSuffix(err.Error(), path.Error())
	switch {
	case !ok:
		return err.Error()
	case errors.Is(path.Err, syscall.EISDIR):
		return before + path.Path + " is a folder, not a file"
	case !errors.Is(path.Err, fs.ErrNotExist):
		return err.Error()
	}
	dir, name := filepath.Split(path.Path)
	entries, missing := os.ReadDir(filepath.Clean(dir))
	if errors.Is(missing, fs.ErrNotExist) {
		return fmt.Sprintf("%sthere is no folder %s", before, filepath.Clean(dir))
	}
	var names []string
	for _, e := range entries { // none of a folder that cannot be read
		if filepath.Ext(e.Name()) == filepath.Ext(name) {
			names = append(names, e.Name())
		}
	}
	text := fmt.Sprintf("%sthere is no file %s", before, path.Path)
	if s, ok := diag.Suggest(name, names); ok {
		text += fmt.Sprintf(": did you mean %s?", dir+s)
	}
	return text
}

// readSource reads a source file, and refuses an artifact.
func readSource(cmd *cobra.Command, path string) (*dlc.Source, error) {
	src, err := dlc.ReadSource(path)
	if err == nil && program.IsArtifact(src.Text) {
		return nil, fmt.Errorf("%s is an artifact, and %s takes a source file: eval, run, predict and inspect take artifacts", path, cmd.CommandPath())
	}
	return src, err
}

// artifactOnly refuses a source file where an artifact is wanted.
func artifactOnly(cmd *cobra.Command, path string) error {
	if !isArtifact(path) {
		return fmt.Errorf("%s is a source file, and %s takes an artifact: dlc build %s makes one of it", path, cmd.CommandPath(), quoted(path))
	}
	return nil
}

// oneFile wants exactly one argument and says which.
func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return wrongCount(cmd, args, "one file")
	}
	return nil
}

// someFiles wants at least one argument.
func someFiles(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return wrongCount(cmd, args, "at least one file")
	}
	return nil
}

// noArgument wants none.
func noArgument(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return wrongCount(cmd, args, "no argument")
	}
	return nil
}

func wrongCount(cmd *cobra.Command, args []string, wants string) error {
	got := "got none"
	if len(args) > 0 {
		got = "got " + strings.Join(args, " ")
	}
	return fmt.Errorf("%s takes %s, %s; write: %s", cmd.CommandPath(), wants, got, form(cmd))
}

// form is how a command is called.
func form(cmd *cobra.Command) string { return strings.TrimSuffix(cmd.UseLine(), " [flags]") }

// unknownWord says that a flag or argument takes one of some words, and which was probably meant.
func unknownWord(kind, word string, list []string) error {
	if s, ok := diag.Suggest(word, list); ok && len(list) == 1 {
		return fmt.Errorf("there is no %s %q: did you mean %s?", kind, word, s)
	} else if ok {
		return fmt.Errorf("there is no %s %q: did you mean %s? (%s)", kind, word, s, strings.Join(list, ", "))
	}
	return fmt.Errorf("there is no %s %q: one of %s", kind, word, strings.Join(list, ", "))
}
