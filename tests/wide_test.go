//go:build linux && amd64

package tests

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dlc"
	"dlc/ir/tensor"
	dlcruntime "dlc/runtime"
)

// wideTable is a program that stacks so many columns of a table.
func wideTable(columns int) string {
	names := make([]string, columns)
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
	}
	list := strings.Join(names, ", ")
	return fmt.Sprintf(`edition 2026

model Wide()(x: f32[N, %d]) -> (y: f32[N, 3]) {
  x |> Dense(3)
}

dataset Table = csv("wide.csv") {
  %s : number
  x = stack([%s])
  label in 0..3
}

train Wide {
  data      = Table
  loss      = cross_entropy(y, label)
  optimizer = Adam(2e-2)
  batch     = 16
  epochs    = 1
}
`, columns, list, list)
}

// TestWideTablesCompile compiles a table of 2,000 and of 9,000 columns: time and memory grow with
// their number and not with its square.
func TestWideTablesCompile(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ columns, megabytes int }{{2000, 500}, {9000, 2000}} {
		if testing.Short() && x.columns > 2000 {
			continue
		}
		path := filepath.Join(t.TempDir(), "wide.dlc")
		if err := os.WriteFile(path, []byte(wideTable(x.columns)), 0o644); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		c := exec.CommandContext(ctx, "sh", "-c", `ulimit -v 16000000; exec "$@"`, "sh", dlcCommand(t), "compile", path)
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		peak := watchMemory(c.Process.Pid)
		if err := c.Wait(); err != nil {
			t.Fatalf("%d columns: %v\n%.2000s", x.columns, err, out.Bytes())
		}
		used := <-peak
		if used > x.megabytes {
			t.Errorf("%d columns take %d MB, more than %d", x.columns, used, x.megabytes)
		}
		if used == 0 {
			t.Errorf("%d columns: its memory was not seen", x.columns)
		}
		t.Logf("%d columns: %d MB, %v of CPU time", x.columns, used, c.ProcessState.UserTime()+c.ProcessState.SystemTime())
	}
}

// watchMemory reads the peak of a process's memory (MB) until it ends. What wait4 reports would not do: it counts the
// memory of the process that started this one, which is the tests' own.
func watchMemory(pid int) <-chan int {
	peak := make(chan int, 1)
	go func() {
		most := 0
		for {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			_, after, found := strings.Cut(string(status), "VmHWM:")
			if err != nil || !found { // it has ended: a zombie has no memory
				peak <- most
				return
			}
			kilobytes, _ := strconv.Atoi(strings.Fields(after)[0])
			most = max(most, kilobytes>>10)
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return peak
}

// TestWideStacksAreInOrder stacks 1,100 columns, which takes three levels of joining, with and
// without fusion.
func TestWideStacksAreInOrder(t *testing.T) {
	t.Parallel()
	const columns, rows = 1100, 5
	types := map[string]tensor.Type{"label": {DType: tensor.I32}}
	inputs := map[string]*tensor.Tensor{"label": tensor.New(tensor.I32, rows)}
	for i := range columns {
		name := fmt.Sprintf("c%d", i)
		types[name] = tensor.Type{DType: tensor.F32}
		inputs[name] = tensor.New(tensor.F32, rows)
		for r := range rows {
			inputs[name].SetFloat(r, float64(r*columns+i))
		}
	}
	src := &dlc.Source{Path: "wide.dlc", Text: []byte(wideTable(columns))}
	for _, checked := range []bool{false, true} {
		model, err := dlcruntime.Load(artifactOf(t, src, types, dlc.Options{Entries: []string{"prepare"}, Check: checked}))
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		s, err := model.NewSession(dlcruntime.Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		out, err := s.Run(context.Background(), "prepare", inputs)
		if err != nil {
			t.Fatal(err)
		}
		for i := range columns * rows {
			if got := out["x"].Float(i); got != float64(i) {
				t.Fatalf("checked %v: element %d is %v", checked, i, got)
			}
		}
	}
}
