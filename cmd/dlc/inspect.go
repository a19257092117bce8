package main

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"dlc/runtime/program"
)

// An inspection is what inspect says of an artifact.
type inspection struct {
	Model    string             `json:"model"`
	Compiler string             `json:"compiler"`
	Bytes    int64              `json:"bytes"`
	Seed     uint64             `json:"seed"`
	Data     string             `json:"data_digest,omitempty"`
	Metrics  map[string]float64 `json:"metrics,omitempty"`
	Entries  []signature        `json:"entries"`
	Code     []codeSize         `json:"code"`
	Weights  []*program.Weight  `json:"weights"`
	Numbers  int64              `json:"parameters"`
}

type signature struct {
	Name    string `json:"name"`
	Inputs  []port `json:"inputs"`
	Outputs []port `json:"outputs"`
	Memory  int64  `json:"memory_bytes"` // arena, inputs and outputs at symbols = 1
	Flops   int64  `json:"flops"`        // at symbols = 1
}

type port struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type codeSize struct {
	Target string `json:"target"`
	Bytes  int    `json:"bytes"`
}

func newInspect() *cobra.Command {
	var asJSON, source, verify bool
	c := &cobra.Command{
		Use:     "inspect ARTIFACT",
		Short:   "Says what is in an artifact: signature, weights, code, where it came from",
		Example: "  dlc inspect lenet.dlb\n  dlc inspect lenet.dlb --source",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := artifactOnly(cmd, args[0]); err != nil {
				return err
			}
			f, err := program.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			out := cmd.OutOrStdout()
			if verify {
				if err := f.CheckWeights(); err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
			}
			if source {
				fmt.Fprint(out, f.Manifest.Source)
				return nil
			}
			x, err := inspect(f)
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(out)
				enc.SetIndent("", "  ")
				return enc.Encode(x)
			}
			fmt.Fprint(out, x)
			if verify {
				fmt.Fprintln(out, "\nheader, manifest, code and weights match their checksums")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&source, "source", false, "print the source the artifact was built from")
	c.Flags().BoolVar(&verify, "verify", false, "compare the weights with their checksum too")
	return c
}

func inspect(f *program.File) (*inspection, error) {
	x := &inspection{Model: f.Name, Compiler: f.Manifest.Compiler, Bytes: f.Size, Seed: f.Manifest.Seed, Data: f.Manifest.DataDigest,
		Metrics: f.Manifest.Metrics, Weights: f.Weights}
	for _, w := range f.Weights {
		if n, ok := w.Type.Shape.Size().Const(); ok && !w.State {
			x.Numbers += n
		}
	}
	for _, s := range f.Sections {
		x.Code = append(x.Code, codeSize{s.Target, len(s.Code)})
	}
	for _, e := range f.Entries {
		s, err := measure(e, nil)
		if err != nil {
			return nil, err
		}
		x.Entries = append(x.Entries, *s)
	}
	return x, nil
}

// String prints the inspection for people.
func (x *inspection) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s bytes, built by dlc %s\n", x.Model, thousands(x.Bytes), x.Compiler)
	if x.Data != "" {
		fmt.Fprintf(&b, "trained with seed %d on data %.12s\n", x.Seed, x.Data)
	}
	names := make([]string, 0, len(x.Metrics))
	for n := range x.Metrics {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		fmt.Fprintf(&b, "  %-18s %s\n", n, figure(x.Metrics[n]))
	}
	for _, e := range x.Entries {
		fmt.Fprintf(&b, "\nentry %s\n", e.Name)
		for _, p := range e.Inputs {
			fmt.Fprintf(&b, "  in   %-16s %s\n", p.Name, p.Type)
		}
		for _, p := range e.Outputs {
			fmt.Fprintf(&b, "  out  %-16s %s\n", p.Name, p.Type)
		}
		fmt.Fprintf(&b, "  %s bytes and %s floating-point operations at batch 1\n", thousands(e.Memory), thousands(e.Flops))
	}
	b.WriteString("\ncode\n")
	for _, c := range x.Code {
		fmt.Fprintf(&b, "  %-18s %s bytes\n", c.Target, thousands(int64(c.Bytes)))
	}
	fmt.Fprintf(&b, "\nweights, %s parameters\n", thousands(x.Numbers))
	for _, w := range x.Weights {
		fmt.Fprintf(&b, "  %-28s %s\n", w.Path, w.Type)
	}
	return b.String()
}
