package build

import (
	"fmt"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// A metric is one line of `metrics`: a metric's application, or (def is nil) a number that is
// averaged over the rows of all batches.
type metric struct {
	name string
	def  *check.Def
	expr syntax.Expr
	args *syntax.Args
	at   diag.Span
}

// metricList reads `[accuracy(logits, label)]` or `(auc = roc_auc(...))`.
func (e *elaborator) metricList(s *scope, x syntax.Expr) {
	switch x := x.(type) {
	case *syntax.List:
		for _, i := range x.Items {
			e.addMetric(s, "", i.Value)
		}
	case *syntax.Tuple:
		for _, i := range x.Items {
			e.addMetric(s, "", i)
		}
	case *syntax.Record:
		for _, f := range x.Fields {
			e.addMetric(s, f.Name.Text, f.Value)
		}
	default:
		e.errorf(s, check.Setting, x.Span(), "`metrics` is a list, as in [accuracy(logits, label)]")
	}
}

func (e *elaborator) addMetric(s *scope, name string, x syntax.Expr) {
	m := &metric{expr: x, at: x.Span()}
	short := "metric"
	if c, ok := x.(*syntax.Call); ok {
		if n, isName := c.Func.(*syntax.Name); isName {
			short = n.Text
			if d, found := e.prog.Lookup(n.Text, false); found && d.Kind == "metric" {
				m.def, m.args = d, c.Args
			}
		}
	}
	switch n := x.(type) {
	case *syntax.Name:
		short = n.Text
	case *syntax.Member:
		short = n.Name.Text
	}
	if name == "" {
		name = short
	}
	m.name = name
	for i := 1; e.hasMetric(m.name); i++ {
		m.name = fmt.Sprintf("%s_%d", name, i)
	}
	if m.name == "loss" {
		e.errorf(s, check.BadMetric, m.at, "a metric cannot be called `loss`")
		return
	}
	e.train.metrics = append(e.train.metrics, m)
	e.info.Train.Metrics = append(e.info.Train.Metrics, m.name)
}

func (e *elaborator) hasMetric(name string) bool {
	for _, m := range e.train.metrics {
		if m.name == name {
			return true
		}
	}
	return false
}

// runMetrics updates the state of every metric.
func (e *elaborator) runMetrics(s *scope) {
	for _, m := range e.train.metrics {
		if m.def != nil {
			e.runMetric(s, m, e.arguments(s, m.args))
		} else {
			e.average(s, m)
		}
	}
}

func (m *metric) frame(s *scope) *frame {
	f := &frame{def: m.def, call: m.at, caller: s.frame, taken: map[string]*layer{}, counts: map[string]int{}, states: map[string]string{}, draws: new(int)}
	f.lib = m.def != nil && m.def.Lib
	f.within = func(n string) string { return "metric/" + m.name + "/" + n }
	return f
}

func (e *elaborator) runMetric(s *scope, m *metric, args []argument) {
	d := m.def
	f := m.frame(s)
	in := newBody(f)
	f.dims = check.NewScope(in.dimOf)
	if len(d.Node.Lists) == 2 {
		e.errorf(s, check.FormUnsupported, m.at, "a metric with a configuration list is not supported yet")
		return
	}
	if e.bindInputs(s, in, d.Name, d.Inputs, m.at, args) {
		e.block(in, d.Node.Body)
		if f.result == nil {
			e.errorf(in, check.BadMetric, d.Node.Path[0].Span(), "the metric %s has no `result`", d.Name)
		}
	}
}

// average adds a number times the rows of the batch to a sum.
func (e *elaborator) average(s *scope, m *metric) {
	v := e.eval(s, m.expr)
	if isPoison(v) {
		return
	}
	t, ok := v.(*tens)
	if !ok || len(t.shape()) > 0 || t.dtype() == tensor.Bool {
		d := e.errorf(s, check.BadMetric, m.at, "a metric is one number, not %s", v.says())
		if f, isDef := v.(definition); isDef {
			help(d, "write what it takes, as in `%s(logits, label)`", f.def.Name)
		} else if _, isText := v.(text); isText {
			help(d, "a metric is no string: write it as in `accuracy(logits, label)`")
		} else {
			help(d, "`mean(...)` makes one number of a tensor")
		}
		return
	}
	in := newBody(m.frame(s))
	for _, n := range []string{"total", "seen"} {
		e.averageState(in, m, n)
	}
	count := operand{e.wrap(e.emit1(in, m.at, ir.Size{Dim: tensor.Sym(rows), DType: tensor.F64}), false), m.at}
	wide := e.castTens(in, m.at, t, tensor.F64)
	if wide == nil || isPoison(count.v) {
		return
	}
	share := e.binary(in, "*", m.at, operand{wide, m.at}, count)
	for n, add := range map[string]value{"total": share, "seen": count.v} {
		sum, ok := e.binary(in, "+", m.at, operand{in.vars[n], m.at}, operand{add, m.at}).(*tens)
		if ok {
			e.t.update("metric/"+m.name+"/"+n, sum.v)
		}
	}
}

func (e *elaborator) averageState(in *scope, m *metric, n string) {
	path := "metric/" + m.name + "/" + n
	w := e.weights[path]
	if w == nil {
		w = &weight{Weight: ir.Weight{Path: path, Type: tensor.Type{DType: tensor.F64}, State: true, Span: m.at}, at: in.snapshot(), span: m.at}
		e.weights[path] = w
	}
	in.vars[n] = &tens{v: e.t.load(w)}
}

// metricResult is a metric's number, from its states alone: its inputs are unknown here, and what
// depends on them is left out.
func (e *elaborator) metricResult(s *scope, m *metric) *ir.Value {
	f := m.frame(s)
	in := newBody(f)
	f.dims = check.NewScope(in.dimOf)
	if m.def == nil {
		e.averageState(in, m, "total")
		e.averageState(in, m, "seen")
		f.result = e.binary(in, "/", m.at, operand{in.vars["total"], m.at}, operand{in.vars["seen"], m.at})
	} else {
		for _, p := range m.def.Inputs {
			in.vars[p.Name] = poison{}
			if p.Default != nil {
				in.vars[p.Name] = e.eval(in, p.Default)
			}
		}
		for _, a := range e.namedNumbers(s, m) {
			in.vars[a.name.Text] = a.v
		}
		e.mute = true
		e.block(in, m.def.Node.Body)
		e.mute = false
		if f.result == nil {
			return nil // told where the metric ran
		}
	}
	t, ok := strong(orPoison(f.result)).(*tens)
	if !ok || len(t.shape()) > 0 {
		d := e.errorf(s, check.BadMetric, m.at, "the `result` of a metric must be one number made of its states")
		if m.def != nil && !m.def.Lib {
			label(d, m.def.Node.Path[0].Span(), "declared here")
		}
		return nil
	}
	return t.v
}

func orPoison(v value) value {
	if v == nil {
		return poison{}
	}
	return v
}

// namedNumbers are the arguments of a metric that are known while compiling and given by name.
func (e *elaborator) namedNumbers(s *scope, m *metric) []argument {
	var out []argument
	for _, a := range m.args.List {
		if a.Name == nil {
			continue
		}
		if _, isNumber := a.Value.(*syntax.Number); isNumber {
			out = append(out, argument{operand: operand{e.eval(s, a.Value), a.Value.Span()}, name: a.Name})
		}
	}
	return out
}
