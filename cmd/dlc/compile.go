package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dlc"
)

func newCompile() *cobra.Command {
	var emit, dump, entry, target string
	var timed, explained bool
	c := &cobra.Command{
		Use:   "compile FILE.dlc",
		Short: "Compiles a model and shows any stage on the way",
		Long: "Compiles a model to machine code in memory. Nothing is written; ask for a stage, the work of a pass, or the time of each phase. " +
			"A file named *" + dlc.KernelSuffix + " is the text of a kernel program, as --emit=kernel prints it, and goes the rest of the way.",
		Example: `  dlc compile examples/mnist/lenet.dlc --emit=graph --entry infer
  dlc compile examples/mnist/lenet.dlc --dump=fuse
  dlc compile examples/mnist/lenet.dlc --explain --entry infer
  dlc compile examples/mnist/lenet.dlc --time`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if emit != "" && !slices.Contains(dlc.Stages(), emit) {
				return unknownWord("stage", emit, dlc.Stages())
			}
			if dump != "" && !slices.Contains(dlc.Passes(), dump) {
				return unknownWord("pass", dump, dlc.Passes())
			}
			o := dlc.Options{Stages: []string{emit}, Stage: func(_, text string) { fmt.Fprintln(out, strings.TrimRight(text, "\n")) }}
			if err := aim(&o, target, emit); err != nil {
				return err
			}
			o.Entries = []string{"train", "infer"}
			if entry != "" {
				o.Entries = []string{entry}
			}
			o.Pass = func(pass, text string) {
				if pass == dump {
					fmt.Fprintln(out, strings.TrimRight(text, "\n"))
				}
			}
			if dump == "" {
				o.Pass = nil
			}
			if explained {
				o.Explain = func(pass, line string) { fmt.Fprintf(out, "%-8s %s\n", pass, line) }
			}
			var total time.Duration
			if timed {
				o.Time = func(phase string, d time.Duration) {
					total += d
					fmt.Fprintf(out, "%-14s %8.2f ms\n", phase, d.Seconds()*1e3)
				}
			}
			if err := compile(cmd, args[0], emit, entry, o); err != nil {
				return err
			}
			if timed {
				fmt.Fprintf(out, "%-14s %8.2f ms\n", "total", total.Seconds()*1e3)
			}
			return nil
		},
	}
	c.Flags().StringVar(&emit, "emit", "", "print a stage: "+strings.Join(dlc.Stages(), ", "))
	c.Flags().StringVar(&dump, "dump", "", "print the program after this pass: "+strings.Join(dlc.Passes(), ", "))
	c.Flags().BoolVar(&explained, "explain", false, "print what the passes over kernels decide, with the numbers they compare")
	c.Flags().BoolVar(&timed, "time", false, "print how long each phase takes")
	c.Flags().StringVar(&entry, "entry", "", "compile this entry alone (default: train and infer)")
	c.Flags().StringVar(&target, "target", "", "native, x86-64-v3 or x86-64-v4; to be shown: "+strings.Join(dlc.GPUs(), ", "))
	return c
}

// aim sets the target, of a kind that has the stage. Without one, PTX is that of the first GPU.
func aim(o *dlc.Options, target, emit string) error {
	if target == "" && emit == "ptx" {
		target = dlc.GPUs()[0]
	}
	gpu := slices.Contains(dlc.GPUs(), target)
	switch {
	case gpu && emit == "asm":
		return fmt.Errorf("there is no stage asm for %s; ask for ptx", target)
	case gpu:
		o.GPU = target
	case emit == "ptx":
		return fmt.Errorf("there is no stage ptx for %s; targets that have it are %s", target, strings.Join(dlc.GPUs(), ", "))
	case target != "":
		o.Targets = []string{target}
		_, err := dlc.Targets(o.Targets)
		return err
	}
	return nil
}

// compile takes one file, of the language or of kernels, to machine code, or only to its graph
// where that is what is asked for.
func compile(cmd *cobra.Command, file, emit, entry string, o dlc.Options) error {
	front := emit == "ast" || emit == "types" || emit == "graph"
	if strings.HasSuffix(file, dlc.KernelSuffix) {
		if front || emit == "opt" || entry != "" {
			return fmt.Errorf("%s holds kernels: it has no %s", file, cmp.Or(entryFlag(entry), "stage "+emit))
		}
		src, err := dlc.ReadSource(file)
		if err != nil {
			return err
		}
		_, err = dlc.Kernels(src, &o)
		return err
	}
	p, err := checkFile(cmd, file, nil, false, o)
	if err != nil {
		return err
	}
	if entry != "" && !slices.Contains(p.Entries(), entry) {
		return fmt.Errorf("%s: %w", file, unknownWord("entry", entry, p.Entries()))
	}
	if front {
		return nil
	}
	_, err = p.Compile()
	return err
}

func entryFlag(entry string) string {
	if entry == "" {
		return ""
	}
	return "entry " + entry
}
