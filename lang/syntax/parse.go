package syntax

import (
	"fmt"
	"slices"
	"sync"
	"unicode/utf8"

	"dlc/lang/diag"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// definitionKinds are the words that begin a Definition, declarations all that begin a declaration.
var (
	definitionKinds = []string{"model", "layer", "fn", "entry", "metric", "loss", "optimizer", "schedule",
		"initializer", "regularizer", "constraint", "gradient"}
	declarations = slices.Concat([]string{"edition", "import"}, definitionKinds, []string{"dataset", "train", "require", "promote", "test"})
)

// A root is what participle starts from: a declaration. The statements that parseStmt sends back
// to participle are named for their rules alone.
type root struct {
	Decl Decl       `parser:"@@"`
	Stmt *statement `parser:"| @@"`
}

// A statement is one that begins with a word of its own.
type statement struct {
	Worded worded `parser:"@@"`
}

// parsers are the grammar built: a declaration, and the productions that expressions and
// statements return to.
type parsers struct {
	root   *participle.Parser[root]
	worded *participle.Parser[statement]
	typ    *participle.Parser[Type]
	block  *participle.Parser[Block]
	params *participle.Parser[ParamList]
}

// built is the grammar, made once at first use (it takes a millisecond, which a process that
// never reads source does not pay).
var built struct {
	sync.Once
	parsers
}

func grammar() *parsers {
	built.Do(func() {
		p := participle.MustBuild[root](
			participle.Lexer(definition{}),
			participle.UseLookahead(0), // a token taken is a branch taken: errors stand where they are
			participle.ParseTypeWith(parseExpr),
			participle.ParseTypeWith(parseSum),
			participle.Union[Decl](&Edition{}, &Import{}, &Definition{}, &Dataset{}, &Train{}, &Require{}, &Test{}),
			participle.ParseTypeWith(parseStmt),
			participle.Union[worded](&ParamStmt{}, &StateStmt{}, &For{}, &While{}, &FnStmt{}, &Minimize{}, &Yield{}, &Result{},
				&Penalty{}, &Assert{}, &Report{}),
			participle.Union[DataStmt](&DataIf{}, &Split{}, &Bucket{}, &Join{}, &columnCover{}),
			participle.Union[TrainStmt](&Step{}, &Phase{}, &Named{}),
		)
		built.parsers = parsers{p, production[statement](p), production[Type](p), production[Block](p), production[ParamList](p)}
	})
	return &built.parsers
}

func production[P any](p *participle.Parser[root]) *participle.Parser[P] {
	q, err := participle.ParserForProduction[P](p)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return q
}

// parseWith reads one production and leaves what follows it.
func parseWith[G any](p *participle.Parser[G], lex *lexer.PeekingLexer) (*G, error) {
	return p.ParseFromLexer(lex, participle.AllowTrailing(true))
}

// Parse reads a source. The file holds every declaration that could be read; the list holds one
// mistake for each that could not, and is empty for a correct source.
func Parse(file string, src []byte) (*File, diag.List) {
	f := &File{Name: file, Source: src}
	if d := unreadable(file, src); d != nil {
		return f, diag.List{d}
	}
	chunks, comments := scan(file, src)
	f.Comments = comments
	var list diag.List
	for _, c := range chunks {
		if d, err := f.parse(c); err != nil {
			list = append(list, err)
		} else {
			f.Decls = append(f.Decls, d)
		}
	}
	return f, list
}

// unreadable refuses what is no text at all.
func unreadable(file string, src []byte) *diag.Diagnostic {
	start := diag.Span{File: file, Line: 1, Col: 1}
	if len(src) > maxSource {
		return &diag.Diagnostic{Code: "E0100", Span: start, Message: fmt.Sprintf("a source of %d bytes; the limit is %d MiB", len(src), maxSource>>20)}
	}
	if utf8.Valid(src) {
		return nil
	}
	for at := 0; at < len(src); {
		r, n := utf8.DecodeRune(src[at:])
		if r == utf8.RuneError && n == 1 {
			start.Start, start.End = at, at+1
			break
		}
		if start.Col += n; r == '\n' {
			start.Line, start.Col = start.Line+1, 1
		}
		at += n
	}
	return &diag.Diagnostic{Code: "E0100", Span: start, Message: "this is not UTF-8 text"}
}

// parse reads one chunk of the file.
func (f *File) parse(c *chunk) (Decl, *diag.Diagnostic) {
	if c.err != nil {
		return nil, c.err
	}
	tokens := c.tokens
	if d := unknownDecl(tokens); d != nil {
		return nil, d
	}
	lex, err := lexer.Upgrade(c)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	r, err := grammar().root.ParseFromLexer(lex)
	if err != nil {
		return nil, explain(err, tokens, f.Source)
	}
	finish := &resolver{file: f}
	finish.decl(r.Decl)
	return r.Decl, finish.err
}
