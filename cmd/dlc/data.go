package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"dlc"
	"dlc/ir/tensor"
	"dlc/runtime/data"
)

// A dataFlags is the repeated flag --data NAME=PATH.
type dataFlags []string

// path returns where the data set of that name lies: what a flag says, else what the file says,
// relative to the file.
func (f dataFlags) path(recipe *dlc.Dataset, file string) (string, error) {
	path, _ := recipe.Args["path"].(string)
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(file), path)
	}
	for _, d := range f {
		name, p, ok := strings.Cut(d, "=")
		if !ok || p == "" {
			return "", fmt.Errorf("--data %s: write --data %s=PATH", d, recipe.Name)
		}
		if name != recipe.Name {
			return "", fmt.Errorf("--data %s: %w", d, unknownWord("dataset", name, []string{recipe.Name}))
		}
		path = p
	}
	return path, nil
}

// openData reads the data set of a file from its place: of a table the columns that the file names.
// Header is the names of a table's columns, read or not.
func openData(recipe *dlc.Dataset, path string, uses map[string]bool) (d *data.Dataset, header []string, err error) {
	args := []string{path}
	source := recipe.Source
	if source == "idx" {
		source = "mnist" // the same four files, of any size
	}
	o := data.Options{Wanted: func(column string) bool {
		header = append(header, column)
		return uses[column]
	}, Missing: recipe.Missing}
	if recipe.SplitBy != "index" {
		o.Key = recipe.SplitBy
	}
	d, err = data.Open(source, args, o)
	return d, header, err
}

// columns returns the types of a data set's columns, per record.
func columns(d *data.Dataset) map[string]tensor.Type {
	out := map[string]tensor.Type{}
	for _, c := range d.Columns {
		t := tensor.Type{DType: c.Type}
		for _, n := range c.Dims {
			t.Shape = append(t.Shape, tensor.Int(int64(n)))
		}
		out[c.Name] = t
	}
	return out
}

// settle divides the data as the file says and holds it to the file's contracts.
func settle(d *data.Dataset, recipe *dlc.Dataset) error {
	s := data.Split{Shares: recipe.Split}
	if recipe.SplitBy != "index" {
		s.By = recipe.SplitBy
	}
	if err := d.Split(s); err != nil {
		return dlc.Undivided(recipe, err)
	}
	for _, c := range recipe.Contracts {
		if !c.Raw {
			continue
		}
		if err := d.CheckRange(c.Column, c.Lo, c.Hi); err != nil {
			return dlc.Outside(recipe, c, err)
		}
	}
	return nil
}

// A checked file is a program without mistakes, and its data when it was to be opened.
type checked struct {
	*dlc.Program
	data *data.Dataset
}

// checkFile reads a source file, with the types of its data where that can be read. need says
// that the data must be there. Warnings are shown.
func checkFile(cmd *cobra.Command, file string, flags dataFlags, need bool, o dlc.Options) (*checked, error) {
	src, err := readSource(cmd, file)
	if err != nil {
		return nil, err
	}
	p, err := checkSource(src, flags, need, o)
	if err == nil {
		warn(cmd.ErrOrStderr(), p.Warnings)
	}
	return p, err
}

func checkSource(src *dlc.Source, flags dataFlags, need bool, o dlc.Options) (*checked, error) {
	recipe, err := dlc.Recipe(src)
	if err != nil {
		return nil, err
	}
	var d *data.Dataset
	var unread error
	if recipe != nil {
		path, err := flags.path(recipe, src.Path)
		if err != nil {
			return nil, err
		}
		if d, o.Header, unread = openData(recipe, path, dlc.Words(src)); unread == nil {
			o.Columns = columns(d)
		}
	}
	p, err := dlc.Check(src, &o)
	switch {
	case unread != nil && (need || len(flags) > 0 || dlc.WantsData(err)):
		return nil, dlc.Unreadable(recipe, unread, err)
	case err != nil:
		return nil, err
	case recipe == nil && (need || len(flags) > 0):
		return nil, fmt.Errorf("%s has no train block with a dataset", src.Path)
	case d == nil:
		return &checked{p, nil}, nil
	}
	return &checked{p, d}, settle(d, p.Info.Dataset)
}
