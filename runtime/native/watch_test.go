//go:build linux && amd64

package native

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestWatcherPanicsReachTheCaller lets the watcher panic, on a frame without memory: the caller
// panics in its place, with the watcher's stack, and not the process.
func TestWatcherPanicsReachTheCaller(t *testing.T) {
	r, err := NewRunner()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithCancel(context.Background())
	r.startWatch(ctx, &Frame{})
	cancel()
	time.Sleep(10 * time.Millisecond) // or the watcher may see the stop first
	defer func() {
		cause := fmt.Sprint(recover())
		if !strings.Contains(cause, "index out of range") || !strings.Contains(cause, "(*Runner).watching") {
			t.Errorf("the caller panics with %s", cause)
		}
	}()
	r.stopWatch()
}
