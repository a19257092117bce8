package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dlc"
	"dlc/runtime/train"
)

func newTrain() *cobra.Command {
	var flags dataFlags
	var epochs, batch, threads int
	var seed uint64
	var out string
	var resume, watched, asJSON bool
	c := &cobra.Command{
		Use:   "train FILE.dlc",
		Short: "Trains a model on its data",
		Long: `Trains the model of a file on the file's data set, validates it after each epoch, and checks the file's promises at the end.

The run folder holds the newest checkpoints (one is made after each epoch), the best weights (best.safetensors) and log.jsonl.
An epoch is reported once its checkpoint is on disk. One process at a time trains in a folder.

Ctrl-C or SIGTERM ends the run after the current step with a checkpoint and exit code 130; a second one ends it at once.
--resume goes on from the newest valid checkpoint, and gives the weights of an uninterrupted run, bit for bit. With more --epochs
a finished run trains further, as the longer run would have, unless its schedule counts the steps in all.

A run without --resume in a folder that holds one sets it aside: the best weights stay in place until an epoch is finished, and
the earlier run lies in the folder's previous/ from the first checkpoint on, until the next run is set aside.

A loss or parameter that is NaN or infinite stops the run with exit code 2; the last good checkpoint is kept.`,
		Example: `  dlc train examples/digits/mlp.dlc
  dlc train examples/mnist/lenet.dlc --data Digits=data/mnist --epochs 3
  dlc train examples/mnist/lenet.dlc --resume --json`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := checkFile(cmd, args[0], flags, true, dlc.Options{Check: watched})
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
			err = trainFile(cmd.Context(), p, report, out, threads, resume || watched, watched)
			if diverged := (*train.Diverged)(nil); errors.As(err, &diverged) && !watched {
				if diverged.Fresh { // the checkpoints in the folder are not this run's
					cmd.Flags().Set("out", out+".check")
				}
				return fmt.Errorf("%w; to see which line they come from: %s", err, resumeCommand(cmd, args[0], "--check"))
			}
			if stop := (*train.Interrupted)(nil); errors.As(err, &stop) && stop.Saved {
				return fmt.Errorf("%w; go on with: %s", err, resumeCommand(cmd, args[0], "--resume"))
			}
			return dlc.Seen(err)
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
	f.BoolVar(&watched, "check", false, checkUsage+"; goes on from the newest checkpoint, if there is one")
	f.BoolVar(&asJSON, "json", false, "print one JSON event a line")
	return c
}

// runFolder is where a file's run lies unless it is told otherwise.
func runFolder(file string) string {
	return filepath.Join("runs", strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
}

// resumeCommand is the command line that goes on, the way that last says, with a run that this
// one has begun.
func resumeCommand(cmd *cobra.Command, file, last string) string {
	words := []string{cmd.CommandPath(), quoted(file)}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch values, many := f.Value.(pflag.SliceValue); {
		case f.Name == "resume" || "--"+f.Name == last:
		case f.Value.Type() == "bool":
			words = append(words, "--"+f.Name)
		case many:
			for _, v := range values.GetSlice() {
				words = append(words, "--"+f.Name, quoted(v))
			}
		default:
			words = append(words, "--"+f.Name, quoted(f.Value.String()))
		}
	})
	return strings.Join(append(words, last), " ")
}

// quoted writes a word so that a shell takes it for one.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./=:,+@%", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func trainFile(ctx context.Context, p *checked, report reporter, out string, threads int, resume, watched bool) error {
	if err := checkable(p.Info.Promises, p.data); err != nil {
		return err
	}
	model, err := p.Compile()
	if err != nil {
		return err
	}
	t := p.Info.Train
	job := train.Job{Model: model, Data: p.data, Batch: t.Batch, Epochs: t.Epochs, Seed: t.Seed, Threads: threads, Dir: out, Resume: resume, Keep: 2, Report: report, Watch: watching(watched)}
	if t.Checkpoint != nil {
		job.Keep = t.Checkpoint.Keep
	}
	monitor, mode := "valid.loss", "min"
	if t.Early != nil {
		monitor, mode, job.Patience = t.Early.Monitor, t.Early.Mode, max(1, t.Early.Patience)
	}
	if job.Best, err = train.NewMonitor(monitor, mode); err != nil {
		return err
	}
	done, err := train.Run(ctx, job)
	if err := errors.Join(err, report.end()); err != nil {
		return err
	}
	kept, err := keepTraining(p.Info.Promises, model, t.Batch, map[string]train.Scores{"train": done.Train, "valid": done.Valid, "test": done.Test})
	report.promises(kept)
	return err
}
