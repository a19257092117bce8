package cpu

import (
	"fmt"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tile"
)

func parsedKernel(t *testing.T, text string) *kernel.Kernel {
	t.Helper()
	k, err := kernel.ParseKernel(text)
	if err == nil {
		err = kernel.VerifyKernel(k)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestRunningRows keeps a maximum and a sum in registers, and the weights in memory.
func TestRunningRows(t *testing.T) {
	for _, c := range []int{1, 40, 64, 150} {
		k := parsedKernel(t, fmt.Sprintf(`kernel softmax(x: input f32[N, %[1]d]) -> (y: output f32[N, %[1]d], z: output f32[N])
  m[n:N] = max j:%[1]d rescale; x[n, j]
  p[n:N, j:%[1]d] = exp(x[n, j] - m[n])
  l[n:N] = sum j:%[1]d rescale m; p[n, j]
  y[n:N, j:%[1]d] = p[n, j] / l[n]
  z[n:N] = m[n] + log(l[n])
`, c))
		check(t, func(target Target) []*tile.Program {
			p, err := tile.Parse(`tile softmax for `+target.Machine.Name+`
phase grid n by 4 vector j {
  each n by 3,1 {
    begin m
    begin l
    stream j by 64 {
      step m
      step l
    }
    hold p along j
    each j by 32 {
      store p
    }
    each j by 32 {
      store y
    }
    store z
  }
}
`, k)
			if err != nil {
				t.Fatal(err)
			}
			return []*tile.Program{p}
		}, []map[string]int64{{"N": 0}, {"N": 1}, {"N": 3}, {"N": 10}}, true)
	}
}

// TestRunningColumns holds scores, weights and accumulators in memory.
func TestRunningColumns(t *testing.T) {
	for _, c := range []string{"64", "150", "C"} {
		k := parsedKernel(t, fmt.Sprintf(`kernel attend(q: input f32[N, 5], k: input f32[%[1]s, 5], v: input f32[%[1]s, 9]) -> (y: output f32[N, 9], z: output f32[N])
  s[i:N, j:%[1]s] = sum c:5 chain; q[i, c] * k[j, c]
  m[i:N] = max j:%[1]s rescale when 0 <= i - j + 30 < N + 30; s[i, j]
  p[i:N, j:%[1]s] = exp(s[i, j] - m[i])
  l[i:N] = sum j:%[1]s rescale m when 0 <= i - j + 30 < N + 30; p[i, j]
  a[i:N, d:9] = sum j:%[1]s rescale m when 0 <= i - j + 30 < N + 30; p[i, j] * v[j, d]
  y[i:N, d:9] = a[i, d] / l[i]
  z[i:N] = m[i] + log(l[i])
`, c))
		check(t, func(target Target) []*tile.Program {
			p, err := tile.Parse(`tile attend for `+target.Machine.Name+`
phase grid i by 32 vector i {
  hold m along i
  hold l along i
  hold a along d
  stream j by 64 {
    hold s along i
    each j by 6,1 {
      begin s
      stream c by 1 {
        step s
      }
      store s
    }
    begin m
    stream j by 8,1 {
      step m
    }
    store m
    hold p along i
    each j by 2,1 {
      store p
    }
    begin l
    step l
    store l
    across d {
      each i by 6,1 {
        begin a
        stream j by 4,1 {
          step a
        }
        store a
      }
    }
  }
  across d {
    each i by 4,1 {
      store y
    }
  }
  store z
}
`, k)
			if err != nil {
				t.Fatal(err)
			}
			return []*tile.Program{p}
		}, []map[string]int64{{"N": 0, "C": 20}, {"N": 1, "C": 1}, {"N": 3, "C": 0}, {"N": 32, "C": 64}, {"N": 77, "C": 200}}, true)
	}
}

// TestTurnsLeftOut hides the terms before or behind a diagonal, which lies where a block begins, in
// one, or beyond all terms.
func TestTurnsLeftOut(t *testing.T) {
	for _, cond := range []string{"0 <= i - j + 30 < N + 230", "0 <= j - i < 200 + N", "0 <= j - i + 30 < 230 + N", "0 <= j - i - 64 < 200 + N", "0 <= i - j - 1 < N + 200"} {
		for _, c := range []string{"192", "C"} {
			k := parsedKernel(t, fmt.Sprintf(`kernel weigh(q: input f32[N, 5], k: input f32[%[1]s, 5], v: input f32[%[1]s, 9]) -> (a: output f32[N, 9], b: output f32[N, 5])
  s[i:N, j:%[1]s] = sum c:5 chain; q[i, c] * k[j, c]
  p[i:N, j:%[1]s] = exp(s[i, j])
  a[i:N, d:9] = sum j:%[1]s chain when %[2]s; p[i, j] * v[j, d]
  b[i:N, f:5] = sum j:%[1]s chain when %[2]s; s[i, j] * k[j, f]
`, c, cond))
			check(t, func(target Target) []*tile.Program { return tiled(t, target, []*tile.Program{{Kernel: k}}) },
				[]map[string]int64{{"N": 0, "C": 20}, {"N": 1, "C": 1}, {"N": 3, "C": 0}, {"N": 65, "C": 64}, {"N": 200, "C": 150}}, true)
		}
	}
}

// TestCrossings makes scores once for sums over both of their axes; where an extent is a symbol, twice.
func TestCrossings(t *testing.T) {
	for _, extents := range [][2]string{{"1", "70"}, {"64", "64"}, {"150", "65"}, {"N", "70"}} {
		for _, cond := range []string{"", "when 0 <= i - j < 200 + N"} {
			k := parsedKernel(t, fmt.Sprintf(`kernel gradients(q: input f32[%[1]s, 5], k: input f32[%[2]s, 5], do: input f32[%[1]s, 9]) -> (dq: output f32[%[1]s, 5], dk: output f32[%[2]s, 5], dv: output f32[%[2]s, 9])
  s[i:%[1]s, j:%[2]s] = sum c:5 chain; q[i, c] * k[j, c]
  p[i:%[1]s, j:%[2]s] = exp(s[i, j])
  e[i:%[1]s, j:%[2]s] = p[i, j] * s[i, j]
  dq[i:%[1]s, d:5] = sum j:%[2]s chain %[3]s; e[i, j] * k[j, d]
  dk[j:%[2]s, d:5] = sum i:%[1]s chain %[3]s; e[i, j] * q[i, d]
  dv[j:%[2]s, d:9] = sum i:%[1]s chain %[3]s; p[i, j] * do[i, d]
`, extents[0], extents[1], cond))
			check(t, func(target Target) []*tile.Program { return tiled(t, target, []*tile.Program{{Kernel: k}}) }, []map[string]int64{{"N": 0}, {"N": 1}, {"N": 70}}, true)
		}
	}
}
