// Command embed opens the artifact at its first argument and prints what infer makes of 1, 2, 3:
// a program that must run where nothing else is installed.
package main

import (
	"context"
	"fmt"
	"os"

	"dlc/ir/tensor"
	"dlc/runtime"
)

func main() {
	if err := answer(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answer(path string) error {
	model, err := runtime.Open(path)
	if err != nil {
		return err
	}
	session, err := model.NewSession(runtime.Options{Threads: 2})
	if err != nil {
		return err
	}
	for _, entry := range []string{"infer", "long"} {
		outputs, err := session.Run(context.Background(), entry, map[string]*tensor.Tensor{"x": tensor.FromFloats(tensor.F32, []float64{1, 2, 3}, 3)})
		if err != nil {
			return err
		}
		y := outputs["y"]
		fmt.Println(y, y.Float(0), y.Float(1), y.Float(2))
	}
	if err := session.Close(); err != nil {
		return err
	}
	return model.Close()
}
