// Command answer opens the artifact at its first argument and prints the bits of what infer makes
// of a ramp of N=2 images of 8x8: a program that must run where nothing else is installed.
package main

import (
	"context"
	"fmt"
	"math"
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
	session, err := model.NewSession(runtime.Options{})
	if err != nil {
		return err
	}
	image := tensor.New(tensor.F32, 2, 8, 8, 1)
	for i := range image.Len() {
		image.SetFloat(i, math.Mod(float64(i)/8, 1))
	}
	out, err := session.Run(context.Background(), "infer", map[string]*tensor.Tensor{"image": image})
	if err != nil {
		return err
	}
	fmt.Printf("%x\n", out["logits"].Data)
	if err := session.Close(); err != nil {
		return err
	}
	return model.Close()
}
