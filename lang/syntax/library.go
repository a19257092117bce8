package syntax

import (
	"slices"
	"strings"
	"sync"

	"dlc/lang/diag"

	"github.com/alecthomas/participle/v2/lexer"
)

// A Library is a source of definitions that is read lazily: it is cut into tokens at once, and a
// definition is parsed when it is first asked for. It may be used concurrently.
type Library struct {
	file   *File
	names  []string
	mu     sync.Mutex
	chunks map[string]*indexed
}

// An indexed is one definition, parsed or not yet.
type indexed struct {
	chunk *chunk
	def   *Definition
	err   *diag.Diagnostic
}

// NewLibrary indexes the definitions of a source by their dotted paths; of equal names the first
// counts. What is no definition is left out.
func NewLibrary(file string, src []byte) (*Library, diag.List) {
	x := &Library{file: &File{Name: file, Source: src}, chunks: map[string]*indexed{}}
	if d := unreadable(file, src); d != nil {
		return x, diag.List{d}
	}
	chunks, comments := scan(file, src)
	x.file.Comments = comments
	for _, c := range chunks {
		name := definedName(c.tokens)
		if _, known := x.chunks[name]; name == "" || known {
			continue
		}
		x.names = append(x.names, name)
		x.chunks[name] = &indexed{chunk: c}
	}
	return x, nil
}

// definedName returns the dotted path behind the word that begins a definition.
func definedName(tokens []lexer.Token) string {
	if len(tokens) < 2 || !slices.Contains(definitionKinds, tokens[0].Value) {
		return ""
	}
	end := 1
	for end < len(tokens) && (tokens[end].Type == nameToken || isSign(&tokens[end], ".")) {
		end++
	}
	var b strings.Builder
	for _, t := range tokens[1:end] {
		b.WriteString(t.Value)
	}
	return b.String()
}

// Names returns the paths of all definitions in the source's order.
func (x *Library) Names() []string { return x.names }

// Lookup parses the definition of that path; both results are nil when there is none.
func (x *Library) Lookup(path string) (*Definition, *diag.Diagnostic) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.chunks[path]
	if e == nil {
		return nil, nil
	}
	if e.chunk != nil {
		d, err := x.file.parse(e.chunk)
		e.chunk, e.err = nil, err
		if err == nil {
			e.def = d.(*Definition)
		}
	}
	return e.def, e.err
}
