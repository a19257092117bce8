// Command show answers handwritten digits with a built artifact: a Go program with a model in it.
//
//	dlc train examples/digits/mlp.dlc && dlc build examples/digits/mlp.dlc
//	go run ./examples/digits/show mlp.dlb examples/digits/data/t10k-images-idx3-ubyte.gz
package main

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"dlc/ir/tensor"
	"dlc/runtime"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: show ARTIFACT IMAGES.gz")
	}
	pixels, err := images(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	model, err := runtime.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	session, err := model.NewSession(runtime.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()

	const n, size = 5, 8
	image := tensor.New(tensor.F32, n, size, size, 1)
	for i := 0; i < image.Len(); i++ {
		image.SetFloat(i, float64(pixels[i])/16)
	}
	answers, err := session.Run(context.Background(), "infer", map[string]*tensor.Tensor{"image": image})
	if err != nil {
		log.Fatal(err)
	}
	logits := answers["logits"]
	for row := 0; row < size; row++ {
		for i := 0; i < n; i++ {
			for _, p := range pixels[(i*size+row)*size : (i*size+row+1)*size] {
				fmt.Print(string(" .:-=+*#@"[p/2]), string(" .:-=+*#@"[p/2]))
			}
			fmt.Print("    ")
		}
		fmt.Println()
	}
	for i := 0; i < n; i++ {
		best := 0
		for c := 1; c < 10; c++ {
			if logits.Float(10*i+c) > logits.Float(10*i+best) {
				best = c
			}
		}
		fmt.Printf("%-20s", fmt.Sprintf("this is a %d", best))
	}
	fmt.Println()
}

// images returns the pixels of a gzipped IDX file, row by row.
func images(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	all, err := io.ReadAll(z)
	if err != nil || len(all) < 16+5*64 {
		return nil, fmt.Errorf("%s holds no five images: %v", path, err)
	}
	return all[16:], nil
}
