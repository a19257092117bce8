package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"dlc"
	"dlc/runtime"
)

// text is a kernel program that applies each function to an input of its own.
func text(list []subject) string {
	var buffers, kernels strings.Builder
	for _, s := range list {
		fmt.Fprintf(&buffers, "buffer x_%s: input f32[N]\nbuffer y_%[1]s: output f32[N]\n", s.name)
		fmt.Fprintf(&kernels, "\nkernel k_%s(x_%[1]s) -> (y_%[1]s)\n  y_%[1]s[i:N] = %[1]s(x_%[1]s[i])\n", s.name)
	}
	return "program ulp\n" + buffers.String() + kernels.String()
}

// A machine runs functions natively on blocks of n floats.
type machine struct {
	loaded *runtime.Model
}

func newMachine(list []subject) (*machine, error) {
	model, err := dlc.Kernels(&dlc.Source{Path: "ulp.kernel", Text: []byte(text(list))}, &dlc.Options{})
	if err != nil {
		return nil, err
	}
	m, err := runtime.LoadTarget(model, model.Sections[0].Target)
	return &machine{m}, err
}

// A worker has memory of its own.
type worker struct {
	session *runtime.Session
	binding *runtime.Bound
	n       int
}

func (m *machine) worker(n int) (*worker, error) {
	s, err := m.loaded.NewSession(runtime.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	b, err := s.Bind("ulp", map[string]int64{"N": int64(n)})
	if err != nil {
		s.Close()
		return nil, err
	}
	return &worker{s, b, n}, nil
}

func (w *worker) close() { w.session.Close() }

func bits(b int64) float32 { return math.Float32frombits(uint32(b)) }

// set gives a function its arguments.
func (w *worker) set(fn string, list []float32) {
	data := w.binding.Input("x_" + fn).Data
	for i, x := range list {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(x))
	}
}

// results are those of a function after a call.
func (w *worker) results(fn string) []float32 {
	data := w.binding.Output("y_" + fn).Data
	list := make([]float32, w.n)
	for i := range list {
		list[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return list
}

func (w *worker) call() error { return w.binding.Call(context.Background()) }

func (w *worker) apply(fn string, list []float32) ([]float32, error) {
	w.set(fn, list)
	if err := w.call(); err != nil {
		return nil, err
	}
	return w.results(fn), nil
}
