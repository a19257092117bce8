package syntax

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"dlc/lang/diag"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// Codes lists the codes of mistakes in syntax.
func Codes() []diag.Code {
	return []diag.Code{
		{Code: "E0100", Meaning: "a source that is too long or is not UTF-8"},
		{Code: "E0101", Meaning: "a character or operator that the language does not have"},
		{Code: "E0102", Meaning: "a word that is neither a number nor a name"},
		{Code: "E0103", Meaning: "a string that is not closed, or an unknown escape"},
		{Code: "E0104", Meaning: "a bracket that is not closed, or closes nothing"},
		{Code: "E0105", Meaning: "nesting that is too deep"},
		{Code: "E0106", Meaning: "something else was expected here"},
		{Code: "E0107", Meaning: "an unknown kind of declaration"},
		{Code: "E0108", Meaning: "an operator behind a pipe"},
		{Code: "E0109", Meaning: "comparisons or ranges that chain"},
		{Code: "E0110", Meaning: "`<-` inside an expression"},
		{Code: "E0111", Meaning: "something that cannot stand before `=`, `<-` or `:`"},
		{Code: "E0112", Meaning: "a positional argument behind a named one"},
		{Code: "E0113", Meaning: "something other than a declaration in column 1"},
		{Code: "E0114", Meaning: "a range without an end where both are needed"},
		{Code: "E0115", Meaning: "a reserved word as a name"},
		{Code: "E0116", Meaning: "a tuple whose items have names"},
	}
}

// A syntaxError is a mistake found by the expression parser, on its way through participle. Its
// mend, when there is one, makes the fix's text from what stands at the fix's span.
type syntaxError struct {
	*diag.Diagnostic
	mend func(old string) string
}

// Message and Position make it participle's.
func (e *syntaxError) Message() string { return e.Diagnostic.Message }
func (e *syntaxError) Position() lexer.Position {
	s := e.Span
	return lexer.Position{Filename: s.File, Offset: s.Start, Line: s.Line, Column: s.Col}
}

func mistake(code string, at *lexer.Token, message string) *diag.Diagnostic {
	return &diag.Diagnostic{Code: code, Span: tokenSpan(*at), Message: message}
}

// expected says what was wanted and what stands there.
func expected(what string, t *lexer.Token) error {
	d := mistake("E0106", t, fmt.Sprintf("expected %s, found %s", what, describe(t)))
	switch {
	case what == "`=`" && isSign(t, ":"):
		d.Help, d.Fix = []string{"a setting is written with `=`"}, &diag.Fix{Span: d.Span, Text: " ="}
	case what == "`,` or `)`" && isSign(t, ":"):
		d.Help, d.Fix = []string{"an argument is named with `=`, as in `f(rate=0.5)`"}, &diag.Fix{Span: d.Span, Text: "="}
	case what == "a name" && isSign(t, "{"):
		d.Help = []string{"the block names what it is about, as in `train Net {`"}
	case what == "the end of the line" && isSign(t, ","):
		d.Help, d.Fix = []string{"a statement ends with its line, without a comma"}, &diag.Fix{Span: d.Span}
	}
	hint(d, t)
	return &syntaxError{Diagnostic: d}
}

// describe names a token as a reader sees it.
func describe(t *lexer.Token) string {
	switch t.Type {
	case lexer.EOF:
		return "the end of the declaration"
	case newlineToken:
		return "the end of the line"
	case keywordToken:
		return fmt.Sprintf("the reserved word `%s`", t.Value)
	case stringToken:
		return "a string"
	}
	return fmt.Sprintf("`%s`", t.Value)
}

// hint adds what the token was probably meant to be.
func hint(d *diag.Diagnostic, t *lexer.Token) {
	if t.Type != opToken {
		return
	}
	switch t.Value {
	case "<-":
		d.Code, d.Message = "E0110", "`<-` updates a state and stands only at the start of a statement"
		d.Help = []string{"for a comparison with a negative number write `< -`"}
		d.Fix = &diag.Fix{Span: d.Span, Text: "< -"}
	case "=":
		d.Help = []string{"a comparison is written `==`"}
	case "|":
		d.Help = []string{"the pipe is written `|>`, the operator on bools `or`"}
	}
}

func tooLong(t *lexer.Token) error {
	d := mistake("E0105", t, fmt.Sprintf("this expression is too long: more than %d operators in a row, or %d that nest to the right", maxChain, maxDepth))
	d.Help = []string{"bind a part of it to a name"}
	return &syntaxError{Diagnostic: d}
}

// afterPipe is the mistake of an operator that follows a pipe.
func afterPipe(t *lexer.Token, pipe diag.Span) error {
	d := mistake("E0108", t, fmt.Sprintf("`%s` cannot follow a pipe", t.Value))
	d.Related = []diag.Label{{Span: pipe, Text: "this pipe"}}
	d.Help = []string{"put the pipe in parentheses"}
	d.Fix = &diag.Fix{Span: pipe}
	return &syntaxError{d, func(old string) string { return "(" + old + ")" }}
}

