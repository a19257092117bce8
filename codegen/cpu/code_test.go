package cpu

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"dlc/codegen"
	"dlc/codegen/llvm"
	"dlc/ir/kernel"
	"dlc/ir/tile"
	"dlc/runtime/program"
)

// contractions are the kernels that must reach the machine's limit.
func contractions(t *testing.T, target Target) []*tile.Program {
	t.Helper()
	var programs []*tile.Program
	for _, k := range []*kernel.Kernel{matmul(n0, in(512), in(512)), matmul(n0, in(3136), in(128)), conv(14, 14, 32, 64, 1)} {
		programs = append(programs, &tile.Program{Kernel: k})
	}
	return append(tiled(t, target, programs), matmulTile(target, n0, in(512), in(512)))
}

var spill = regexp.MustCompile(`[xyz]mm\d+.*\(%rsp\)|\(%rsp\).*[xyz]mm\d+`)

// TestMicroKernels reads the assembly: an inner loop with many multiply-adds has no vector in
// memory that belongs in a register, and every multiply-add is fused.
func TestMicroKernels(t *testing.T) {
	for _, target := range Targets() {
		for _, p := range contractions(t, target) {
			text, err := EmitAsm([]*tile.Program{p}, nil, target, Options{})
			if err != nil {
				t.Fatal(err)
			}
			loops := 0
			for _, loop := range innerLoops(text) {
				if strings.Count(loop, "vfmadd") < 16 {
					continue
				}
				loops++
				if s := spill.FindString(loop); s != "" {
					t.Errorf("%s for %s: spill in an inner loop: %s", p.Name, target.Name, s)
				}
				if strings.Contains(loop, "vmulps") {
					t.Errorf("%s for %s: unfused product in an inner loop", p.Name, target.Name)
				}
			}
			if loops == 0 {
				t.Errorf("%s for %s has no inner loop of multiply-adds", p.Name, target.Name)
			}
			if wide := strings.Contains(text, "zmm"); wide != (target.Width == 512) {
				t.Errorf("%s for %s: zmm registers: %v", p.Name, target.Name, wide)
			}
		}
	}
}

// innerLoops returns the blocks that jump to their own label.
func innerLoops(text string) []string {
	var loops []string
	label, body := "", []string{}
	for _, l := range strings.Split(text, "\n") {
		if strings.HasPrefix(l, ".LBB") {
			label, body = strings.TrimSuffix(strings.Fields(l)[0], ":"), nil
			continue
		}
		body = append(body, l)
		if f := strings.Fields(l); len(f) == 2 && f[0][0] == 'j' && f[1] == label {
			loops = append(loops, strings.Join(body, "\n"))
		}
	}
	return loops
}

func TestObjectsStandAlone(t *testing.T) {
	lib, err := llvm.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range Targets() {
		programs := append(contractions(t, target), tiled(t, target, []*tile.Program{{Kernel: softmax(in(200))}})...)
		e, _ := entryOf(programs)
		u, err := write(programs, []*program.Entry{e}, target)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range u.modules {
			object, err := lib.Compile(m, target.LLVM, llvm.Full, llvm.Object)
			if err != nil {
				t.Fatal(err)
			}
			names, err := undefined(object)
			if err != nil || len(names) > 0 {
				t.Errorf("%s: undefined symbols %v, %v", target.Name, names, err)
			}
		}
	}
}

func TestForeignObjectsAreRefused(t *testing.T) {
	lib, err := llvm.Open()
	if err != nil {
		t.Fatal(err)
	}
	for module, want := range map[string]string{
		"declare void @elsewhere()\ndefine void @f() nounwind {\n  call void @elsewhere()\n  ret void\n}\n":  "elsewhere",
		"@x = internal global i32 7\ndefine ptr @f() nounwind {\n  store i32 8, ptr @x\n  ret ptr @x\n}\n":   ".data",
		"define double @f(double %x, double %y) nounwind {\n  %z = frem double %x, %y\n  ret double %z\n}\n": "fmod",
	} {
		object, err := lib.Compile(module, V3().LLVM, llvm.Full, llvm.Object)
		if err != nil {
			t.Fatal(err)
		}
		if err := newLinker().add(object); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error that names %s, got %v", want, err)
		}
	}
}

// TestSectionsRepeat compiles twice and compares bytes; equal kernels are in the code once.
func TestSectionsRepeat(t *testing.T) {
	programs := contractions(t, V4())
	programs = append(programs, programs[0])
	e, _ := entryOf(programs)
	first, err := Compile(programs, []*program.Entry{e}, V4(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := Compile(programs, []*program.Entry{e}, V4(), Options{})
	if err != nil || !bytes.Equal(first.Code, second.Code) {
		t.Fatal("two compilations differ", err)
	}
	if last := len(first.Kernels) - 1; first.Kernels[0] != first.Kernels[last] {
		t.Errorf("equal kernels lie at %#x and %#x", first.Kernels[0], first.Kernels[last])
	}
}

// TestSymbolsHaveAnOrder writes a kernel of several symbols time and again: which of them is read first does not
// depend on how maps are walked.
func TestSymbolsHaveAnOrder(t *testing.T) {
	k := parsedKernel(t, `kernel k(x: input f32[A, B, C, D]) -> (y: output f32[A, B, C, D])
  y[a:A, b:B, c:C, d:D] = x[a, b, c, d] + 1.0
`)
	programs := tiled(t, V4(), []*tile.Program{{Kernel: k}})
	first, err := EmitLLVM(programs, nil, V4())
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		if again, err := EmitLLVM(programs, nil, V4()); err != nil || again != first {
			t.Fatal("written again it is another text", err)
		}
	}
}

func TestPanicOfAWorkerReachesTheCaller(t *testing.T) {
	defer func() {
		if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "BUG: injected\n") || !strings.Contains(text, "code_test.go") {
			t.Errorf("got %s", text)
		}
	}()
	codegen.Each([]int{0, 1, 2}, func(i int) (int, error) {
		if i == 1 {
			panic("BUG: injected")
		}
		return i, nil
	})
}
