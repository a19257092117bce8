package assemble

import (
	"errors"
	"strings"
	"testing"
)

const said = `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'a' for 'sm_90a'
ptxas info    : Function properties for a
    168 bytes stack frame, 164 bytes spill stores, 100 bytes spill loads
ptxas info    : Used 24 registers, used 1 barriers, 120 bytes cumulative stack size, 4096 bytes smem
ptxas info    : Compiling entry function 'b' for 'sm_90a'
ptxas info    : Function properties for b
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 128 registers, used 0 barriers, 392 bytes cmem[0]
`

func TestFigures(t *testing.T) {
	list, err := read(said)
	if err != nil || len(list) != 2 || list[0] != (Figures{"a", 24, 4096, 264}) || list[1] != (Figures{"b", 128, 0, 0}) {
		t.Fatalf("%v, %v", list, err)
	}
	if s := list[0].String(); s != "a: 24 registers, 4096 bytes shared, 264 bytes spilled" {
		t.Error(s)
	}
	for _, line := range []string{"ptxas warning : Value of x is too large", "ptxas info    : (C7517) Potential Performance Loss: waits inserted"} {
		if _, err := read(said + line + "\n"); err == nil || !strings.Contains(err.Error(), line) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestAssemble(t *testing.T) {
	const text = ".version 7.1\n.target sm_80\n.address_size 64\n.visible .entry k()\n{\n\tret;\n}\n"
	list, err := Assemble(text, "sm_80", "")
	if errors.Is(err, ErrMissing) {
		t.Skip("NOT ASSEMBLED: ", err)
	}
	if err != nil || len(list) != 1 || list[0].Kernel != "k" {
		t.Fatalf("%v, %v", list, err)
	}
	if _, err := Assemble(strings.Replace(text, "ret", "rat", 1), "sm_80", ""); err == nil {
		t.Error("a text with a mistake is taken")
	}
}
