// Command embed opens the artifact at its first argument and prints what its entries make of one
// input, a ramp: a program that must run where nothing else is installed.
//
//	embed ARTIFACT INPUT DIMS ENTRY...
package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"dlc/ir/tensor"
	"dlc/runtime"
)

func main() {
	if err := answer(os.Args[1], os.Args[2], ramp(os.Args[3]), os.Args[4:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// ramp is 0, 1/8 ... 7/8, 0 ... of dims such as 2x8x8x1.
func ramp(text string) *tensor.Tensor {
	var dims []int
	for _, d := range strings.Split(text, "x") {
		n, err := strconv.Atoi(d)
		if err != nil {
			panic(err)
		}
		dims = append(dims, n)
	}
	x := tensor.New(tensor.F32, dims...)
	for i := range x.Len() {
		x.SetFloat(i, math.Mod(float64(i)/8, 1))
	}
	return x
}

func answer(path, input string, x *tensor.Tensor, entries []string) error {
	model, err := runtime.Open(path)
	if err != nil {
		return err
	}
	session, err := model.NewSession(runtime.Options{Threads: 2})
	if err != nil {
		return err
	}
	for _, entry := range entries {
		out, err := session.Run(context.Background(), entry, map[string]*tensor.Tensor{input: x})
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(out)) {
			fmt.Printf("%s %s %x\n", name, out[name], out[name].Data)
		}
	}
	if err := session.Close(); err != nil {
		return err
	}
	return model.Close()
}
