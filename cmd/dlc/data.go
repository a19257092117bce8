package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"dlc"
	"dlc/ir/tensor"
	"dlc/lang/diag"
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
			return "", fmt.Errorf("--data %s: write --data NAME=PATH", d)
		}
		if name != recipe.Name {
			return "", fmt.Errorf("--data %s: %s has no dataset %q, but %q", d, file, name, recipe.Name)
		}
		path = p
	}
	return path, nil
}

// openData reads the data set of a file.
func openData(recipe *dlc.Dataset, file string, flags dataFlags) (*data.Dataset, error) {
	path, err := flags.path(recipe, file)
	if err != nil {
		return nil, err
	}
	args := []string{path}
	source := recipe.Source
	if source == "idx" {
		source = "mnist" // the same four files, of any size
	}
	o := data.Options{}
	if recipe.SplitBy != "index" {
		o.Key = recipe.SplitBy
	}
	d, err := data.Open(source, args, o)
	if err != nil {
		return nil, fmt.Errorf("dataset %s: %w", recipe.Name, err)
	}
	return d, nil
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
		return fmt.Errorf("%s: dataset %s: %w", recipe.Span, recipe.Name, err)
	}
	for _, c := range recipe.Contracts {
		if !c.Raw {
			continue
		}
		if err := d.CheckRange(c.Column, c.Lo, c.Hi); err != nil {
			return fmt.Errorf("%s: dataset %s: %w", c.Span, recipe.Name, err)
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
// that the data must be there.
func checkFile(file string, flags dataFlags, need bool, o dlc.Options) (*checked, error) {
	src, err := dlc.ReadSource(file)
	if err != nil {
		return nil, err
	}
	return checkSource(src, flags, need, o)
}

func checkSource(src *dlc.Source, flags dataFlags, need bool, o dlc.Options) (*checked, error) {
	file := src.Path
	recipe, err := dlc.Recipe(src)
	if err != nil {
		return nil, err
	}
	var d *data.Dataset
	var missing error
	if recipe != nil {
		if d, missing = openData(recipe, file, flags); missing == nil {
			o.Columns = columns(d)
		}
	} else if len(flags) > 0 {
		missing = fmt.Errorf("%s has no dataset", file)
	}
	if missing != nil && need && recipe != nil && len(flags) == 0 {
		missing = fmt.Errorf("%w (another place: --data %s=PATH)", missing, recipe.Name)
	}
	p, err := dlc.Check(src, &o)
	if err != nil {
		return nil, because(err, missing)
	}
	if missing != nil && (need || len(flags) > 0) {
		return nil, missing
	}
	if need && d == nil {
		return nil, fmt.Errorf("%s has no train block with a dataset", file)
	}
	if d != nil {
		if err := settle(d, p.Info.Dataset); err != nil {
			return nil, err
		}
	}
	return &checked{p, d}, nil
}

// because adds to mistakes that only say that the data is unknown why it could not be read.
func because(err, missing error) error {
	var list diag.List
	if missing == nil || !errors.As(err, &list) {
		return err
	}
	for _, d := range list {
		if d.Code == unknownData {
			d.Help = []string{missing.Error()}
		}
	}
	return list
}

// unknownData is the code of mistakes about columns whose types only the data can tell.
const unknownData = "E0413"
