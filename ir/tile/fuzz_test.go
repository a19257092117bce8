package tile

import (
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// FuzzParse reads schedules of three kernels: an error or a program, which is printed and read
// back to itself.
func FuzzParse(f *testing.F) {
	for _, text := range []string{denseText, sumsText, rowsText, peelText, partialText, versionText, scatterText, ranksText, softmaxText, attendText, decayText, oneDecayText} {
		f.Add(text)
	}
	kernels := []*kernel.Kernel{dense(), sums(), rows(), scatterRows(), ranks("20", tensor.F32), softmax(), attend(), decay()}
	f.Fuzz(func(t *testing.T, text string) {
		for _, k := range kernels {
			p, err := Parse(text, k)
			if err != nil {
				continue
			}
			printed := p.String()
			back, err := Parse(printed, k)
			if err != nil {
				t.Fatalf("%v\n%s", err, printed)
			}
			if again := back.String(); again != printed {
				t.Fatalf("printed\n%s\nread back as\n%s", printed, again)
			}
		}
	})
}
