package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"dlc"
	"dlc/lang/build"
	"dlc/lang/check"
	"dlc/stdlib"
)

// generate returns the text of one generated part.
func generate(t *testing.T, name string, args []string) string {
	t.Helper()
	switch name {
	case "file":
		return fence("", read(t, args[0]))
	case "stage":
		return fence("", stageText(t, args[0]))
	case "kernels":
		return fence("", kernelsText(t, args[0], args[1], args[2:]))
	case "library":
		return fence("", libraryText(t, args[0]+".dlc"))
	case "primitives":
		return fence("", columnsText(build.Signatures()))
	case "later":
		return wrapped("`" + strings.Join(check.LaterNames(), "` `") + "`")
	case "codes":
		return codesText(t)
	case "packages":
		return packagesText(t)
	case "ops":
		return opsText()
	case "commands":
		return commandsText(t)
	}
	t.Fatalf("no generator is called %q", name)
	return ""
}

func fence(info, text string) string {
	return "```" + info + "\n" + strings.TrimRight(text, "\n") + "\n```\n"
}

// wrapped breaks a paragraph into lines of about 120 characters.
func wrapped(text string) string {
	var b strings.Builder
	width := 0
	for _, w := range strings.Fields(text) {
		switch {
		case width+len(w) > 120:
			b.WriteByte('\n')
			width = 0
		case width > 0:
			b.WriteByte(' ')
		}
		b.WriteString(w)
		width += len(w) + 1
	}
	return b.String() + "\n"
}

// columnsText lists short lines two in a row.
func columnsText(lines []string) string {
	var b strings.Builder
	half := (len(lines) + 1) / 2
	for i := range half {
		second := ""
		if i+half < len(lines) {
			second = lines[i+half]
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-52s %s", lines[i], second), " ") + "\n")
	}
	return b.String()
}

// stageText is the text of a stage of testdata/layer.dlc: infer, for one target. Of the last two
// stages it is the part that multiplies.
func stageText(t *testing.T, stage string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/layer.dlc")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	o := &dlc.Options{Targets: []string{"x86-64-v4"}, Entries: []string{"infer"}, Stages: []string{stage}, Stage: func(_, s string) { b.WriteString(s) }}
	p, err := dlc.Check(&dlc.Source{Path: "layer.dlc", Text: text}, o)
	if err == nil {
		_, err = p.Compile()
	}
	if err != nil {
		t.Fatal(err)
	}
	switch stage {
	case "ast":
		return excerpt(t, b.String(), "body Block", 0, 12)
	case "graph":
		before, _, _ := strings.Cut(b.String(), "func init")
		return before
	case "llvm":
		return excerpt(t, b.String(), "@llvm.fma", 4, 12)
	case "asm":
		return excerpt(t, b.String(), "vfmadd231ps", 6, 16)
	}
	return b.String()
}

// kernelsText is the text of a stage of testdata/softmax.kernel for a target; with two words more,
// that many lines from the first one that holds a word.
func kernelsText(t *testing.T, stage, target string, part []string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/softmax.kernel")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	o := &dlc.Options{Targets: []string{target}, Stages: []string{stage}, Stage: func(_, s string) { b.WriteString(s) }}
	if slices.Contains(dlc.GPUs(), target) {
		o.Targets, o.GPU = nil, target
	}
	if _, err := dlc.Kernels(&dlc.Source{Path: "softmax.kernel", Text: text}, o); err != nil {
		t.Fatal(err)
	}
	if len(part) == 0 {
		return b.String()
	}
	lines, err := strconv.Atoi(part[1])
	if err != nil {
		t.Fatal(err)
	}
	return excerpt(t, b.String(), part[0], 0, lines)
}

// excerpt returns the lines around the first one that holds a word.
func excerpt(t *testing.T, text, word string, before, lines int) string {
	t.Helper()
	all := strings.Split(text, "\n")
	for i, line := range all {
		if strings.Contains(line, word) {
			from := max(0, i-before)
			return strings.Join(all[from:min(len(all), from+lines)], "\n")
		}
	}
	t.Fatalf("no line holds %s", word)
	return ""
}

// heads finds a declaration of the library with the comment above it.
var heads = regexp.MustCompile(`(?ms)^((?:/// [^\n]*\n)+)((?:fn|layer|metric|optimizer|schedule|initializer) .*?) \{`)

// libraryText lists the declarations of one file of the library.
func libraryText(t *testing.T, file string) string {
	t.Helper()
	text, err := stdlib.Files.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, m := range heads.FindAllStringSubmatch(string(text), -1) {
		fmt.Fprintf(&b, "%s%s\n\n", m[1], m[2])
	}
	return b.String()
}

// codesText is the table of the codes that have a meaning of their own; those of the syntax stand
// in the page.
func codesText(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| code | meaning |\n| --- | --- |\n")
	for _, c := range check.Codes() {
		fmt.Fprintf(&b, "| %s | %s |\n", c.Code, c.Meaning)
	}
	return b.String()
}

// packagesText is the table of packages: what each owns, by its doc comment, and what it may
// import, by the table of tests/layering_test.go.
func packagesText(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| package | owns | may import |\n| --- | --- | --- |\n")
	for _, line := range strings.Split(layers(t), "\n") {
		name, list, _ := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		may := strings.Join(strings.Fields(list), ", ")
		if may == "*" {
			may = "all of these"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, owns(t, name), may)
	}
	return b.String()
}

// layers returns the table that the layering test holds as text.
func layers(t *testing.T) string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../layering_test.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			if lit, ok := v.Values[0].(*ast.BasicLit); ok && v.Names[0].Name == "layers" {
				text, _ := strconv.Unquote(lit.Value)
				return strings.TrimSpace(text)
			}
		}
	}
	t.Fatal("layering_test.go has no constant called layers")
	return ""
}

// owns returns the first sentence of a package's comment, without its subject.
func owns(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(root, name)
	switch name {
	case "dlc":
		dir = root
	case "examples/*":
		return "programs that embed a model"
	}
	keep := func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }
	parsed, err := parser.ParseDir(token.NewFileSet(), dir, keep, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, p := range parsed {
		for _, f := range p.Files {
			if f.Doc != nil {
				texts = append(texts, f.Doc.Text())
			}
		}
	}
	sort.Strings(texts)
	if len(texts) == 0 {
		t.Fatalf("package %s has no comment", name)
	}
	text := strings.Join(strings.Fields(strings.ReplaceAll(texts[0], "-\n", "-")), " ")
	first, _, _ := strings.Cut(text, ". ")
	first = strings.TrimSuffix(first, ".")
	words := strings.SplitN(first, " ", 3) // Package name owns
	return strings.TrimPrefix(words[2], "owns ")
}

// commandsText is the help of every command.
func commandsText(t *testing.T) string {
	path := dlcCommand(t)
	help := func(args ...string) string {
		out, err := exec.Command(path, append(args, "--help")...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	var b strings.Builder
	for _, name := range commandNames(help()) {
		fmt.Fprintf(&b, "### dlc %s\n\n%s\n", name, fence("", help(name)))
	}
	return b.String()
}

// commandNames are those that the help lists, but for help.
func commandNames(help string) []string {
	_, list, _ := strings.Cut(help, "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	var names []string
	for _, line := range strings.Split(list, "\n") {
		name := strings.Fields(line)[0]
		if name != "help" {
			names = append(names, name)
		}
	}
	return names
}
