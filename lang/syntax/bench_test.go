package syntax

import (
	"os"
	"path/filepath"
	"testing"
)

func BenchmarkParse(b *testing.B) {
	src, err := os.ReadFile(filepath.Join("testdata", "mlp.dlc"))
	if err != nil {
		b.Fatal(err)
	}
	Parse("mlp.dlc", src)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		Parse("mlp.dlc", src)
	}
}
