package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"time"
)

//go:embed peer.py
var peerScript string

// A peer is a Python process that times PyTorch's way of a work when asked to.
type peer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startPeer returns nil where PEERS names no Python with PyTorch.
func startPeer() (*peer, error) {
	python := os.Getenv("PEERS")
	if python == "" || exec.Command(python, "-c", "import torch").Run() != nil {
		fmt.Println("no PyTorch: PEERS names no Python that has it")
		return nil, nil
	}
	p := &peer{cmd: exec.Command(python, "-c", peerScript)}
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = in, bufio.NewReader(out)
	return p, p.cmd.Start()
}

func (p *peer) close() error {
	p.in.Close()
	return p.cmd.Wait()
}

// ask sends a job and returns the answer; ok is false where PyTorch refuses.
func (p *peer) ask(job map[string]any) (seconds float64, ok bool, err error) {
	text, err := json.Marshal(job)
	if err != nil {
		return 0, false, err
	}
	if _, err := p.in.Write(append(text, '\n')); err != nil {
		return 0, false, fmt.Errorf("ask PyTorch: %w", err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return 0, false, fmt.Errorf("time PyTorch: %w", err)
	}
	var answer *float64
	if err := json.Unmarshal(line, &answer); err != nil || answer == nil {
		return 0, false, err
	}
	return *answer, true, nil
}

// contestants are PyTorch's ways of a work that it does not refuse.
func (p *peer) contestants(w work, threads int) ([]*contestant, error) {
	if p == nil || len(w.torch) == 0 {
		return nil, nil
	}
	if _, _, err := p.ask(map[string]any{"setup": w.torchSetup, "threads": threads}); err != nil {
		return nil, err
	}
	var list []*contestant
	for _, code := range append(slices.Clone(w.torch), w.packed) {
		if code == "" {
			continue
		}
		_, ok, err := p.ask(map[string]any{"code": code, "calls": 1, "threads": threads})
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		list = append(list, &contestant{name: code, rep: func(calls int) (time.Duration, error) {
			s, _, err := p.ask(map[string]any{"code": code, "calls": calls, "threads": threads})
			return time.Duration(s * 1e9), err
		}})
	}
	return list, nil
}
