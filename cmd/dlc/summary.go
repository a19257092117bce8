package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"dlc"
)

// A summary is what `dlc summary` says of a source file.
type summary struct {
	Model      string         `json:"model"`
	Layers     []layerSummary `json:"layers"`
	Parameters int64          `json:"parameters"`
	States     int64          `json:"states"`
	Flops      int64          `json:"flops"`           // of infer at batch 1
	Infer      int64          `json:"infer_bytes"`     // arena, inputs and outputs at batch 1
	Train      int64          `json:"train_bytes"`     // the same of a training step at the file's batch
	Weights    int64          `json:"weight_bytes"`    // parameters and states
	Optimizer  int64          `json:"optimizer_bytes"` // states of the optimizer
}

type layerSummary struct {
	Path    string          `json:"path"`
	Layer   string          `json:"layer"`
	Output  string          `json:"output"`
	Weights []weightSummary `json:"weights,omitempty"`
}

type weightSummary struct {
	Path  string `json:"path"`
	Type  string `json:"type"`
	State bool   `json:"state,omitempty"`
}

func newSummary() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "summary FILE.dlc",
		Short:   "Lists layers, shapes, parameters, work and memory of a model",
		Example: "  dlc summary examples/mnist/lenet.dlc",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := checkFile(cmd, args[0], nil, false, dlc.Options{Entries: []string{"train", "infer"}})
			if err != nil {
				return err
			}
			s, err := summarize(p.Program)
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(s)
			}
			fmt.Fprint(cmd.OutOrStdout(), s)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func summarize(p *dlc.Program) (*summary, error) {
	s := &summary{Model: p.Info.Model}
	for _, l := range p.Info.Layers {
		x := layerSummary{Path: l.Path, Layer: l.Layer, Output: l.Output.String()}
		for _, w := range l.Weights {
			x.Weights = append(x.Weights, weightSummary{w.Path, w.Type.String(), w.State})
			n, _ := w.Type.Shape.Size().Const()
			s.Weights += n * int64(w.Type.DType.Size())
			if w.State {
				s.States += n
			} else {
				s.Parameters += n
			}
		}
		if l.Path != "" {
			s.Layers = append(s.Layers, x)
		}
	}
	for _, w := range p.Module.Weights {
		if strings.HasPrefix(w.Path, "optimizer/") {
			n, _ := w.Type.Shape.Size().Const()
			s.Optimizer += n * int64(w.Type.DType.Size())
		}
	}
	entries, err := p.Plan()
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		at := map[string]int64{}
		if e.Name == "train" {
			at["N"] = int64(p.Info.Train.Batch)
		}
		x, err := measure(e, at)
		if err != nil {
			return nil, err
		}
		if e.Name == "train" {
			s.Train = x.Memory
		} else {
			s.Infer, s.Flops = x.Memory, x.Flops
		}
	}
	return s, nil
}

// String prints a table for people.
func (s *summary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", s.Model)
	for _, l := range s.Layers {
		indent := strings.Repeat("  ", strings.Count(l.Path, "."))
		fmt.Fprintf(&b, "  %-28s %-20s %s\n", indent+l.Path, l.Layer, l.Output)
		for _, w := range l.Weights {
			kind := ""
			if w.State {
				kind = "  (state)"
			}
			fmt.Fprintf(&b, "  %-28s %-20s %s%s\n", indent+"  "+w.Path[strings.LastIndex(w.Path, ".")+1:], "", w.Type, kind)
		}
	}
	fmt.Fprintf(&b, "\nparameters       %14s\n", thousands(s.Parameters))
	if s.States > 0 {
		fmt.Fprintf(&b, "states           %14s\n", thousands(s.States))
	}
	fmt.Fprintf(&b, "weights          %14s bytes\n", thousands(s.Weights))
	fmt.Fprintf(&b, "infer, batch 1   %14s bytes, %s floating-point operations\n", thousands(s.Infer), thousands(s.Flops))
	if s.Train > 0 {
		fmt.Fprintf(&b, "training step    %14s bytes, and %s of optimizer states\n", thousands(s.Train), thousands(s.Optimizer))
	}
	return b.String()
}
