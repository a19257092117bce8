// Package assemble asks NVIDIA's assembler, where it is installed, what it makes of PTX: whether it
// takes the text without a warning, and what each kernel uses. It is a tool of tests; nothing that
// dlc builds or ships needs it.
package assemble

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// ErrMissing is returned where there is no ptxas.
var ErrMissing = errors.New("NVIDIA's ptxas is not installed; name it in $PTXAS, or have scripts/ptxas.sh fetch it")

// Find returns the path of ptxas: $PTXAS, or the one on the PATH.
func Find() (string, error) {
	if path := os.Getenv("PTXAS"); path != "" {
		return path, nil
	}
	path, err := exec.LookPath("ptxas")
	if err != nil {
		return "", ErrMissing
	}
	return path, nil
}

// Version returns the version of ptxas, such as 13.5.37.
func Version() (string, error) {
	path, err := Find()
	if err != nil {
		return "", err
	}
	said, err := exec.Command(path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", path, err)
	}
	m := release.FindSubmatch(said)
	if m == nil {
		return "", fmt.Errorf("%s --version tells no version: %s", path, said)
	}
	return string(m[1]), nil
}

var release = regexp.MustCompile(`\bV([0-9.]+)`)

// Figures are what the code of one kernel uses.
type Figures struct {
	Kernel    string
	Registers int
	Shared    int // bytes of shared memory: what ptxas knows of, static, unless more is added
	Spilled   int // bytes stored and loaded for want of registers
}

// String is a line such as `kernel: 40 registers, 1024 bytes shared`.
func (f Figures) String() string {
	s := fmt.Sprintf("%s: %d registers", f.Kernel, f.Registers)
	if f.Shared > 0 {
		s += fmt.Sprintf(", %d bytes shared", f.Shared)
	}
	if f.Spilled > 0 {
		s += fmt.Sprintf(", %d bytes spilled", f.Spilled)
	}
	return s
}

var (
	compiling = regexp.MustCompile(`Compiling entry function '([^']+)'`)
	spills    = regexp.MustCompile(`(\d+) bytes spill (stores|loads)`)
	used      = regexp.MustCompile(`Used (\d+) registers`)
	shared    = regexp.MustCompile(`(\d+) bytes smem`)
)

// Assemble runs ptxas on a text for a chip (sm_80) and writes its code to the file out, "" for
// none. A warning is an error.
func Assemble(text, chip, out string) ([]Figures, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	if out == "" {
		out = os.DevNull
	}
	cmd := exec.Command(path, "-v", "-arch", chip, "-o", out, "-")
	cmd.Stdin = strings.NewReader(text)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("ptxas refuses the text for %s: %w\n%s", chip, err, said.String())
	}
	return read(said.String())
}

// read takes the figures from what ptxas says, and warnings for errors. Some of these come as
// information, such as a C7517 that waits were put between asynchronous products.
func read(said string) (list []Figures, err error) {
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "warning") || strings.Contains(line, "(C75") || strings.Contains(line, "Potential Performance Loss") {
			err = errors.Join(err, errors.New(line))
		}
		if m := compiling.FindStringSubmatch(line); m != nil {
			list = append(list, Figures{Kernel: m[1]})
			continue
		}
		if len(list) == 0 {
			continue
		}
		last := &list[len(list)-1]
		for _, m := range spills.FindAllStringSubmatch(line, -1) {
			last.Spilled += number(m[1])
		}
		if m := used.FindStringSubmatch(line); m != nil {
			last.Registers = number(m[1])
		}
		if m := shared.FindStringSubmatch(line); m != nil {
			last.Shared = number(m[1])
		}
	}
	return list, err
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic("BUG: not a number: " + s)
	}
	return n
}
