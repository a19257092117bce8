package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"

	"dlc/ir/tensor"
)

// idxTypes are the element types of the IDX format (LeCun's MNIST page) by their code.
var idxTypes = map[byte]tensor.DType{0x08: tensor.U8, 0x09: tensor.I8, 0x0c: tensor.I32, 0x0d: tensor.F32, 0x0e: tensor.F64}

// MNIST reads the four files of an MNIST-like set from a folder, each plain or with .gz:
// columns image u8[28, 28, 1] and label u8, parts train and test.
func MNIST(dir string) (*Dataset, error) {
	return readPairs([][2]string{
		{filepath.Join(dir, "train-images-idx3-ubyte"), filepath.Join(dir, "train-labels-idx1-ubyte")},
		{filepath.Join(dir, "t10k-images-idx3-ubyte"), filepath.Join(dir, "t10k-labels-idx1-ubyte")},
	})
}

// IDX reads images and labels from two IDX files, plain or gzip: columns image and label. Images
// without channels get one.
func IDX(images, labels string) (*Dataset, error) {
	return readPairs([][2]string{{images, labels}})
}

// sideBySide calls f for 0..n on goroutines of their own. A panic of f reaches the caller, with the
// stack it came from.
func sideBySide(n int, f func(i int)) {
	panics := make([]any, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			defer func() {
				if cause := recover(); cause != nil {
					panics[i] = fmt.Sprintf("%v\n\n%s", cause, debug.Stack())
				}
			}()
			f(i)
		})
	}
	wg.Wait()
	for _, cause := range panics {
		if cause != nil {
			panic(cause)
		}
	}
}

// readPairs reads image and label files, the first pair being train, the second test.
func readPairs(pairs [][2]string) (*Dataset, error) {
	read := make([]*tensor.Tensor, 2*len(pairs))
	names := make([]string, len(read))
	errs := make([]error, len(read))
	sideBySide(len(read), func(i int) { read[i], names[i], errs[i] = readIDX(pairs[i/2][i%2]) })
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	var columns []Column
	var blocks []block
	for i := range pairs {
		image, label := read[2*i], read[2*i+1]
		pair := names[2*i : 2*i+2]
		if image.Dims[0] != label.Dims[0] {
			return nil, fmt.Errorf("%s holds %d records and %s %d", pair[0], image.Dims[0], pair[1], label.Dims[0])
		}
		here := []Column{{"image", image.DType, slices.Clone(image.Dims[1:])}, {"label", label.DType, slices.Clone(label.Dims[1:])}}
		if len(here[0].Dims) == 2 {
			here[0].Dims = append(here[0].Dims, 1)
		}
		if i == 0 {
			columns = here
		}
		for k, c := range columns {
			if c.Type != here[k].Type || !slices.Equal(c.Dims, here[k].Dims) {
				return nil, fmt.Errorf("%s holds %s%v, but the training part %s%v", pair[k], here[k].Type, here[k].Dims, c.Type, c.Dims)
			}
		}
		blocks = append(blocks, block{[]Part{Train, Test}[i], image.Dims[0], [][]byte{image.Data, label.Data}})
	}
	return newDataset(columns, blocks...)
}

// readIDX reads one IDX file, or the same name with .gz when it is missing, and returns the name that it has.
func readIDX(path string) (*tensor.Tensor, string, error) {
	f, err := openFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if g, err2 := openFile(path + ".gz"); err2 == nil {
			f, err = g, nil
		}
	}
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	t, err := parseIDX(f)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", f.name, err)
	}
	return t, f.name, nil
}

// parseIDX reads the header, checks the size it promises against the file, then the elements.
func parseIDX(f *file) (*tensor.Tensor, error) {
	var magic [4]byte
	if _, err := io.ReadFull(f, magic[:]); err != nil {
		return nil, truncated(err, "the header")
	}
	dtype, ok := idxTypes[magic[2]]
	if magic[0] != 0 || magic[1] != 0 || !ok || magic[3] == 0 || magic[3] > 8 {
		return nil, fmt.Errorf("no IDX file: it begins with % x", magic)
	}
	dims := make([]int, magic[3])
	size := dtype.Size()
	for i := range dims {
		var b [4]byte
		if _, err := io.ReadFull(f, b[:]); err != nil {
			return nil, truncated(err, "the header")
		}
		dims[i] = int(binary.BigEndian.Uint32(b[:]))
		if size, ok = product(size, dims[i]); !ok {
			return nil, fmt.Errorf("the header promises %v elements, too many to count", dims[:i+1])
		}
	}
	data, err := f.take(size)
	if err != nil {
		return nil, err
	}
	if dims[0] > 0 && size == 0 && len(dims) > 1 {
		return nil, fmt.Errorf("records without values: dims %v", dims)
	}
	if err := f.end(); err != nil {
		return nil, err
	}
	if w := dtype.Size(); w > 1 { // big endian on disk
		for at := 0; at < len(data); at += w {
			slices.Reverse(data[at : at+w])
		}
	}
	return &tensor.Tensor{DType: dtype, Dims: dims, Data: data}, nil
}

// product multiplies sizes below 2^48.
func product(a, b int) (int, bool) {
	if b < 0 || b != 0 && a > (1<<48)/b {
		return 0, false
	}
	return a * b, true
}
