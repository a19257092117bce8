package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"dlc"
	"dlc/runtime"
	"dlc/runtime/data"
	"dlc/runtime/program"
	"dlc/runtime/train"
)

func newEval() *cobra.Command {
	var flags dataFlags
	var weights, split string
	var threads int
	var asJSON, watched bool
	c := &cobra.Command{
		Use:   "eval FILE.dlc|ARTIFACT",
		Short: "Scores a model on a part of its data",
		Example: `  dlc eval examples/mnist/lenet.dlc --data Digits=data/mnist
  dlc eval lenet.dlb --data Digits=data/mnist --split valid --json`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			part := data.Part(split)
			if part != data.Train && part != data.Valid && part != data.Test {
				return fmt.Errorf("--split %s: %w", split, unknownWord("part", split, []string{"train", "valid", "test"}))
			}
			m, d, batch, err := evalModel(cmd, args[0], weights, flags, watched)
			if err != nil {
				return err
			}
			s, err := train.ScoreModel(cmd.Context(), m, d, part, batch, runtime.Options{Threads: threads, Watch: watching(watched)})
			if err != nil {
				return dlc.Seen(err)
			}
			if s == nil {
				return fmt.Errorf("the data has no %s part: name another with --split", split)
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"split": split, "records": d.Len(part), "scores": s})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s  (%s records)\n", scores(split, s), thousands(int64(d.Len(part))))
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&weights, "weights", "", "safetensors file, for a source file (default: the last run's best)")
	f.StringArrayVar((*[]string)(&flags), "data", nil, "where a dataset of the file lies: NAME=PATH")
	f.StringVar(&split, "split", "test", "train, valid or test")
	f.IntVar(&threads, "threads", 0, "threads (default: the CPUs this process may use)")
	f.BoolVar(&watched, "check", false, checkUsage)
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// evalModel returns a model with weights and the data to score it on. An artifact holds its
// source, which says how the data is read.
func evalModel(cmd *cobra.Command, path, weights string, flags dataFlags, watched bool) (*program.Model, *data.Dataset, int, error) {
	if err := sourceOnly(path, watched); err != nil {
		return nil, nil, 0, err
	}
	if isArtifact(path) {
		if weights != "" {
			return nil, nil, 0, fmt.Errorf("--weights is for a source file; %s has its own", path)
		}
		f, err := program.Open(path)
		if err != nil {
			return nil, nil, 0, err
		}
		p, err := checkSource(&dlc.Source{Path: path, Text: []byte(f.Manifest.Source)}, flags, true, dlc.Options{})
		if err != nil {
			return nil, nil, 0, err
		}
		return f.Model, p.data, p.Info.Train.Batch, nil
	}
	p, err := checkFile(cmd, path, flags, true, dlc.Options{Entries: shipped, Check: watched})
	if err != nil {
		return nil, nil, 0, err
	}
	m, err := p.Compile()
	if err != nil {
		return nil, nil, 0, err
	}
	if _, err := fill(m, weights, path); err != nil {
		return nil, nil, 0, err
	}
	return m, p.data, p.Info.Train.Batch, nil
}
