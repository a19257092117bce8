package assemble

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// ErrNoDisassembler is returned where there is no nvdisasm.
var ErrNoDisassembler = errors.New("NVIDIA's nvdisasm is not installed; name it in $NVDISASM, or have scripts/ptxas.sh fetch it")

// Disassemble assembles a text and returns the instructions of the chip.
func Disassemble(text, chip string) (string, error) {
	path := os.Getenv("NVDISASM")
	if path == "" {
		var err error
		if path, err = exec.LookPath("nvdisasm"); err != nil {
			return "", ErrNoDisassembler
		}
	}
	f, err := os.CreateTemp("", "dlc-*.cubin")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return "", err
	}
	if _, err := Assemble(text, chip, f.Name()); err != nil {
		return "", err
	}
	out, err := exec.Command(path, "-c", f.Name()).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("nvdisasm: %w\n%s", err, out)
	}
	return string(out), nil
}
