// Command ulp measures the functions of one f32, as compiled for this machine, against f64: at
// every float, or at every nth. It keeps the worst inputs, which a test runs again, and writes
// their errors into docs/numerics.md.
//
//	ulp [-stride n] [-write] [function ...]
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// block is how many floats a worker takes at a time.
const block = 1 << 16

func main() {
	stride := flag.Int64("stride", 1, "measure every nth float; 1 measures all")
	write := flag.Bool("write", false, "keep what is found in "+file+" and "+page)
	flag.Parse()
	if err := run(*stride, *write, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(stride int64, write bool, names []string) error {
	if stride < 1 {
		return fmt.Errorf("a stride is 1 at least, not %d", stride)
	}
	table, err := readWorst(file)
	if err != nil {
		return err
	}
	chosen := map[string]bool{}
	for _, n := range names {
		chosen[n] = true
	}
	var bad []string
	for _, s := range subjects() {
		if len(names) > 0 && !chosen[s.name] {
			continue
		}
		delete(chosen, s.name)
		found, err := sweep(s, stride, table[s.name])
		if err != nil {
			return err
		}
		ulp, x := found.most()
		fmt.Printf("%-10s %.3f ulp at %g\n", s.name, ulp, x)
		if ulp > s.bound {
			bad = append(bad, s.name)
		}
		table[s.name] = found
	}
	for n := range chosen {
		return fmt.Errorf("no function %s of one float", n)
	}
	if write {
		if err := writeWorst(file, table); err != nil {
			return err
		}
		if table, err = readWorst(file); err != nil { // as rounded there
			return err
		}
		if err := writePage(page, table); err != nil {
			return err
		}
	}
	if bad != nil {
		return fmt.Errorf("beyond their bounds: %v", bad)
	}
	return nil
}

// sweep measures a function at every stride-th float, with a worker a core, and where it was worst before.
func sweep(s subject, stride int64, before *worst) (*worst, error) {
	m, err := newMachine([]subject{s})
	if err != nil {
		return nil, err
	}
	defer m.loaded.Close()
	total := (int64(1)<<32 + stride - 1) / stride
	blocks := (total + block - 1) / block
	var next atomic.Int64
	var join sync.Mutex
	var group sync.WaitGroup
	all, told := &worst{}, time.Now()
	if before != nil {
		if err := m.again(s, before, all); err != nil {
			return nil, err
		}
	}
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			w, failed := m.worker(block)
			found := &worst{}
			for failed == nil {
				b := next.Add(1) - 1
				if b >= blocks {
					break
				}
				failed = w.measure(s, b*block, stride, total, found)
				join.Lock()
				if time.Since(told) > 5*time.Second {
					told = time.Now()
					fmt.Fprintf(os.Stderr, "%s %d %%\n", s.name, 100*b/blocks)
				}
				join.Unlock()
			}
			if w != nil {
				w.close()
			}
			join.Lock()
			defer join.Unlock()
			if err == nil {
				err = failed
			}
			all.join(found)
		})
	}
	group.Wait()
	return all, err
}

// again measures the inputs that were kept.
func (m *machine) again(s subject, before, found *worst) error {
	w, err := m.worker(parts)
	if err != nil {
		return err
	}
	defer w.close()
	list := make([]float32, parts)
	for i, p := range before {
		list[i] = p.x
	}
	return w.errors(s, list, found)
}

// measure runs one block of floats: those of the places first to first + block, of total.
func (w *worker) measure(s subject, first, stride, total int64, found *worst) error {
	list := make([]float32, block)
	for i := range list {
		list[i] = bits(min(first+int64(i), total-1) * stride)
	}
	return w.errors(s, list, found)
}

// errors takes those of a block of floats.
func (w *worker) errors(s subject, list []float32, found *worst) error {
	got, err := w.apply(s.name, list)
	if err != nil {
		return err
	}
	for i, x := range list {
		if s.measured(x) {
			found.take(x, s.ulp(x, got[i]))
		}
	}
	return nil
}
