package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

//go:embed peer.py
var peerScript string

// peerTimes returns the seconds that PyTorch takes for each work that has an expression, by name;
// none where PEERS names no Python with PyTorch.
func peerTimes(list []work, threads int, runs sample) (map[string]float64, error) {
	python := os.Getenv("PEERS")
	if python == "" || exec.Command(python, "-c", "import torch").Run() != nil {
		fmt.Println("no PyTorch: PEERS names no Python that has it")
		return nil, nil
	}
	type item struct{ Name, Setup, Code string }
	var items []item
	for _, w := range list {
		if w.torch != "" {
			items = append(items, item{w.name, w.torchSetup, w.torch})
		}
	}
	in, err := json.Marshal(map[string]any{"threads": threads, "runs": runs.runs, "best": runs.best, "items": items})
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(python, "-c", peerScript)
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(in)), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("time PyTorch: %w", err)
	}
	times := map[string]float64{}
	return times, json.Unmarshal(out, &times)
}
