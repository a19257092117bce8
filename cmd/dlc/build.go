package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dlc"
	"dlc/ir/tensor"
	"dlc/runtime/data"
	"dlc/runtime/program"
	"dlc/runtime/train"
)

// shipped are the entries that an artifact holds: what it takes to answer and to be scored.
var shipped = []string{"prepare", "infer", "score", "metrics", "reset"}

func newBuild() *cobra.Command {
	var weights, out string
	var targets []string
	c := &cobra.Command{
		Use:   "build FILE.dlc",
		Short: "Makes an artifact: code, weights and signature in one file",
		Long: `Builds the model of a file into one artifact that runs without dlc and without libLLVM.

Weights come from --weights, else from the last run's best epoch. The file holds code for x86-64-v3 and x86-64-v4 unless --target
says otherwise, and is the same wherever it is built.`,
		Example: "  dlc build examples/mnist/lenet.dlc -o lenet.dlb\n  dlc build examples/mnist/lenet.dlc --weights lenet.safetensors --target x86-64-v3",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(targets) == 0 {
				targets = []string{"x86-64-v3", "x86-64-v4"}
			}
			p, err := checkFile(cmd, args[0], nil, false, dlc.Options{Targets: targets, Entries: shipped})
			if err != nil {
				return err
			}
			if out == "" {
				out = strings.TrimSuffix(filepath.Base(args[0]), filepath.Ext(args[0])) + ".dlb"
			}
			m, err := p.Compile()
			if err != nil {
				return err
			}
			run, err := fill(m, weights, args[0])
			if err != nil {
				return err
			}
			m.Manifest.Seed = p.Seed()
			if d := p.Info.Dataset; d != nil {
				m.Manifest.Columns, m.Manifest.Missing = d.Needs, d.Missing
			}
			describe(m, run)
			var b bytes.Buffer
			if err := program.Encode(&b, m); err != nil {
				return err
			}
			if err := keepBudgets(p.Info.Promises, m, int64(b.Len())); err != nil {
				return err
			}
			if err := program.WriteFile(out, b.Bytes()); err != nil {
				return fmt.Errorf("write %s: %w", out, err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s bytes, %s for %s\n", out, thousands(int64(b.Len())), m.Name, strings.Join(targets, " and "))
			return nil
		},
	}
	c.Flags().StringVar(&weights, "weights", "", "safetensors file with the weights (default: the last run's best)")
	c.Flags().StringVarP(&out, "output", "o", "", "artifact to write (default: <name of the file>.dlb)")
	c.Flags().StringArrayVar(&targets, "target", nil, "native, x86-64-v3 or x86-64-v4; may be repeated (default: v3 and v4)")
	return c
}

// fill gives the compiled model of a source its weights by name: from a file or, where none is named, from
// the best epoch of the source's last run, whose folder it returns. States of metrics keep their zeros, and
// a model without weights needs none.
func fill(m *program.Model, file, source string) (run string, err error) {
	to := map[string]*tensor.Tensor{}
	for _, w := range m.Weights {
		if train.Lasting(w) {
			dims, _ := w.Type.Shape.Bind(nil)
			to[w.Path] = &tensor.Tensor{DType: w.Type.DType, Dims: dims, Data: w.Value}
		}
	}
	if len(to) == 0 && file == "" {
		return "", nil
	}
	if file == "" {
		run = runFolder(source)
		file = filepath.Join(run, train.BestFile)
	}
	from, err := data.ReadSafetensorsFile(file)
	if errors.Is(err, fs.ErrNotExist) && run != "" {
		return "", fmt.Errorf("no weights: there is no %s; train first (dlc train %s) or name a file with --weights", file, source)
	}
	if err != nil {
		return "", fmt.Errorf("read weights %s: %w", file, err)
	}
	if err := train.Assign(to, from); err != nil {
		return "", fmt.Errorf("weights %s do not fit %s: %w", file, source, err)
	}
	m.Weights = slices.DeleteFunc(m.Weights, func(w *program.Weight) bool { return strings.HasPrefix(w.Path, "optimizer/") })
	return run, nil
}

// describe takes seed, data and metrics of the run that the weights come from.
func describe(m *program.Model, run string) {
	if run == "" {
		return
	}
	text, err := os.ReadFile(filepath.Join(run, train.BestAbout))
	if err != nil {
		return // weights without a run's log tell nothing of their origin
	}
	var about train.About
	if json.Unmarshal(text, &about) != nil {
		return
	}
	m.Manifest.Seed, m.Manifest.DataDigest = about.Seed, about.Data
	m.Manifest.Metrics = map[string]float64{}
	for _, name := range about.Valid.Names() {
		m.Manifest.Metrics["valid."+name] = about.Valid[name]
	}
}
