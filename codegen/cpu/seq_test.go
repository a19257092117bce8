package cpu

import (
	"fmt"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tile"
	"dlc/passes"
	"dlc/runtime/program"
)

// Recurrences along the first, a middle and the last axis: maps, rows, chunks and windows in a turn.
var recurrences = []string{
	`kernel sums(x: input f32[N, T]) -> (y: output f32[N, T])
  scan t:T {
    y[n:N, t:T] = x[n, t] + guard(0 <= t - 1 < T: y[n, t - 1])
  }
`,
	`kernel rows(x: input f32[T, N, 70]) -> (y: output f32[T, N, 70], m: output f32[T, N])
  scan t:T reversed {
    m[t:T, n:N] = sum j:70 lanes64 when 0 <= t + 1 < T; y[t + 1, n, j]
    y[t:T, n:N, j:70] = x[t, n, j] - m[t, n] / 70.0
  }
`,
	`kernel batch(x: input f32[T, N, 21]) -> (y: output f32[T, N, 21], s: output f32[T, 21])
  scan t:T {
    s[t:T, c:21] = sum n:N chunks n by 4 when 0 <= t - 1 < T; y[t - 1, n, c]
    y[t:T, n:N, c:21] = x[t, n, c] - s[t, c] * 0.125
  }
`,
	`kernel shift(x: input f32[N, 5, T], w: input f32[5, 5]) -> (y: output f32[N, 5, T])
  scan t:T {
    z[n:N, c:5, t:T] = sum k:5 chain when 0 <= t - 1 < T; y[n, k, t - 1] * w[k, c]
    y[n:N, c:5, t:T] = max(z[n, c, t], x[n, 4 - c, t])
  }
`,
	`kernel one(x: input f32[1, N]) -> (y: output f32[1, N])
  scan t:1 {
    y[t:1, n:N] = x[t, n] + guard(0 <= t - 1 < 1: y[t - 1, n])
  }
`,
}

func recurrence(t *testing.T, text string, target Target) []*tile.Program {
	t.Helper()
	k, err := kernel.ParseKernel(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := kernel.VerifyKernel(k); err != nil {
		t.Fatal(err)
	}
	return tiled(t, target, []*tile.Program{{Kernel: k}})
}

func TestRecurrences(t *testing.T) {
	for i, text := range recurrences {
		for _, target := range Targets() {
			t.Run(fmt.Sprint(i, " ", target.Name), func(t *testing.T) {
				programs := recurrence(t, text, target)
				m := compiled(t, target, programs...)
				for _, size := range [][2]int64{{0, 3}, {3, 0}, {1, 1}, {5, 19}, {2, 40}} {
					checkShape(t, m, programs, map[string]int64{"T": size[0], "N": size[1]}, false)
				}
			})
		}
	}
}

// A recurrence that is run launch by launch is whole in the first launch of it.
func TestSteppedRecurrence(t *testing.T) {
	target := Targets()[0]
	programs := recurrence(t, recurrences[2], target)
	e, _ := entryOf(programs)
	steps := program.Stepped(e)
	if len(steps) != len(e.Steps) || len(e.Steps) < 3 {
		t.Fatalf("%d entries for %d launches", len(steps), len(e.Steps))
	}
	repeats := passes.Repeats(programs[0])
	for i, s := range steps {
		want := 1
		switch {
		case i > 0 && repeats[i] != nil && repeats[i] == repeats[i-1]:
			want = 0
		case repeats[i] != nil:
			want = len(e.Steps) - i
		}
		if len(s.Steps) != want || s.Name != program.StepName(e.Name, i) {
			t.Errorf("entry %s has %d launches, not %d", s.Name, len(s.Steps), want)
		}
	}
	if _, err := Compile(programs, steps, target, Options{}); err != nil {
		t.Fatal(err)
	}
}
