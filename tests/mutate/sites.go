package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A mutant is one small mistake: Old, at Start of File, replaced by New.
type mutant struct {
	File  string
	Func  string
	Start int
	Old   string
	New   string
	Turn  int // of the mistakes with this Old and New in Func, from 0
}

// key names the mistake in a way that lasts while the function around it does not change.
func (m *mutant) key() string {
	return fmt.Sprintf("%s %s: %s => %s #%d", m.File, m.Func, flat(m.Old), flat(m.New), m.Turn)
}

func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// exchanged are the operators that a mistake puts in each other's place.
var exchanged = map[token.Token]token.Token{
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.QUO,
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LAND: token.LOR, token.LOR: token.LAND,
}

// areas are the files that mistakes are made in, each in turn; what an area has, later ones have not.
var areas = [][]string{
	{"passes/order.go", "passes/form*.go", "passes/tile*.go", "ir/tile/*.go"},
	{"ir/op_*.go", "ir/grad_*.go", "ir/reverse.go", "ir/derive.go", "passes/autodiff.go"},
	{"passes/*.go"},
	{"codegen/*.go"},
	{"codegen/cpu/*.go", "codegen/ptx/*.go"},
}

// candidates are all mistakes, an area's after another's, within an area in the order of a sum of their
// keys, so that a change of one function moves no other's.
func candidates() ([]*mutant, error) {
	taken := map[string]bool{}
	turns := map[*mutant]int{}
	var all []*mutant
	for _, patterns := range areas {
		var area []*mutant
		for _, p := range patterns {
			files, err := filepath.Glob(p)
			if err != nil {
				return nil, err
			}
			for _, f := range files {
				if taken[f] || strings.HasSuffix(f, "_test.go") {
					continue
				}
				taken[f] = true
				list, err := mutants(f)
				if err != nil {
					return nil, err
				}
				area = append(area, list...)
			}
		}
		slices.SortFunc(area, func(a, b *mutant) int { return cmp.Compare(a.sum(), b.sum()) })
		for i, m := range area {
			turns[m] = i
		}
		all = append(all, area...)
	}
	slices.SortStableFunc(all, func(a, b *mutant) int { return turns[a] - turns[b] })
	return all, nil
}

func (m *mutant) sum() string {
	sum := sha256.Sum256([]byte(m.key()))
	return string(sum[:])
}

// mutants lists every mistake in a file, in the order of their places; in files of ops, those in
// gradients.
func mutants(file string) ([]*mutant, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, text, 0)
	if err != nil {
		return nil, err
	}
	var list []*mutant
	for _, d := range tree.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil || strings.HasPrefix(filepath.Base(file), "op_") && !strings.Contains(strings.ToLower(f.Name.Name), "grad") {
			continue
		}
		turns := map[string]int{}
		add := func(from, to token.Pos, new string) {
			start, end := fset.Position(from), fset.Position(to)
			m := &mutant{File: file, Func: named(f), Start: start.Offset, Old: string(text[start.Offset:end.Offset]), New: new}
			m.Turn = turns[m.Old+new]
			turns[m.Old+new]++
			list = append(list, m)
		}
		ast.Inspect(f.Body, func(n ast.Node) bool { return visit(n, text, fset, add) })
	}
	return list, nil
}

// named is the name of a function, with that of its receiver's type.
func named(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	to := f.Recv.List[0].Type
	if star, ok := to.(*ast.StarExpr); ok {
		to = star.X
	}
	if name, ok := to.(*ast.Ident); ok {
		return name.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

// visit adds the mistakes in one node, and reports whether to go on inside of it.
func visit(n ast.Node, text []byte, fset *token.FileSet, add func(from, to token.Pos, new string)) bool {
	old := func(n ast.Node) string {
		return string(text[fset.Position(n.Pos()).Offset:fset.Position(n.End()).Offset])
	}
	switch n := n.(type) {
	case *ast.ArrayType:
		return false // a place more that nobody uses
	case *ast.CallExpr:
		return !words(n)
	case *ast.BinaryExpr:
		if to, ok := exchanged[n.Op]; ok {
			add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), to.String())
		}
	case *ast.BasicLit:
		if v, err := strconv.Atoi(n.Value); n.Kind == token.INT && err == nil {
			add(n.Pos(), n.End(), strconv.Itoa(v+1))
		}
	case *ast.Ident:
		if n.Name == "true" {
			add(n.Pos(), n.End(), "false")
		} else if n.Name == "false" {
			add(n.Pos(), n.End(), "true")
		}
	case *ast.IfStmt:
		add(n.Cond.Pos(), n.Cond.End(), "!("+old(n.Cond)+")")
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			add(n.Pos(), n.End(), "")
		}
	case *ast.ExprStmt:
		if c, ok := n.X.(*ast.CallExpr); ok && !words(c) {
			add(n.Pos(), n.End(), "")
		}
	case *ast.IncDecStmt, *ast.BranchStmt:
		add(n.Pos(), n.End(), "")
	}
	return true
}

// words reports whether a call makes a message.
func words(c *ast.CallExpr) bool {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name == "panic"
	case *ast.SelectorExpr:
		x, ok := f.X.(*ast.Ident)
		return ok && (x.Name == "fmt" || x.Name == "errors")
	}
	return false
}
