// Package tests holds what spans packages: layering, goldens of whole models, differential and
// determinism tests.
package tests

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// layers says which of our packages each package may import; * matches one path element or
// more. Imports only ever point down. A package that is not listed may not exist.
const layers = `
lang/diag       :
ir/tensor       :
ir/kernel       : ir/tensor lang/diag
ir/tile         : ir/kernel ir/tensor lang/diag
ir              : ir/tensor ir/kernel lang/diag
ir/sample       : ir ir/tensor
ir/rules        :
ir/generate     : ir ir/sample ir/tensor
lang/syntax     : lang/diag
lang/check      : lang/diag lang/syntax ir ir/tensor
lang/build      : lang/diag lang/syntax lang/check ir ir/tensor
lang/format     : lang/diag lang/syntax
runtime/program : ir/tensor
passes          : ir ir/kernel ir/tile ir/tensor runtime/program lang/diag
codegen/llvm    :
codegen         : codegen/llvm ir/tensor ir/kernel ir/tile runtime/program lang/diag
codegen/cpu     : codegen codegen/llvm ir/tensor ir/kernel ir/tile runtime/program lang/diag
codegen/ptx/assemble :
codegen/ptx     : codegen codegen/llvm ir/tensor ir/kernel ir/tile lang/diag
codegen/ptx/trial : codegen codegen/ptx codegen/ptx/emulate ir/kernel ir/tensor ir/tile
codegen/ptx/emulate :
codegen/ptx/emulate/mutate : codegen/ptx/emulate
runtime/native  : runtime/program
runtime         : runtime/program runtime/native ir/tensor
runtime/data    : runtime/program ir/tensor
runtime/check   : runtime runtime/program ir/tensor
runtime/train   : runtime runtime/program runtime/native runtime/data ir/tensor
stdlib          :
dlc             : *
cmd/dlc         : dlc lang/diag lang/format runtime runtime/program runtime/data runtime/train runtime/check ir/tensor
tests/agree     : codegen/cpu codegen/ptx codegen/ptx/emulate codegen/ptx/trial ir ir/generate ir/kernel ir/sample ir/tensor ir/tile passes runtime runtime/check runtime/native runtime/program
tests/mutate    :
tests/programs  : tests/agree
bench/kernels   : codegen/cpu ir/kernel ir/tensor ir/tile passes runtime/native runtime/program
bench/ulp       : dlc ir runtime
examples/*      : runtime runtime/program ir/tensor
`

func TestLayering(t *testing.T) {
	allowed := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(layers), "\n") {
		name, list, _ := strings.Cut(line, ":")
		allowed[strings.TrimSpace(name)] = strings.Fields(list)
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.IsDir() && d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			checkImports(t, path, allowed)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkImports(t *testing.T, path string, allowed map[string][]string) {
	t.Helper()
	pkg, _ := filepath.Rel("..", filepath.Dir(path))
	pkg = filepath.ToSlash(pkg)
	if pkg == "." {
		pkg = "dlc"
	}
	may, listed := allowed[pkg]
	if !listed && strings.HasPrefix(pkg, "examples/") {
		may, listed = allowed["examples/*"], true
	}
	if !listed {
		t.Errorf("%s: package %s is not in the table of layers", path, pkg)
		return
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, im := range f.Imports {
		name, _ := strconv.Unquote(im.Path.Value)
		if name != "dlc" && !strings.HasPrefix(name, "dlc/") {
			continue
		}
		if rest := strings.TrimPrefix(name, "dlc/"); !permits(may, rest) {
			t.Errorf("%s: %s may not import %s", path, pkg, rest)
		}
	}
}

func permits(list []string, pkg string) bool {
	for _, p := range list {
		if p == "*" || p == pkg {
			return true
		}
	}
	return false
}
