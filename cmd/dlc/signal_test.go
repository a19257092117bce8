//go:build unix

package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestSecondInterrupt interrupts a process that does not look at its context: the first signal
// ends the context, the second the process, with the exit code of what was stopped.
func TestSecondInterrupt(t *testing.T) {
	if flag.Arg(0) == "deaf" {
		deaf()
	}
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		c := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestSecondInterrupt$", "deaf")
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan(); { // one when it listens, one when its context has ended
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
		}
		c.Wait()
		if code := c.ProcessState.ExitCode(); code != exitStopped {
			t.Errorf("%v twice: exit code %d", signal, code)
		}
	}
}

// deaf tells when it listens to signals and when the first has come, and goes on.
func deaf() {
	ctx, _ := interruptible()
	fmt.Println("listening")
	<-ctx.Done()
	fmt.Println("interrupted")
	time.Sleep(time.Minute)
}
