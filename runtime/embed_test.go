//go:build linux && amd64

package runtime

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dlc/runtime/program"
)

// TestStaticInAnEmptyRoot builds a program that embeds the runtime without cgo, checks that it
// needs no interpreter, and runs it where there is nothing but it and its model.
func TestStaticInAnEmptyRoot(t *testing.T) {
	root := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(root, "embed"), "./testdata/embed")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	binary, err := elf.Open(filepath.Join(root, "embed"))
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	for _, p := range binary.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Fatalf("the binary has a segment of type %v", p.Type)
		}
	}
	if err := program.Write(filepath.Join(root, "tiny.dlb"), testModel()); err != nil {
		t.Fatal(err)
	}
	embed := exec.Command("/embed", "/tiny.dlb", "x", "3", "infer", "long")
	if os.Geteuid() == 0 {
		embed.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		embed.Dir = "/"
	} else {
		embed = exec.Command(filepath.Join(root, "embed"), filepath.Join(root, "tiny.dlb"), "x", "3", "infer", "long")
	}
	embed.Env = []string{}
	out, err := embed.CombinedOutput()
	if want := strings.Repeat("y f32[3] 0000003f0000203f0000403f\n", 2); err != nil || string(out) != want {
		t.Fatalf("%v\n%s", err, out)
	}
}
