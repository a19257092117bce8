package tests

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dlc/codegen/cpu"
)

var (
	labelLine  = regexp.MustCompile(`^([.\w]+):`)
	branchLine = regexp.MustCompile(`^\tj\w+\t(\.LBB\w+)`)
	callLine   = regexp.MustCompile(`^\t(?:call|jmp)q?\t([A-Za-z_][.\w@]*)`)
	vectorSave = regexp.MustCompile(`[yz]mm[0-9]+, *-?[0-9]*\(%rsp`)
	defineLine = regexp.MustCompile(`(?m)^define [^@]*@([.\w]+)\(`)
	callInIR   = regexp.MustCompile(`call [^@%\n]*@([.\w]+)\(`)
)

// accumulate is the instruction of a contraction's inner loop: acc = a*b + acc.
const accumulate = "vfmadd231ps"

// moduleProperties says what must hold of LLVM text, whatever the kernels look like.
func moduleProperties(text string) string {
	defined := map[string]bool{}
	for _, m := range defineLine.FindAllStringSubmatch(text, -1) {
		defined[m[1]] = true
	}
	strange := map[string]bool{}
	for _, m := range callInIR.FindAllStringSubmatch(text, -1) {
		if !defined[m[1]] && !strings.HasPrefix(m[1], "llvm.") {
			strange[m[1]] = true
		}
	}
	return fmt.Sprintf("functions: %d\ncalls of what is not defined: %s\nfast-math flags: %s\n", len(defined), list(strange), flags(text))
}

// flags lists the fast-math flags in LLVM text: any would change bits.
func flags(text string) string {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`\b(fast|reassoc|contract|nnan|ninf|nsz|arcp|afn)\b`).FindAllString(text, -1) {
		found[m] = true
	}
	return list(found)
}

func list(set map[string]bool) string {
	if len(set) == 0 {
		return "none"
	}
	return strings.Join(sorted(set), ", ")
}

// codeProperties says what must hold of assembly text: that it is freestanding, and that
// contractions keep their accumulators in registers.
func codeProperties(text string) string {
	lines := strings.Split(text, "\n")
	defined, strange := map[string]bool{}, map[string]bool{}
	for _, l := range lines {
		if m := labelLine.FindStringSubmatch(l); m != nil {
			defined[m[1]] = true
		}
	}
	for _, l := range lines {
		if m := callLine.FindStringSubmatch(l); m != nil && !defined[m[1]] {
			strange[m[1]] = true
		}
	}
	loops, spills := contractions(lines)
	present := "no contraction"
	if loops > 0 {
		present = accumulate
	}
	return fmt.Sprintf("calls of what is not defined: %s\ninner loops of contractions: %s\nvectors saved to the stack in them: %d\n", list(strange), present, spills)
}

// contractions finds the innermost loops in which a fifth of the lines accumulate, and counts
// the vectors that are saved to the stack between the first and the last accumulation.
func contractions(lines []string) (loops, spills int) {
	for _, l := range innermost(lines) {
		body := lines[l[0]:l[1]]
		isSum := func(s string) bool { return strings.Contains(s, accumulate) }
		first := slices.IndexFunc(body, isSum)
		n, last := 0, first
		for i, s := range body {
			if isSum(s) {
				n, last = n+1, i
			}
		}
		if n < 4 || 5*n < len(body) {
			continue
		}
		loops++
		for _, s := range body[first:last] {
			if vectorSave.MatchString(s) {
				spills++
			}
		}
	}
	return loops, spills
}

// innermost returns the loops, from label to backward branch, that hold no other.
func innermost(lines []string) (out [][2]int) {
	at := map[string]int{}
	var loops [][2]int
	for i, l := range lines {
		if m := labelLine.FindStringSubmatch(l); m != nil {
			at[m[1]] = i // each module counts its labels anew
		}
		if m := branchLine.FindStringSubmatch(l); m != nil {
			if from, ok := at[m[1]]; ok {
				loops = append(loops, [2]int{from, i})
			}
		}
	}
	for _, a := range loops {
		if !slices.ContainsFunc(loops, func(b [2]int) bool { return b != a && b[0] >= a[0] && b[1] <= a[1] }) {
			out = append(out, a)
		}
	}
	return out
}

// TestCodeProperties makes sure that the properties of code can fail.
func TestCodeProperties(t *testing.T) {
	good := "kernel.0:\n.LBB0_1:\n" + strings.Repeat("\tvfmadd231ps\t%zmm1, %zmm2, %zmm3\n", 4) + "\tjl\t.LBB0_1\n\tcallq\tkernel.0\n"
	for _, c := range []struct{ text, want string }{
		{good, "calls of what is not defined: none\ninner loops of contractions: vfmadd231ps\nvectors saved to the stack in them: 0\n"},
		{strings.Replace(good, "zmm3\n", "zmm3\n\tvmovups\t%zmm3, -64(%rsp)\n", 1),
			"calls of what is not defined: none\ninner loops of contractions: vfmadd231ps\nvectors saved to the stack in them: 1\n"},
		{strings.Replace(good, "callq\tkernel.0", "callq\tmemcpy@PLT", 1),
			"calls of what is not defined: memcpy@PLT\ninner loops of contractions: vfmadd231ps\nvectors saved to the stack in them: 0\n"},
		{strings.ReplaceAll(good, "vfmadd231ps", "vmulps"),
			"calls of what is not defined: none\ninner loops of contractions: no contraction\nvectors saved to the stack in them: 0\n"},
	} {
		if got := codeProperties(c.text); got != c.want {
			t.Errorf("%s\nhas properties\n%s, not\n%s", c.text, got, c.want)
		}
	}
	if got := moduleProperties("define void @a(ptr %x) {\n  call void @b()\n  %y = fadd fast float %x, %x\n}\n"); !strings.Contains(got, "not defined: b") || !strings.Contains(got, "flags: fast") {
		t.Error(got)
	}
}

// TestAddressesOnly looks at the code of every target for what a blob without loader cannot have.
func TestAddressesOnly(t *testing.T) {
	t.Parallel()
	p := lowered(t, "digits/mlp", module(t, "digits/mlp", "", "", imageColumns("digits/mlp")["image"].Shape))
	for _, target := range cpu.Targets() {
		entries, all := p.schedule(t, target)
		asm, err := cpu.EmitAsm(all, entries, target, cpu.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"@GOTPCREL", "@PLT", "%fs:", "@TPOFF", ".data", ".bss", "memcpy", "memset"} {
			if strings.Contains(asm, word) {
				t.Errorf("%s: the code has %s", target.Name, word)
			}
		}
	}
}
