package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"dlc"
	"dlc/ir/tensor"
	"dlc/runtime"
	"dlc/runtime/data"
	"dlc/runtime/program"
	"dlc/runtime/train"
)

func newRun() *cobra.Command {
	var inputs, outputs []string
	var entry, weights string
	var threads int
	var asJSON, watched bool
	c := &cobra.Command{
		Use:   "run FILE.dlc|ARTIFACT",
		Short: "Runs an entry of a model on tensors from .npy files",
		Long: `Runs an entry of an artifact, or of a source file, which is then compiled in memory and has its seeded initial weights unless
--weights names others. Inputs are .npy files; outputs go to .npy files, or are printed.`,
		Example: "  dlc run lenet.dlb --input image=test.npy --output logits=out.npy",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			given, err := readInputs(inputs)
			if err != nil {
				return err
			}
			m, err := openModel(cmd, args[0], weights, entry, watched)
			if err != nil {
				return err
			}
			defer m.Close()
			s, err := m.NewSession(runtime.Options{Threads: threads, Watch: watching(watched)})
			if err != nil {
				return err
			}
			defer s.Close()
			for _, w := range s.Warnings() {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning:", w)
			}
			values, err := s.Run(cmd.Context(), entry, given)
			if err != nil {
				return dlc.Seen(err)
			}
			return showOutputs(cmd, values, outputs, asJSON)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&inputs, "input", nil, "an input: NAME=FILE.npy")
	f.StringArrayVar(&outputs, "output", nil, "where an output goes: NAME=FILE.npy (default: printed)")
	f.StringVar(&entry, "entry", "infer", "the entry to run")
	f.StringVar(&weights, "weights", "", "safetensors file, for a source file")
	f.IntVar(&threads, "threads", 0, "threads (default: the CPUs this process may use)")
	f.BoolVar(&watched, "check", false, checkUsage)
	f.BoolVar(&asJSON, "json", false, "print outputs as JSON")
	return c
}

// isArtifact tells an artifact from a source by its name.
func isArtifact(path string) bool { return !strings.HasSuffix(path, ".dlc") }

// openModel opens an artifact, or compiles a source file in memory and gives it weights.
func openModel(cmd *cobra.Command, path, weights, entry string, watched bool) (*runtime.Model, error) {
	if err := sourceOnly(path, watched); err != nil {
		return nil, err
	}
	if isArtifact(path) {
		if weights != "" {
			return nil, fmt.Errorf("--weights is for a source file; %s has its own", path)
		}
		return runtime.Open(path)
	}
	entries := []string{"init", entry}
	p, err := checkFile(cmd, path, nil, false, dlc.Options{Entries: entries, Check: watched})
	if err != nil {
		return nil, err
	}
	if !slices.Contains(p.Entries(), entry) {
		return nil, fmt.Errorf("%s has no entry %q: %s", path, entry, strings.Join(p.Entries(), ", "))
	}
	m, err := p.Compile()
	if err != nil {
		return nil, err
	}
	if weights != "" {
		if _, err := fill(m, weights, path); err != nil {
			return nil, err
		}
	} else if err := train.Initialize(cmd.Context(), m, p.Seed()); err != nil {
		return nil, err
	}
	return runtime.Load(m)
}

func readInputs(flags []string) (map[string]*tensor.Tensor, error) {
	out := map[string]*tensor.Tensor{}
	for _, f := range flags {
		name, path, ok := strings.Cut(f, "=")
		if !ok || path == "" {
			return nil, fmt.Errorf("--input %s: write --input NAME=FILE.npy", f)
		}
		x, err := data.ReadNPYFile(path)
		if err != nil {
			return nil, fmt.Errorf("input %s: %w", name, err)
		}
		out[name] = x
	}
	return out, nil
}

// showOutputs writes the outputs that have a file there, and prints the others.
func showOutputs(cmd *cobra.Command, values map[string]*tensor.Tensor, files []string, asJSON bool) error {
	var names []string
	for n := range values {
		names = append(names, n)
	}
	sort.Strings(names)
	written := map[string]bool{}
	for _, f := range files {
		name, path, ok := strings.Cut(f, "=")
		if !ok || path == "" {
			return fmt.Errorf("--output %s: write --output NAME=FILE.npy", f)
		}
		if values[name] == nil {
			return fmt.Errorf("--output %s: there is no output %q: %s", f, name, strings.Join(names, ", "))
		}
		if err := writeNPY(path, values[name]); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		written[name] = true
	}
	out := cmd.OutOrStdout()
	shown := map[string]any{}
	for _, n := range names {
		if written[n] {
			continue
		}
		if asJSON {
			shown[n] = nested(values[n], 0, len(values[n].Dims))
			continue
		}
		fmt.Fprintf(out, "%s %s\n%s\n", n, values[n], lines(values[n]))
	}
	if asJSON {
		return json.NewEncoder(out).Encode(shown)
	}
	return nil
}

// writeNPY writes a tensor to a file, whole or not at all.
func writeNPY(path string, x *tensor.Tensor) error {
	var b strings.Builder
	if err := data.WriteNPY(&b, x); err != nil {
		return err
	}
	return program.WriteFile(path, []byte(b.String()))
}

// nested turns a tensor into lists of lists, with text for what JSON has no number for.
func nested(x *tensor.Tensor, at, rank int) any {
	if rank == 0 {
		return jsonNumber(x, at)
	}
	n := x.Dims[len(x.Dims)-rank]
	stride := 1
	for _, d := range x.Dims[len(x.Dims)-rank+1:] {
		stride *= d
	}
	list := make([]any, n)
	for i := range list {
		list[i] = nested(x, at+i*stride, rank-1)
	}
	return list
}

func jsonNumber(x *tensor.Tensor, i int) any {
	switch v := x.Float(i); {
	case v != v || v-v != 0:
		return fmt.Sprint(v)
	case x.DType.IsFloat():
		return v
	}
	return x.Int(i)
}

// lines prints a tensor a row a line, at most 20 rows.
func lines(x *tensor.Tensor) string {
	const most = 20
	width := 1
	if r := len(x.Dims); r > 0 {
		width = x.Dims[r-1]
	}
	var b strings.Builder
	for i := 0; i < x.Len(); i++ {
		if i/max(width, 1) == most {
			fmt.Fprintf(&b, "... %d rows more\n", x.Len()/width-most)
			break
		}
		if x.DType.IsFloat() {
			fmt.Fprintf(&b, " %.6g", x.Float(i))
		} else {
			fmt.Fprintf(&b, " %d", x.Int(i))
		}
		if (i+1)%width == 0 {
			b.WriteByte('\n')
		}
	}
	return strings.TrimRight(b.String(), "\n")
}
