package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"dlc"
	"dlc/runtime/train"
)

func newTrain() *cobra.Command {
	var flags dataFlags
	var epochs, batch, threads int
	var seed uint64
	var out string
	var resume, asJSON bool
	c := &cobra.Command{
		Use:   "train FILE.dlc",
		Short: "Trains a model on its data",
		Long: `Trains the model of a file on the file's data set, validates it after each epoch, and checks the file's promises at the end.

The run folder holds a checkpoint per epoch, the best weights (best.safetensors) and log.jsonl. Ctrl-C ends the run after the
current step; --resume goes on from the newest checkpoint and gives the weights of an uninterrupted run, bit for bit.`,
		Example: `  dlc train examples/digits/mlp.dlc
  dlc train examples/mnist/lenet.dlc --data Digits=data/mnist --epochs 3
  dlc train examples/mnist/lenet.dlc --resume --json`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := checkFile(args[0], flags, true, dlc.Options{})
			if err != nil {
				return err
			}
			t := p.Info.Train
			set := func(name string, to *int, v int) error {
				if !cmd.Flags().Changed(name) {
					return nil
				}
				if v < 1 {
					return fmt.Errorf("--%s %d: it must be at least 1", name, v)
				}
				*to = v
				return nil
			}
			if err := errors.Join(set("epochs", &t.Epochs, epochs), set("batch", &t.Batch, batch), set("threads", new(int), threads)); err != nil {
				return err
			}
			if cmd.Flags().Changed("seed") {
				t.Seed = seed
			}
			if out == "" {
				out = runFolder(args[0])
			}
			report := newReporter(cmd.OutOrStdout(), cmd.ErrOrStderr(), asJSON, terminal(cmd.ErrOrStderr()))
			return trainFile(cmd.Context(), p, report, out, threads, resume)
		},
	}
	f := c.Flags()
	f.StringArrayVar((*[]string)(&flags), "data", nil, "where a dataset of the file lies: NAME=PATH")
	f.IntVar(&epochs, "epochs", 0, "epochs, instead of the file's")
	f.IntVar(&batch, "batch", 0, "records per step, instead of the file's")
	f.Uint64Var(&seed, "seed", 0, "seed of initial weights, order and randomness, instead of the file's")
	f.IntVar(&threads, "threads", 0, "threads (default: the CPUs this process may use)")
	f.StringVar(&out, "out", "", "run folder (default: runs/<name of the file>)")
	f.BoolVar(&resume, "resume", false, "go on from the newest checkpoint of the run folder")
	f.BoolVar(&asJSON, "json", false, "print one JSON event a line")
	return c
}

// runFolder is where a file's run lies unless it is told otherwise.
func runFolder(file string) string {
	return filepath.Join("runs", strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
}

func trainFile(ctx context.Context, p *checked, report train.Reporter, out string, threads int, resume bool) error {
	model, err := p.Compile()
	if err != nil {
		return err
	}
	t := p.Info.Train
	job := train.Job{Model: model, Data: p.data, Batch: t.Batch, Epochs: t.Epochs, Seed: t.Seed, Threads: threads, Dir: out, Resume: resume, Keep: 1, Report: report}
	if t.Checkpoint != nil {
		job.Keep = t.Checkpoint.Keep
	}
	monitor, mode := "", ""
	if t.Early != nil {
		monitor, mode, job.Patience = t.Early.Monitor, t.Early.Mode, t.Early.Patience
		if job.Stop, err = train.NewMonitor(monitor, mode); err != nil {
			return err
		}
	}
	if job.Best, err = train.NewMonitor(monitor, mode); err != nil {
		return err
	}
	done, err := train.Run(ctx, job)
	if errors.Is(err, train.ErrInterrupted) {
		return fmt.Errorf("interrupted; go on with --resume --out %s", out)
	}
	if err != nil {
		return err
	}
	return keepMetrics(p.Info.Promises, map[string]train.Scores{"valid": done.Valid, "test": done.Test})
}
