package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"dlc/lang/diag"
	"dlc/lang/format"
)

// errDiffers ends `dlc fmt -d` where something is not formatted; what is, has been printed.
var errDiffers = errors.New("not formatted")

// stdin is the name of a source that comes from standard input.
const stdin = "-"

func newFmt() *cobra.Command {
	var write, diff bool
	c := &cobra.Command{
		Use:   "fmt FILE...",
		Short: "Lays sources out in the house style",
		Long: `Lays sources out in the house style: indentation, blanks, alignment of names, values and comments. Line breaks stay where they are.

Without a flag the result is printed. -w writes it to the file and names each file that changed; -d prints what would change and ends
with 1 when something would. - reads standard input; a folder stands for the .dlc files below it. A file with a mistake is left alone.`,
		Example: `  dlc fmt -w mlp.dlc
  dlc fmt -d examples
  dlc fmt - < mlp.dlc`,
		Args: someFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := sources(args)
			if err != nil {
				return err
			}
			if write && diff {
				return errors.New("-w and -d exclude each other")
			}
			t := &tidier{in: cmd.InOrStdin(), out: cmd.OutOrStdout(), write: write, diff: diff}
			for _, f := range files {
				if err := t.file(f); err != nil {
					return err
				}
			}
			return t.end()
		},
	}
	c.Flags().BoolVarP(&write, "write", "w", false, "write the result to the file")
	c.Flags().BoolVarP(&diff, "diff", "d", false, "print what would change; end with 1 when something would")
	return c
}

// sources replaces folders by the .dlc files below them.
func sources(args []string) ([]string, error) {
	var out []string
	for _, a := range args {
		info, err := os.Stat(a)
		if a == stdin || err == nil && !info.IsDir() {
			out = append(out, a)
			continue
		}
		if err != nil {
			return nil, err
		}
		err = filepath.WalkDir(a, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && strings.HasSuffix(path, ".dlc") {
				out = append(out, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// A tidier formats files and remembers what was wrong with them.
type tidier struct {
	in          io.Reader
	out         io.Writer
	write, diff bool

	mistakes diag.List
	differs  bool
}

func (t *tidier) file(path string) error {
	name, text, err := t.read(path)
	if err != nil {
		return err
	}
	tidy, err := format.Source(name, text)
	var list diag.List
	if errors.As(err, &list) {
		t.mistakes = append(t.mistakes, list...)
		return nil
	}
	if err != nil {
		return err
	}
	same := bytes.Equal(text, tidy)
	switch {
	case t.diff && !same:
		t.differs = true
		_, err = io.WriteString(t.out, format.Diff(name, text, tidy))
	case t.write && path != stdin && !same:
		if err = rewrite(path, tidy); err == nil {
			_, err = fmt.Fprintln(t.out, path)
		}
	case !t.diff && (!t.write || path == stdin):
		_, err = t.out.Write(tidy)
	}
	return err
}

func (t *tidier) read(path string) (name string, text []byte, err error) {
	if path == stdin {
		text, err = io.ReadAll(t.in)
		return "standard input", text, err
	}
	text, err = os.ReadFile(path)
	return path, text, err
}

func (t *tidier) end() error {
	switch {
	case len(t.mistakes) > 0:
		return t.mistakes
	case t.differs:
		return errDiffers
	}
	return nil
}

// rewrite replaces a file's text so that it is never half written; links and permissions stay.
func rewrite(path string, text []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".fmt-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
