//go:build linux && amd64

package tests

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlc"
	"dlc/ir/tensor"
	"dlc/runtime/data"
	"dlc/runtime/program"
	"dlc/runtime/train"
)

// A deployment is a model trained in this process, and the artifact that build made of it.
type deployment struct {
	dir      string
	artifact []byte
	image    *tensor.Tensor
	logits   map[string]*tensor.Tensor // of image, in the process that trained
}

// deployed trains on digits and builds the artifact from the best weights.
func deployed(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{dir: t.TempDir(), image: tensor.New(tensor.F32, 2, 8, 8, 1)}
	for i := range d.image.Len() {
		d.image.SetFloat(i, math.Mod(float64(i)/8, 1))
	}
	digits := openDigits(t)
	m := built(t, digitsFile, digits, dlc.Options{})
	trained(t, m, digits, func(j *train.Job) { j.Dir = d.dir })
	assign(t, m, filepath.Join(d.dir, train.BestFile))
	d.logits = answers(t, m, d.image)
	path := filepath.Join(d.dir, "mlp.dlb")
	build := exec.Command(dlcCommand(t), "build", digitsFile, "--weights", filepath.Join(d.dir, train.BestFile), "-o", path)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var err error
	if d.artifact, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestBuildsAreAlike builds an artifact again: in another process, elsewhere, on one processor.
func TestBuildsAreAlike(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	path := filepath.Join(t.TempDir(), "other.dlb")
	build := exec.Command(dlcCommand(t), "build", digitsFile, "--weights", filepath.Join(d.dir, train.BestFile), "-o", path)
	build.Env = append(os.Environ(), "GOMAXPROCS=1", "TZ=Asia/Tokyo", "LC_ALL=C")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	again, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, d.artifact) {
		t.Errorf("%d bytes, then %d bytes that differ", len(d.artifact), len(again))
	}
}

// TestRunsWithoutLLVM runs the artifact in a root that holds dlc and the C library it is linked
// with, and nothing else: the answers are those of the process that trained, in bits. What does
// need libLLVM there names the command that installs it.
func TestRunsWithoutLLVM(t *testing.T) {
	t.Parallel()
	needRoot(t)
	d := deployed(t)
	root := t.TempDir()
	install(t, root, dlcCommand(t), "dlc")
	var npy bytes.Buffer
	if err := data.WriteNPY(&npy, d.image); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"mlp.dlb": d.artifact, "image.npy": npy.Bytes()} {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, code := inRoot(t, root, "/dlc", "run", "/mlp.dlb", "--input", "image=/image.npy", "--output", "logits=/out.npy"); code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	logits, err := data.ReadNPYFile(filepath.Join(root, "out.npy"))
	if err != nil {
		t.Fatal(err)
	}
	sameBits(t, "without libLLVM:", map[string]*tensor.Tensor{"logits": logits}, d.logits)
	if err := os.CopyFS(filepath.Join(root, "digits"), os.DirFS("../examples/digits")); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"train /digits/mlp.dlc --epochs 1 --out /tmp", "compile /digits/mlp.dlc", "run /digits/mlp.dlc --input image=/image.npy", "doctor"} {
		out, code := inRoot(t, root, append([]string{"/dlc"}, strings.Fields(args)...)...)
		if code != 2 || !strings.Contains(out, "apt-get install") || !strings.Contains(out, "libllvm19") {
			t.Errorf("dlc %s: exit %d, not 2 with the command that installs libLLVM:\n%s", args, code, out)
		}
	}
	for _, args := range []string{"check /digits/mlp.dlc", "summary /digits/mlp.dlc", "inspect /mlp.dlb", "version"} {
		if out, code := inRoot(t, root, append([]string{"/dlc"}, strings.Fields(args)...)...); code != 0 {
			t.Errorf("dlc %s: exit %d, though it needs no libLLVM:\n%s", args, code, out)
		}
	}
}

