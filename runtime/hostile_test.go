//go:build linux && amd64

package runtime

import (
	"context"
	"strings"
	"testing"

	"dlc/ir/tensor"
	"dlc/runtime/native"
	"dlc/runtime/program"
)

// TestHostileSizes binds entries whose sizes are negative, overflow, or do not fit their tensor:
// an error, never a crash.
func TestHostileSizes(t *testing.T) {
	for _, x := range []struct{ shape, bytes, want string }{
		{"N", "4*N - 50", "cannot have"},
		{"N", "(4611686018427387904*N*N*N) div 4611686018427387903", "takes more than"},
		{"N", "N", "does not fit"},
		{"N - 20", "4*N", "has no size"},
		{"N", "1099511627776*N*N", "takes more than"},
		{"N", "4*N*M", "nothing binds symbol M"},
		{"N", "4*N", ""},
	} {
		p := testModel()
		p.Entries[0].Symbols = []string{"N"}
		if strings.Contains(x.bytes, "M") {
			p.Entries[0].Symbols = []string{"M", "N"}
		}
		p.Entries[0].Buffers[3] = program.Buffer{Name: "y", Class: program.Output, Type: tensor.Type{DType: tensor.F32, Shape: tensor.Shape{dim(x.shape)}}, Bytes: dim(x.bytes)}
		m, err := Load(p)
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.NewSession(Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Run(context.Background(), "infer", map[string]*tensor.Tensor{"x": tensor.New(tensor.F32, 8)})
		if (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s in %s bytes: %v, want %s", x.shape, x.bytes, err, x.want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestOtherInstructionSet loads code for features of which this CPU lacks one: it is named.
func TestOtherInstructionSet(t *testing.T) {
	for _, feature := range []string{"amx_tile", "avx512_bf16", "avx512f"} {
		if native.Supports([]string{feature}) == nil {
			continue
		}
		p := testModel()
		p.Sections = p.Sections[1:]
		p.Sections[0].Features = append(p.Sections[0].Features, feature)
		want := "model tiny holds no code for this CPU: x86-64-v3: this CPU lacks " + feature
		if _, err := Load(p); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		return
	}
	t.Skip("this CPU has every feature that sections may need")
}
