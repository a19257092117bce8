package train

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"

	"dlc/ir/tensor"
	"dlc/runtime"
	"dlc/runtime/data"
	"dlc/runtime/program"
)

// Lasting reports whether a weight belongs to the model rather than to its training.
func Lasting(w *program.Weight) bool {
	return !strings.HasPrefix(w.Path, "optimizer/") && !strings.HasPrefix(w.Path, "metric/")
}

// every accepts all weights.
func every(*program.Weight) bool { return true }

// Weights returns views of the session's weights that keep accepts, by path.
func Weights(s *runtime.Session, keep func(*program.Weight) bool) map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for _, w := range s.Weights() {
		if keep(w.Weight) {
			out[w.Path] = s.Weight(w.Path)
		}
	}
	return out
}

// SetWeights copies tensors into the session's weights that want accepts; each must be there,
// with its type, and no other.
func SetWeights(s *runtime.Session, from map[string]*tensor.Tensor, want func(*program.Weight) bool) error {
	return Assign(Weights(s, want), from)
}

// Assign copies each tensor of from to the one of the same name, which must have its type; a
// name that only one side has is an error. Nothing is copied then.
func Assign(to, from map[string]*tensor.Tensor) error {
	var wrong []string
	for path, x := range to {
		switch v := from[path]; {
		case v == nil:
			wrong = append(wrong, "missing "+path+" "+x.String())
		case v.String() != x.String():
			wrong = append(wrong, path+" is "+v.String()+", the model has "+x.String())
		}
	}
	for path := range from {
		if to[path] == nil {
			wrong = append(wrong, "the model has no "+path)
		}
	}
	if len(wrong) > 0 {
		sort.Strings(wrong)
		return errors.New(strings.Join(wrong, "; "))
	}
	for path, x := range to {
		copy(x.Data, from[path].Data)
	}
	return nil
}

// Digest is the SHA-256 of the model's own parameters and states as safetensors, sorted by path,
// without metadata.
func Digest(s *runtime.Session) string {
	h := sha256.New()
	if err := data.WriteSafetensors(h, Weights(s, Lasting)); err != nil {
		panic(fmt.Sprintf("BUG: %v", err))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// diverged returns the path of a parameter that holds a NaN or an infinity, "" when none does.
func diverged(s *runtime.Session) string {
	for _, w := range s.Weights() {
		if w.State {
			continue
		}
		t := s.Weight(w.Path)
		for i := range t.Len() {
			if v := t.Float(i); math.IsNaN(v) || math.IsInf(v, 0) {
				return w.Path
			}
		}
	}
	return ""
}
