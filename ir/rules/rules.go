// Package rules finds the rules of a verifier in its source: the texts of the errors that it can
// return. Tests hold each to a case that breaks it. It knows nothing of what is verified.
package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Rule is one error text, with the place where it is made.
type Rule struct {
	Text  string // as fmt.Errorf has it
	Place string // file:line
	match *regexp.Regexp
}

// Of returns the rules of the functions and methods of a package's folder that are reached, by
// their names, from those of the given names, but not through the others. Errors that only add to
// another are no rules.
func Of(dir string, from, not []string) ([]Rule, error) {
	files := token.NewFileSet()
	pkgs, err := parser.ParseDir(files, dir, func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
	if err != nil {
		return nil, err
	}
	bodies := map[string][]*ast.FuncDecl{}
	for _, pkg := range pkgs {
		for _, f := range pkg.Files {
			for _, d := range f.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
					bodies[f.Name.Name] = append(bodies[f.Name.Name], f)
				}
			}
		}
	}
	var rules []Rule
	seen := map[string]bool{}
	for queue := slices.Clone(from); len(queue) > 0; queue = queue[1:] {
		name := queue[0]
		if seen[name] || slices.Contains(not, name) {
			continue
		}
		seen[name] = true
		for _, f := range bodies[name] {
			ast.Inspect(f.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Ident:
					queue = append(queue, n.Name)
				case *ast.CallExpr:
					if text, ok := message(n); ok {
						rules = append(rules, rule(text, files.Position(n.Pos())))
					}
				}
				return true
			})
		}
	}
	slices.SortFunc(rules, func(a, b Rule) int { return strings.Compare(a.Place, b.Place) })
	return rules, nil
}

// message is the text of a call that makes an error of its own.
func message(c *ast.CallExpr) (string, bool) {
	s, ok := c.Fun.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != "Errorf" && s.Sel.Name != "New" || len(c.Args) == 0 {
		return "", false
	}
	text, found := "", false
	ast.Inspect(c.Args[0], func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			part, _ := strconv.Unquote(l.Value)
			text, found = text+part, true
		}
		return true
	})
	return text, found && !strings.Contains(text, "%w")
}

var verb = regexp.MustCompile(`%[-+# 0]*[0-9.]*[a-zA-Z]`)

func rule(text string, at token.Position) Rule {
	parts := verb.Split(text, -1)
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(strings.ReplaceAll(p, "%%", "%"))
	}
	return Rule{text, at.Filename + ":" + strconv.Itoa(at.Line), regexp.MustCompile("(?s)" + strings.Join(parts, ".*"))}
}

// Unbroken returns the rules that no message is of.
func Unbroken(rules []Rule, messages []string) []Rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool {
		return slices.ContainsFunc(messages, r.match.MatchString)
	})
}

// Broken collects the messages of cases that break rules.
type Broken struct {
	lock     sync.Mutex
	messages []string
}

// By notes an error, and reports whether it says what is wanted.
func (b *Broken) By(err error, want string) bool {
	if err == nil {
		return false
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	b.messages = append(b.messages, err.Error())
	return strings.Contains(err.Error(), want)
}

// Rest returns the rules of those files that no case has broken.
func (b *Broken) Rest(all []Rule, files func(name string) bool) []Rule {
	all = slices.DeleteFunc(slices.Clone(all), func(r Rule) bool {
		name, _, _ := strings.Cut(r.Place, ":")
		return !files(name)
	})
	return Unbroken(all, b.messages)
}
