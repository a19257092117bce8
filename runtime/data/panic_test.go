package data

import (
	"fmt"
	"strings"
	"testing"
)

// TestPanicsReachTheCaller panics on a goroutine that reads: who waits for it panics in its place.
func TestPanicsReachTheCaller(t *testing.T) {
	defer func() {
		if cause := fmt.Sprint(recover()); !strings.Contains(cause, "BUG: injected") || !strings.Contains(cause, "panic_test.go") {
			t.Errorf("the caller panics with %s", cause)
		}
	}()
	sideBySide(4, func(i int) {
		if i == 2 {
			panic("BUG: injected")
		}
	})
}
