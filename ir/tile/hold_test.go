package tile

import (
	"strings"
	"testing"

	"dlc/ir/kernel"
)

func parsed(text string) *kernel.Kernel {
	k, err := kernel.ParseKernel(text)
	if err == nil {
		err = kernel.VerifyKernel(k)
	}
	if err != nil {
		panic(err)
	}
	return k
}

// softmax: y[n,j] over j in one pass for the maximum and the sum.
func softmax() *kernel.Kernel {
	return parsed(`kernel softmax(x: input f32[N, 150]) -> (y: output f32[N, 150])
  m[n:N] = max j:150 rescale; x[n, j]
  p[n:N, j:150] = exp(x[n, j] - m[n])
  l[n:N] = sum j:150 rescale m; p[n, j]
  y[n:N, j:150] = p[n, j] / l[n]
`)
}

const softmaxText = `tile softmax for avx2
phase grid n by 1 vector j {
  begin m
  begin l
  stream j by 64 {
    step m
    let p
    step l
  }
  hold p along j
  each j by 32 {
    store p
  }
  each j by 32 {
    store y
  }
}
`

// attend: the weighted sum of v over j <= i + 3, for scores q k.
func attend() *kernel.Kernel {
	return parsed(`kernel attend(q: input f32[N, 5], k: input f32[150, 5], v: input f32[150, 9]) -> (y: output f32[N, 9])
  s[i:N, j:150] = sum c:5 chain; q[i, c] * k[j, c]
  m[i:N] = max j:150 rescale when 0 <= i - j + 120 < 270; s[i, j]
  p[i:N, j:150] = exp(s[i, j] - m[i])
  l[i:N] = sum j:150 rescale m when 0 <= i - j + 120 < 270; p[i, j]
  a[i:N, d:9] = sum j:150 rescale m when 0 <= i - j + 120 < 270; p[i, j] * v[j, d]
  y[i:N, d:9] = a[i, d] / l[i]
`)
}

const attendText = `tile attend for avx2
phase grid i by 16 vector i {
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
}
`

func TestVerifyRefusesHold(t *testing.T) {
	for _, c := range []struct {
		k              *kernel.Kernel
		text, from, to string
		want           string
	}{
		{softmax(), softmaxText, "stream j by 64", "stream j by 128", "no turn of blocks"},
		{softmax(), softmaxText, "stream j by 64", "each j by 64", "walked between its begin and its step"},
		{softmax(), softmaxText, "    step m\n    let p\n    step l\n", "    step l\n    step m\n", "the block of m is not done"},
		{softmax(), softmaxText, "    step m\n", "    each n by 1 {\n    step m\n    }\n", "walked between its begin and its step"},
		{softmax(), softmaxText, "    step m\n", "    step m\n    step m\n", "a second step"},
		{softmax(), softmaxText, "hold p along j", "hold p along k", "no axis k"},
		{softmax(), softmaxText, "  each j by 32 {\n    store p\n  }\n", "", "held and not stored"},
		{softmax(), softmaxText, "hold p along j", "hold p along j\n  hold p along j", "held or alive already"},
		{attend(), attendText, "  hold a along d\n", "", "must be the reduced one"},
		{attend(), attendText, "    store l\n", "    each i by 1 {\n      store l\n    }\n", "walked since it began"},
		{attend(), attendText, "      store s\n", "", "held and not stored"},
		{attend(), attendText, "    store m\n", "", "the block of m is not done"},
		{attend(), attendText, "    step l\n", "    stream j by 32,1 {\n      step l\n    }\n", "a block is one step"},
		{attend(), attendText, "across d {\n      each", "across e {\n      each", "no index e"},
		{attend(), attendText, "across d {\n      each i by 6,1", "across d {\n      each i by 6", "cut short"},
		{attend(), attendText, "begin a", "each c by 1 {\n        begin a", "c is walked since it is held"},
		{attend(), attendText, "  stream j by 64 {\n    hold s along i\n", "  hold s along i\n  stream j by 64 {\n", ""},
		{attend(), attendText, "hold l along i", "hold l", ""},
		{attend(), attendText, "stream j by 64", "each j by 64", "walked since it is held"},
	} {
		text := edit(t, c.text, c.from, c.to)
		if strings.Contains(c.to, "each c by 1") {
			text = edit(t, text, "        store a\n      }\n", "        store a\n      }\n      }\n")
		}
		_, err := Parse(text, c.k)
		if c.want == "" && err == nil {
			continue
		}
		if !broken.By(err, c.want) {
			t.Errorf("%q for %q: %v, not %q", c.to, c.from, err, c.want)
		}
	}
}