// TestAnswersInAnEmptyRoot builds a Go program that embeds the runtime, without cgo, and runs it
// where there is nothing but it and its model. How long its first answer takes is told.
func TestAnswersInAnEmptyRoot(t *testing.T) {
	t.Parallel()
	needRoot(t)
	d := deployed(t)
	embed, err := goBuild("embed", "../runtime/testdata/embed")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	install(t, root, embed, "embed")
	if list, err := os.ReadDir(root); err != nil || len(list) != 1 {
		t.Fatalf("the program is not static: %v %v", list, err)
	}
	if err := os.WriteFile(filepath.Join(root, "mlp.dlb"), d.artifact, 0o644); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("logits %s %x\n", d.logits["logits"], d.logits["logits"].Data)
	var times []time.Duration
	for range 5 {
		begun := time.Now()
		out, code := inRoot(t, root, "/embed", "/mlp.dlb", "image", "2x8x8x1", "infer")
		times = append(times, time.Since(begun))
		if code != 0 || out != want {
			t.Fatalf("exit %d\n%s, not\n%s", code, out, want)
		}
	}
	slices.Sort(times)
	t.Logf("process start to exit with the first answer: %v (best of %d), %v (median)", times[0], len(times), times[len(times)/2])
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: changing the root directory takes root")
	}
}

// inRoot runs a program in an empty environment with root as its root directory.
func inRoot(t *testing.T, root string, args ...string) (output string, code int) {
	t.Helper()
	c := exec.Command(args[0], args[1:]...)
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	c.Dir = "/"
	c.Env = []string{"HOME=/", "LD_LIBRARY_PATH=" + strings.Join(libraryFolders, ":")}
	out, err := c.CombinedOutput()
	if c.ProcessState == nil {
		t.Fatalf("%v: %v", args, err)
	}
	return string(out), c.ProcessState.ExitCode()
}

// libraryFolders are where a C library lies.
var libraryFolders = []string{"/lib64", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/lib"}

// install copies a program into a root, with its dynamic loader and libraries if it has any.
func install(t *testing.T, root, from, name string) {
	t.Helper()
	copyFile(t, from, filepath.Join(root, name), 0o755)
	f, err := elf.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		loader := make([]byte, p.Filesz-1) // without the zero at its end
		if _, err := p.ReadAt(loader, 0); err != nil {
			t.Fatal(err)
		}
		copyFile(t, string(loader), filepath.Join(root, string(loader)), 0o755)
	}
	libraries, err := f.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range libraries {
		at := slices.IndexFunc(libraryFolders, func(dir string) bool {
			_, err := os.Stat(filepath.Join(dir, l))
			return err == nil
		})
		if at < 0 {
			t.Fatalf("library %s of %s is nowhere", l, name)
		}
		if to := filepath.Join("lib64", l); fileMissing(filepath.Join(root, to)) {
			install(t, root, filepath.Join(libraryFolders[at], l), to)
		}
	}
}

func fileMissing(path string) bool {
	_, err := os.Stat(path)
	return err != nil
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, mode); err != nil {
		t.Fatal(err)
	}
}

// TestInspectSaysTheMemory compares what inspect says an entry takes with the planner's arena and
// the inputs and outputs, which is what a session maps.
func TestInspectSaysTheMemory(t *testing.T) {
	t.Parallel()
	d := deployed(t)
	path := filepath.Join(d.dir, "mlp.dlb")
	out, err := exec.Command(dlcCommand(t), "inspect", "--json", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Entries []struct {
			Name   string `json:"name"`
			Memory int64  `json:"memory_bytes"`
		} `json:"entries"`
	}
	if err := json.Unmarshal(out, &said); err != nil || len(said.Entries) == 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	file, err := program.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, x := range said.Entries {
		e, one := file.Entry(x.Name), map[string]int64{"N": 1}
		place, err := program.Place(e, one)
		if err != nil {
			t.Fatal(err)
		}
		want := place.Total
		for i := range e.Buffers {
			if b := &e.Buffers[i]; b.Class == program.Input || b.Class == program.Output {
				n, _ := b.Bytes.Eval(one)
				want += n
			}
		}
		if x.Memory != want {
			t.Errorf("%s: inspect says %d bytes, a session maps %d", x.Name, x.Memory, want)
		}
	}
}
