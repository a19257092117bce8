package emulate

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// ptxas finds NVIDIA's assembler: $PTXAS, then the PATH. It proves that the hand-written texts are PTX.
func ptxas() (string, bool) {
	if path := os.Getenv("PTXAS"); path != "" {
		return path, true
	}
	path, err := exec.LookPath("ptxas")
	return path, err == nil
}

// assemble demands that ptxas takes a text.
func assemble(t *testing.T, text, target string) {
	t.Helper()
	path, ok := ptxas()
	if !ok {
		return // TestAssembler says so once, loudly
	}
	cmd := exec.Command(path, "-arch", target, "-O1", "-o", os.DevNull, "-")
	cmd.Stdin = strings.NewReader(text)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("ptxas refuses the text: %v\n%s\n%s", err, out.String(), text)
	}
}

func TestAssembler(t *testing.T) {
	if _, ok := ptxas(); !ok {
		t.Skip("NO PTXAS: hand-written PTX is interpreted without proof that it is valid; set $PTXAS")
	}
	assemble(t, ptx("sm_80", "", "ret;"), "sm_80")
}

// ptx wraps a body into a module with one entry k(in, out, n); %in, %out and %n hold the parameters, %t the thread.
func ptx(target, vars, body string) string {
	version := "8.0"
	if target == "sm_90a" {
		version = "8.3"
	}
	return fmt.Sprintf(`.version %s
.target %s
.address_size 64
%s
.visible .entry k(.param .u64 k_in, .param .u64 k_out, .param .u32 k_n)
{
.reg .pred %%p<16>;
.reg .b16 %%h<16>;
.reg .b32 %%r<64>;
.reg .f32 %%f<64>;
.reg .f64 %%d<16>;
.reg .b64 %%x<32>;
.reg .b64 %%in, %%out;
.reg .b32 %%n, %%t;
ld.param.u64 %%in, [k_in];
ld.param.u64 %%out, [k_out];
ld.param.u32 %%n, [k_n];
mov.u32 %%t, %%tid.x;
%s
}
`, version, target, vars, body)
}

// runText assembles and runs a one-block text over bytes in and n bytes out.
func runText(t *testing.T, text, target string, threads int, in []byte, n int) ([]byte, *Report, error) {
	t.Helper()
	assemble(t, text, target)
	return runAssembled(t, text, threads, in, n)
}

// oneModule makes one module of several texts of ptx, whose entries are renamed.
func oneModule(texts []string) string {
	var all strings.Builder
	for i, text := range texts {
		at := strings.Index(text, ".visible")
		if i == 0 {
			all.WriteString(text[:at])
		}
		text = strings.Replace(text[at:], ".entry k(", fmt.Sprintf(".entry k%d(", i), 1)
		all.WriteString(strings.ReplaceAll(text, "k_", fmt.Sprintf("k%d_", i)))
	}
	return all.String()
}

func runAssembled(t *testing.T, text string, threads int, in []byte, n int) ([]byte, *Report, error) {
	t.Helper()
	m, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	out := &Buffer{Name: "out", Data: make([]byte, n), Blank: true}
	report, err := entry(t, m, "k").Run(Launch{Block: [3]int{threads}, Seed: 5,
		Args: []Arg{Pointer(&Buffer{Name: "in", Data: in, ReadOnly: true}, 0), Pointer(out, 0), U32(uint32(threads))}})
	return out.Data, report, err
}

// wantFault demands that a text ends in a fault of a kind, whose message has all parts.
func wantFault(t *testing.T, text, target string, threads int, kind Kind, parts ...string) {
	t.Helper()
	_, _, err := runText(t, text, target, threads, make([]byte, 4096), 4096)
	var f *Fault
	if !errors.As(err, &f) || f.Kind != kind {
		t.Fatalf("got %v, expected a fault of kind %q in\n%s", err, kind, text[strings.Index(text, "mov.u32 %t, %tid.x;"):])
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("message %q does not say %q", err, p)
		}
	}
}