// chained is the mistake of `a < b < c`.
func chained(first, second *lexer.Token, middle Expr) error {
	d := mistake("E0109", second, fmt.Sprintf("comparisons do not chain: `%s` after `%s`", second.Value, first.Value))
	d.Related = []diag.Label{{Span: tokenSpan(*first), Text: "first comparison"}}
	d.Help = []string{"join two comparisons with `and`"}
	d.Fix = &diag.Fix{Span: middle.Span()}
	return &syntaxError{d, func(old string) string { return old + " and " + old }}
}

// unknownDecl refuses a chunk whose first token begins no declaration.
func unknownDecl(tokens []lexer.Token) *diag.Diagnostic {
	t := &tokens[0]
	if slices.Contains(declarations, t.Value) {
		return nil
	}
	if t.Type != nameToken {
		d := mistake("E0107", t, fmt.Sprintf("expected a declaration, found %s", describe(t)))
		d.Help = []string{"only declarations stand in column 1; indent what continues one"}
		return d
	}
	d := mistake("E0107", t, fmt.Sprintf("unknown declaration `%s`", t.Value))
	if near, ok := diag.Suggest(t.Value, declarations); ok {
		d.Help = []string{fmt.Sprintf("did you mean `%s`?", near)}
		d.Fix = &diag.Fix{Span: d.Span, Text: near}
		return d
	}
	d.Help = []string{"declarations begin with " + strings.Join(declarations[:len(declarations)-1], ", ") + " or test; what belongs to a block is indented"}
	return d
}

// explain turns an error of the grammar into a diagnostic.
func explain(err error, tokens []lexer.Token, src []byte) *diag.Diagnostic {
	var own *syntaxError
	var unexpected *participle.UnexpectedTokenError
	var d *diag.Diagnostic
	switch {
	case errors.As(err, &own):
		if d = own.Diagnostic; own.mend != nil {
			d.Fix.Text = own.mend(string(src[d.Fix.Span.Start:d.Fix.Span.End]))
		}
	case errors.As(err, &unexpected):
		errors.As(expected(wanted(unexpected), &unexpected.Unexpected), &own)
		d = own.Diagnostic
	default:
		panic("BUG: the grammar failed without a token: " + err.Error())
	}
	if at := tokenAt(tokens, d.Span.Start); at >= 0 {
		reservedName(d, tokens, at)
		valueForType(d, tokens, at)
		if at > 0 && tokens[at-1].Value == "return" {
			d.Help = []string{"leave `return` out: a block's value is its last expression"}
		}
		roundDims(d, tokens, at)
		unclosed(d, tokens, at)
	}
	return d
}

func tokenAt(tokens []lexer.Token, offset int) int {
	return slices.IndexFunc(tokens, func(t lexer.Token) bool { return t.Pos.Offset == offset && (t.Value != "" || t.EOF()) })
}

// reservedName tells a reserved word used as a name: what follows it belongs to a name.
func reservedName(d *diag.Diagnostic, tokens []lexer.Token, at int) {
	if at > 0 && isSign(&tokens[at], "=") && tokens[at-1].Type == keywordToken {
		at--
	}
	if t := &tokens[at]; t.Type == keywordToken && at+1 < len(tokens) {
		switch tokens[at+1].Value {
		case ":", "=", ",", ")", "<-":
			d.Code, d.Span, d.Help = "E0115", tokenSpan(*t), nil
			d.Message = fmt.Sprintf("`%s` is a reserved word and cannot be a name", t.Value)
		}
	}
}

// valueForType tells a value where the type of a parameter or state stands: `state m: zeros_like(param)`.
func valueForType(d *diag.Diagnostic, tokens []lexer.Token, at int) {
	if at < 4 || !isSign(&tokens[at], "(") || !isSign(&tokens[at-2], ":") {
		return
	}
	word, name, value := tokens[at-4].Value, tokens[at-3].Value, &tokens[at-1]
	if word != "state" && word != "param" {
		return
	}
	d.Span, d.Message = tokenSpan(*value), fmt.Sprintf("a type stands behind `:`, and `%s(...)` is a value", value.Value)
	d.Help = []string{fmt.Sprintf("write `%s %s = %s(...)`, or dims behind the colon: `%s %s: [D] = ...`", word, name, value.Value, word, name)}
}

var dtypeWord = regexp.MustCompile(`^(float|int|bool|[fiu](8|16|32|64))$`)

// roundDims tells dims in parentheses: `f32(N, 10)`.
func roundDims(d *diag.Diagnostic, tokens []lexer.Token, at int) {
	if at < 2 || !isSign(&tokens[at], "(") || !isSign(&tokens[at-2], ":") || len(d.Help) > 0 {
		return
	}
	if dtypeWord.MatchString(tokens[at-1].Value) {
		d.Help = []string{fmt.Sprintf("dims stand in square brackets, as in `%s[N, 10]`", tokens[at-1].Value)}
	}
}

