package codegen

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"github.com/llir/llvm/ir"

	"dlc/ir/tile"
)

// A Function is one phase of a tile program as LLVM text.
type Function struct {
	Name, Text string
	Program    *tile.Program // the first it came from, where several are equal
	Phase      int
	Threads    Threads // of a GPU
}

// Threads says what a block of threads of a GPU has: warps and bytes of shared memory. Together
// they compute one block of the grid, or else each warp has one.
type Threads struct {
	Warps, Shared int64
	Together      bool
	Maps          []TensorMap
	Parameters    int // the maps are the last of them
}

// unnamed stands for the name of a function in a text that is compared with others.
const unnamed = "unnamed"

// Write makes the text of every phase of the programs, once where several are equal. Finish may
// add to a function; name gives one its name. Numbers says which function each phase has, program
// by program, phase by phase.
func Write(programs []*tile.Program, m tile.Machine, finish func(*ir.Func), name func(number int, f Function) string) (functions []Function, numbers []int, err error) {
	written, err := Each(programs, func(p *tile.Program) ([]Function, error) {
		list := phases(p, m, unnamed)
		out := make([]Function, len(list))
		for i, e := range list {
			e.fn.SetName(unnamed)
			finish(e.fn)
			out[i] = Function{Text: e.fn.LLString() + "\n\n", Program: p, Phase: i, Threads: e.across.threads()}
		}
		return out, nil
	})
	if err != nil {
		return nil, nil, err
	}
	seen := map[string]int{}
	for _, list := range written {
		for _, f := range list {
			at, ok := seen[f.Text]
			if !ok {
				at = len(functions)
				seen[f.Text] = at
				f.Name = name(at, f)
				f.Text = strings.Replace(f.Text, unnamed, f.Name, 1)
				functions = append(functions, f)
			}
			numbers = append(numbers, at)
		}
	}
	return functions, numbers, nil
}

// Numbered names functions kernel.0, kernel.1 ...
func Numbered(number int, _ Function) string { return "kernel." + strconv.Itoa(number) }

// Each applies f to all elements on all CPUs. A panic of f reaches the caller, with the stack it
// came from.
func Each[T, R any](list []T, f func(T) (R, error)) ([]R, error) {
	out, errs, panics := make([]R, len(list)), make([]error, len(list)), make([]any, len(list))
	next := make(chan int, len(list))
	for i := range list {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(list)) {
		wg.Go(func() {
			for i := range next {
				func() {
					defer func() {
						if cause := recover(); cause != nil {
							panics[i] = fmt.Sprintf("%v\n\n%s", cause, debug.Stack())
						}
					}()
					out[i], errs[i] = f(list[i])
				}()
			}
		})
	}
	wg.Wait()
	for i := range list {
		if panics[i] != nil {
			panic(panics[i])
		}
		if errs[i] != nil {
			return nil, fmt.Errorf("part %d: %w", i, errs[i])
		}
	}
	return out, nil
}
