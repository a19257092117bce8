package llvm

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

var v4 = Target{"x86_64-unknown-linux-gnu", "x86-64", "+avx2,+fma"}

func library(t *testing.T) *Library {
	t.Helper()
	l, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestCompileMakesAssemblyAndObject(t *testing.T) {
	l := library(t)
	const m = "define float @f(float %a) nounwind {\n  %b = call float @llvm.fma.f32(float %a, float %a, float %a)\n  ret float %b\n}\n"
	asm, err := l.Compile(m, v4, Full, Assembly)
	if err != nil || !strings.Contains(string(asm), "vfmadd") {
		t.Fatalf("%v\n%s", err, asm)
	}
	object, err := l.Compile(m, v4, Quick, Object)
	if err != nil || !strings.HasPrefix(string(object), "\x7fELF") {
		t.Fatal(err, len(object))
	}
}

func TestBadModulesAreErrors(t *testing.T) {
	l := library(t)
	for name, c := range map[string]struct{ module, want string }{
		"parse":  {"define void @f( {", "parse"},
		"verify": {"define i32 @f() {\n  br label %a\na:\n  %x = phi i32 [ 1, %a ]\n  ret i32 %x\n}\n", "verify"},
		"asm":    {"define void @f() {\n  call void asm sideeffect \"nosuchinstruction\", \"\"()\n  ret void\n}\n", "nosuchinstruction"},
	} {
		_, err := l.Compile(c.module, v4, Full, Object)
		if name == "asm" {
			c.want = "invalid instruction mnemonic"
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFatalErrorIsSurvived(t *testing.T) {
	l := library(t)
	// AMX needs a target feature: instruction selection gives up fatally.
	const bad = "define void @f() {\n  call void @llvm.x86.tilezero(i8 1)\n  ret void\n}\n"
	if _, err := l.Compile(bad, v4, Full, Object); err == nil || !strings.Contains(err.Error(), "fatal") {
		t.Fatalf("want a fatal error, got %v", err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := l.Compile("define void @g() {\n  ret void\n}\n", v4, Full, Object); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestPanicsReachTheCaller panics on the goroutine of a compilation: the caller panics in its place.
func TestPanicsReachTheCaller(t *testing.T) {
	defer func() {
		if cause := fmt.Sprint(recover()); !strings.Contains(cause, "nil map") || !strings.Contains(cause, "compile.go") {
			t.Errorf("the caller panics with %s", cause)
		}
	}()
	new(Library).Compile("", v4, Full, Object)
}