// A pairing is what matching brackets up to a token gives.
type pairing struct {
	open   []lexer.Token // not closed
	skewed *lexer.Token  // the first { whose } stands at another indentation than its line
}

func pair(tokens []lexer.Token) pairing {
	var p pairing
	indent := map[int]int{} // line -> column of its first token
	for _, t := range tokens {
		if _, seen := indent[t.Pos.Line]; !seen && t.Type != newlineToken {
			indent[t.Pos.Line] = t.Pos.Column
		}
		n := len(p.open)
		switch {
		case isSign(&t, "(") || isSign(&t, "[") || isSign(&t, "{"):
			p.open = append(p.open, t)
		case n > 0 && isSign(&t, closer(p.open[n-1].Value)):
			o := p.open[n-1]
			if p.skewed == nil && t.Value == "}" && indent[t.Pos.Line] == t.Pos.Column && indent[o.Pos.Line] != t.Pos.Column {
				p.skewed = &o
			}
			p.open = p.open[:n-1]
		}
	}
	return p
}

// unclosed points to the bracket that was to be closed where the parser stopped: at the end of
// the declaration, or at a bracket of another kind.
func unclosed(d *diag.Diagnostic, tokens []lexer.Token, at int) {
	t := &tokens[at]
	closes := isSign(t, ")") || isSign(t, "]") || isSign(t, "}")
	p := pair(tokens[:at])
	n := len(p.open)
	switch {
	case !t.EOF() && !closes || n == 0 && t.EOF() || n > 0 && isSign(t, closer(p.open[n-1].Value)):
		return
	case closes && !slices.ContainsFunc(p.open, func(o lexer.Token) bool { return isSign(t, closer(o.Value)) }):
		d.Code, d.Message, d.Help = "E0104", fmt.Sprintf("this `%s` closes nothing", t.Value), nil
		d.Fix = &diag.Fix{Span: d.Span}
		return
	}
	o := p.open[n-1]
	if t.EOF() && p.skewed != nil {
		o = *p.skewed
	}
	d.Code, d.Message = "E0104", fmt.Sprintf("this `%s` is never closed", o.Value)
	d.Span, d.Help = tokenSpan(o), nil
	end := tokenSpan(*t)
	d.Related = []diag.Label{{Span: end, Text: fmt.Sprintf("`%s` expected before this", closer(o.Value))}}
	end.End = end.Start
	text := closer(o.Value)
	if t.EOF() {
		d.Related[0].Text = fmt.Sprintf("the declaration ends here, one `%s` short", closer(o.Value))
		text = "\n" + text
	}
	d.Fix = &diag.Fix{Span: end, Text: text}
}

// quotedSign finds the signs and productions in participle's EBNF of what it wanted.
var quotedSign = regexp.MustCompile(`"([^"]+)"|<([a-z]+)>|\b([A-Z][A-Za-z]*)\b`)

// signChoice is a choice of signs at the start of participle's EBNF.
var signChoice = regexp.MustCompile(`^\(?"[^"]+"( \| "[^"]+")+\)?`)

// productions are the grammar's names in a reader's words.
var productions = map[string]string{"nl": "the end of the line", "name": "a name", "number": "a number", "string": "a string",
	"NL": "the end of the line", "Name": "a name", "Number": "a number", "String": "a string", "Block": "`{`", "DataBlock": "`{`",
	"TrainBlock": "`{`", "ParamList": "`(`", "Params": "`(`", "Args": "`(`", "Type": "a type", "TypeAlt": "a type", "Shape": "a shape",
	"Dim": "a dim", "Expr": "an expression", "Sum": "an expression", "Named": "a name", "Promise": "a promise", "Param": "a parameter"}

// wanted says what participle expected first: the signs it could choose from, or the first part.
func wanted(err *participle.UnexpectedTokenError) string {
	_, text, _ := strings.Cut(err.Message(), "(expected ")
	text = strings.TrimSuffix(text, ")")
	if choice := signChoice.FindString(text); choice != "" {
		signs := strings.Split(strings.NewReplacer(`"`, "`", "(", "", ")", "").Replace(choice), " | ")
		return strings.Join(signs[:len(signs)-1], ", ") + " or " + signs[len(signs)-1]
	}
	m := quotedSign.FindStringSubmatch(text)
	switch {
	case m == nil:
		return "the end of the declaration"
	case m[1] == "}":
		return "a statement or `}`"
	case m[1] != "":
		return "`" + m[1] + "`"
	}
	if p, ok := productions[m[2]+m[3]]; ok {
		return p
	}
	return strings.ToLower(m[2] + m[3])
}
