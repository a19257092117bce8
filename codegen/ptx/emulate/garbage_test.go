package emulate

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Whatever the text and the arguments, an error comes back and nothing panics.
func TestGarbageEndsInErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/*.ptx")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(61, 1))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed := 0
		for range 200 {
			m, err := Parse(damaged(string(text), rng))
			if err != nil {
				continue
			}
			parsed++
			for _, e := range m.Entries() {
				var args []Arg
				for _, v := range e.params {
					args = append(args, anyArg(v, rng))
				}
				e.Run(Launch{Block: [3]int{160}, DynamicShared: 16384, Limit: 20000, Args: args}) // an error or none: both are fine
			}
		}
		if parsed < 3 {
			t.Errorf("%s: only %d damaged texts were parsed", file, parsed)
		}
	}
}

var word = regexp.MustCompile(`[%\w.:]+`)

// damaged drops, doubles or swaps some stretches of a text.
func damaged(text string, rng *rand.Rand) string {
	for range 1 + rng.IntN(3) {
		from := rng.IntN(len(text))
		to := min(len(text), from+1+rng.IntN(12))
		switch words := word.FindAllStringIndex(text, -1); rng.IntN(5) {
		case 3, 4: // one word for another
			a, b := words[rng.IntN(len(words))], words[rng.IntN(len(words))]
			text = text[:a[0]] + text[b[0]:b[1]] + text[a[1]:]
		case 0:
			text = text[:from] + text[to:]
		case 1:
			text = text[:to] + text[from:]
		default:
			at := rng.IntN(len(text))
			text = text[:from] + text[at:min(len(text), at+to-from)] + text[to:]
		}
	}
	return text
}

func anyArg(v *variable, rng *rand.Rand) Arg {
	switch {
	case v.bytes == tensorMapBytes:
		return Tensor(&TensorMap{Buffer: &Buffer{Name: v.name, Data: make([]byte, 1<<16)}, Size: 2, Dims: []int{64, 64}, Strides: []int{128}, Box: []int{64, 64}, Swizzle: 128})
	case v.bytes == 8:
		return Pointer(&Buffer{Name: v.name, Data: make([]byte, 1<<12)}, rng.IntN(64))
	}
	return Raw(make([]byte, v.bytes))
}

// Every mnemonic with all kinds of modifiers and operands, too many and too few.
func TestGarbageInstructions(t *testing.T) {
	modifiers := strings.Fields("sync aligned shared global shared::cluster b32 u32 f32 b64 b16 pred f16x2 rn lo wide x4 m8n8 m16n8k16 row col bf16 trans arrive wait parity add idx bfly eq v2 v4 m64n16k16 2d mbarrier::complete_tx::bytes bulk_group release cta proxy async cas all ballot init expect_tx approx to")
	operands := strings.Fields("%r1 %r2 %x1 %f1 %p1 %h1 _ 1 0 -1 0f3F800000 [%x1] [%r1+4] [k_in] {%r1,%r2} {%r1,%r2,%r3,%r4} {%f1,%f2,%f3,%f4} !%p1 %r1|%p1 _|%p1 %tid.x L [%x1,{%r1,%r2}] nothing")
	rng := rand.New(rand.NewPCG(62, 1))
	names := slices.Sorted(maps.Keys(families))
	known := 0
	for range 8000 {
		op := names[rng.IntN(len(names))]
		for range rng.IntN(5) {
			op += "." + modifiers[rng.IntN(len(modifiers))]
		}
		var list []string
		for range rng.IntN(6) {
			list = append(list, operands[rng.IntN(len(operands))])
		}
		m, err := Parse(ptx("sm_90a", "", "L:\n"+op+" "+strings.Join(list, ", ")+";\nret;"))
		if err != nil {
			continue
		}
		known++
		b := &Buffer{Name: "b", Data: make([]byte, 256)}
		entry(t, m, "k").Run(Launch{Block: [3]int{32}, Limit: 5000, Args: []Arg{Pointer(b, 0), Pointer(b, 128), U32(0)}})
	}
	if known < 10 {
		t.Errorf("only %d instructions were valid", known)
	}
}
