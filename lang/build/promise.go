package build

import (
	"fmt"
	"strings"

	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// units are what a promise's number may be followed by.
func units() map[string]float64 {
	return map[string]float64{"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "KB": 1e3, "MB": 1e6, "GB": 1e9,
		"FLOP": 1, "MFLOP": 1e6, "GFLOP": 1e9, "TFLOP": 1e12}
}

// promises reads the require blocks of the model.
func (e *elaborator) promises() {
	for _, r := range e.prog.Requires {
		s := e.root(r.Name.Span())
		if r.Name.Text != e.model.def.Name {
			e.errorf(s, check.BadPromise, r.Name.Span(), "the promises are about `%s`, the program's model is `%s`", r.Name.Text, e.model.def.Name)
			continue
		}
		for _, p := range r.Promises {
			e.promise(s, p)
		}
	}
	if t := e.info.Train; t != nil && t.Early != nil {
		if _, name, _ := strings.Cut(t.Early.Monitor, "."); !e.measured(name) {
			e.errorf(e.root(diag.Span{}), check.BadCallback, e.train.monitor, "EarlyStopping monitors `%s`, and no metric is called `%s`", t.Early.Monitor, name)
		}
	}
}

func (e *elaborator) promise(s *scope, p *syntax.Promise) {
	out := Promise{Subject: check.ExprText(p.Left), Op: p.Op, At: map[string]int64{}, Span: p.Span()}
	if !e.subject(s, p.Left, out.Subject) {
		return
	}
	if p.Op == "!=" {
		e.errorf(s, check.BadPromise, p.Span(), "a promise does not take `!=`")
		return
	}
	n, ok := e.eval(s, p.Right).(number)
	f, known := n.float()
	if !ok || !known {
		e.errorf(s, check.BadPromise, p.Right.Span(), "the right side of a promise is a number")
		return
	}
	if p.Unit != nil {
		out.Unit = p.Unit.Text
	}
	by, ok := units()[out.Unit]
	if !ok {
		e.errorf(s, check.BadPromise, p.Unit.Span(), "unknown unit `%s`", out.Unit)
		return
	}
	out.Value = f * by
	out.Text = strings.TrimSpace(fmt.Sprintf("%s %s %s %s", out.Subject, p.Op, check.ExprText(p.Right), out.Unit))
	for i, a := range p.At {
		v, ok := e.constant(s, a.Value.Span(), e.eval(s, a.Value), a.Name.Text)
		if !ok {
			return
		}
		if a.Name.Text != e.info.Batch && !e.symbol(a.Name.Text) {
			e.errorf(s, check.BadPromise, a.Name.Span(), "the model's inputs have no dim `%s`", a.Name.Text)
			return
		}
		out.At[a.Name.Text] = v
		out.Text += map[bool]string{true: " at ", false: ", "}[i == 0] + fmt.Sprintf("%s=%d", a.Name.Text, v)
	}
	e.info.Promises = append(e.info.Promises, out)
}

func (e *elaborator) symbol(name string) bool {
	for _, f := range e.info.Inputs {
		for _, d := range f.Type.Shape {
			if d.Uses(name) {
				return true
			}
		}
	}
	return false
}

// subject checks what a promise is about.
func (e *elaborator) subject(s *scope, x syntax.Expr, name string) bool {
	part, rest, dotted := strings.Cut(name, ".")
	switch {
	case name == "size" || name == "flops" || name == "memory.infer" || name == "memory.train":
		return true
	case part == "latency" || part == "throughput":
		e.errorf(s, check.FormUnsupported, x.Span(), "promises about `%s` are not supported yet", part)
	case dotted && (part == "valid" || part == "test" || part == "train"):
		if e.train == nil {
			e.errorf(s, check.BadPromise, x.Span(), "`%s` needs a train block", name)
			return false
		}
		if e.measured(rest) {
			return true
		}
		d := e.errorf(s, check.BadPromise, x.Span(), "no metric is called `%s`", rest)
		if near, ok := diag.Suggest(rest, append([]string{"loss"}, e.info.Train.Metrics...)); ok {
			help(d, "did you mean `%s.%s`?", part, near)
		}
	default:
		d := e.errorf(s, check.BadPromise, x.Span(), "`%s` cannot be promised", name)
		help(d, "promises are about valid.METRIC, test.METRIC, memory.infer, memory.train, size and flops")
	}
	return false
}
