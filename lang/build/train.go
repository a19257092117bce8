package build

import (
	"maps"
	"slices"
	"strings"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// A training is what a train block says.
type training struct {
	node      *syntax.Train
	data      syntax.Expr
	loss      syntax.Expr
	optimizer syntax.Expr
	metrics   []*metric
	monitor   diag.Span // of what EarlyStopping watches
}

// laterSettings are settings of the language that are not supported yet.
var laterSettings = []string{"clip", "precision", "steps", "accumulate", "ema", "penalty", "class_weight", "init", "frozen"}

// settings reads a train block.
func (e *elaborator) settings(s *scope) bool {
	t := e.train
	e.info.Train = &Train{Batch: 32, Epochs: 1, Span: t.node.Name.Span()}
	seen := map[string]diag.Span{}
	for _, st := range t.node.Body.Stmts {
		n, ok := st.(*syntax.Named)
		switch st.(type) {
		case *syntax.Step:
			e.errorf(s, check.FormUnsupported, st.Span(), "a `step` block is not supported yet")
		case *syntax.Phase:
			e.errorf(s, check.FormUnsupported, st.Span(), "`phase` is not supported yet")
		}
		if !ok {
			continue
		}
		if old, twice := seen[n.Name.Text]; twice {
			d := e.errorf(s, check.DuplicateName, n.Name.Span(), "`%s` is set twice", n.Name.Text)
			label(d, old, "the first is here")
			continue
		}
		seen[n.Name.Text] = n.Name.Span()
		if meant, ok := diag.Suggest(n.Name.Text, settings()); ok && !slices.Contains(settings(), n.Name.Text) {
			seen[meant] = n.Name.Span() // told as misspelt, not as missing too
		}
		e.setting(s, n)
	}
	return e.needed(s, seen)
}

// needed tells which settings are missing, and how each is written.
func (e *elaborator) needed(s *scope, seen map[string]diag.Span) bool {
	var missing, ways []string
	for _, need := range []struct{ name, way string }{
		{"data", "`data` names a dataset of the file"}, {"loss", "write `loss = cross_entropy(logits, label)`, or another number to make small"},
		{"optimizer", "write `optimizer = Adam(1e-3)`, or another one"},
	} {
		if _, has := seen[need.name]; !has {
			missing, ways = append(missing, "`"+need.name+"`"), append(ways, need.way)
		}
	}
	if len(missing) == 0 {
		return e.train.data != nil && e.train.loss != nil && e.train.optimizer != nil
	}
	d := e.errorf(s, check.Setting, e.train.node.Name.Span(), "the train block misses %s", strings.Join(missing, " and "))
	for _, w := range ways {
		help(d, "%s", w)
	}
	return false
}

func (e *elaborator) setting(s *scope, n *syntax.Named) {
	t, info := e.train, e.info.Train
	switch n.Name.Text {
	case "data":
		t.data = n.Value
	case "loss":
		t.loss, info.Loss = n.Value, check.ExprText(n.Value)
	case "optimizer":
		t.optimizer = n.Value
	case "metrics":
		e.metricList(s, n.Value)
	case "callbacks":
		e.callbacks(s, n.Value)
	case "batch":
		info.Batch = int(e.positive(s, n))
	case "epochs":
		info.Epochs = int(e.positive(s, n))
	case "seed":
		if v, ok := e.constant(s, n.Value.Span(), e.eval(s, n.Value), "seed"); ok {
			info.Seed, info.HasSeed = uint64(v), true
		}
	default:
		if slices.Contains(laterSettings, n.Name.Text) {
			e.errorf(s, check.FormUnsupported, n.Name.Span(), "the setting `%s` is not supported yet", n.Name.Text)
			return
		}
		d := e.errorf(s, check.Setting, n.Name.Span(), "unknown setting `%s`", n.Name.Text)
		check.Suggest(d, n.Name, settings())
		for _, name := range settings() {
			if d.Fix == nil && strings.Contains(n.Name.Text, name) { // batch_size
				help(d, "did you mean `%s`?", name)
				d.Fix = &diag.Fix{Span: n.Name.Span(), Text: name}
			}
		}
		if d.Fix == nil {
			help(d, "the settings are %s; instances and values of a train block's own are not supported yet", strings.Join(settings(), ", "))
		}
	}
}

// settings are the names that a train block sets.
func settings() []string {
	return []string{"data", "loss", "optimizer", "metrics", "callbacks", "batch", "epochs", "seed"}
}

func (e *elaborator) positive(s *scope, n *syntax.Named) int64 {
	v, ok := e.constant(s, n.Value.Span(), e.eval(s, n.Value), n.Name.Text)
	if ok && (v < 1 || v > 1<<31-1) {
		e.errorf(s, check.Setting, n.Value.Span(), "`%s` must be at least 1, not %d", n.Name.Text, v)
		return 1
	}
	return v
}

// trainEntries builds `train` and `prepare`.
func (e *elaborator) trainEntries() {
	root := e.root(e.train.node.Name.Span())
	e.t = newTrace("train")
	ok := e.settings(root)
	if e.train.data != nil {
		e.data = e.openDataset(root, e.train.data)
	}
	if e.data == nil || !ok {
		e.optimizer(root)
		return
	}
	t := newTrace("train")
	t.training = true
	e.t = t
	for _, n := range []string{"seed", "step", "steps"} {
		t.clock(n)
	}
	out := e.modelOnColumns(root)
	for _, n := range e.inputs {
		e.rememberColumn(n)
	}
	s := e.lossScope(out, e.trainColumn)
	loss := e.lossValue(s)
	e.runMetrics(s)
	if opt := e.optimizer(root); loss != nil && opt != nil {
		t.b.Result("loss", loss)
		e.optimize(root, opt, loss)
	}
	f := e.close(t)
	e.rawColumnsOf(f)
	e.prepareEntry(root)
}

// modelOnColumns applies the model to the columns of its inputs' names.
func (e *elaborator) modelOnColumns(root *scope) value {
	var args []argument
	ok := true
	for _, p := range e.model.def.Inputs {
		c, has := e.data.columns[p.Name]
		if !has {
			d := e.errorf(root, check.UnknownColumn, p.Node.Name.Span(), "the dataset %s has no column `%s` for this input", e.data.node.Name.Text, p.Name)
			if near, found := diag.Suggest(p.Name, e.data.names()); found {
				help(d, "did you mean `%s`?", near)
			}
			label(d, e.data.node.Source.Span(), "the dataset is here")
			ok = false
			continue
		}
		e.inputs = append(e.inputs, p.Name)
		v := batched(e.columnValue(root, c))
		ok = ok && !isPoison(v)
		args = append(args, argument{operand: operand{v, c.at}, name: &syntax.Name{Text: p.Name}})
	}
	if !ok {
		return poison{}
	}
	v, f := e.runLayer(root, e.model, e.model.at, args)
	e.fixed = true
	for _, n := range f.dims.Order {
		if b := f.dims.Bound[n]; !b.Pack && !b.Dims[0].Uses(rows) {
			e.dims[n] = b.Dims[0]
		}
	}
	return v
}

// batched shows a column with its leading axis, as models and losses take it.
func batched(v value) value {
	t, ok := v.(*tens)
	if !ok || !t.row {
		return v
	}
	c := *t
	c.row = false
	c.labels = append([]string{rows}, t.labels...)
	return &c
}

// rememberColumn notes the type and range of a column as `prepare` gives it.
func (e *elaborator) rememberColumn(name string) {
	t, ok := e.t.columns[e.data.columns[name]].(*tens)
	if !ok {
		return
	}
	e.prepared[name] = t.v.Type
	if r, ok := e.t.ranges[t.v]; ok {
		e.ranges[name] = r
	}
}

// trainColumn is a column in the train entry; its use is noted.
func (e *elaborator) trainColumn(s *scope, name string) value {
	v := batched(e.columnValue(s, e.data.columns[name]))
	if !slices.Contains(e.used, name) {
		e.used = append(e.used, name)
		e.rememberColumn(name)
	}
	return v
}

// lossScope is what losses and metrics see: the model's outputs and the dataset's columns. A name
// that is both must be written Model.name.
func (e *elaborator) lossScope(out value, col func(*scope, string) value) *scope {
	s := e.root(e.train.node.Name.Span())
	names, vals := e.named(out)
	rec := &sequence{names: names}
	rec.items = append(rec.items, vals...)
	s.vars[e.model.def.Name] = rec
	s.frame.near = append(append(s.frame.near, names...), e.data.names()...)
	s.frame.data, s.frame.outputs = true, true
	s.hook = func(name string) (value, bool) {
		if _, isColumn := e.data.columns[name]; isColumn {
			return col(s, name), true
		}
		return rec.field(name)
	}
	return s
}

// named returns the outputs of a model's value with their names.
func (e *elaborator) named(v value) (names []string, vals []value) {
	switch v := v.(type) {
	case poison:
		return e.declaredOutputs()
	case *sequence:
		if len(v.names) == len(v.items) {
			return v.names, v.items
		}
		for i, x := range v.items {
			names, vals = append(names, "output"+string(rune('0'+i%10))), append(vals, x)
		}
		return names, vals
	}
	return []string{"output"}, []value{v}
}

// declaredOutputs are the outputs of a model whose body is broken.
func (e *elaborator) declaredOutputs() (names []string, vals []value) {
	if t := e.model.def.Node.Result; t != nil {
		if alts := check.Alternatives(t); len(alts) == 1 && alts[0].Form == check.Record {
			for _, f := range check.Params(alts[0].Node.Fields) {
				names, vals = append(names, f.Name), append(vals, poison{})
			}
			return names, vals
		}
	}
	return []string{"output"}, []value{poison{}}
}

// lossValue evaluates the loss: one float.
func (e *elaborator) lossValue(s *scope) *ir.Value {
	x := e.train.loss
	v := strong(e.eval(s, x))
	t, ok := v.(*tens)
	switch {
	case isPoison(v):
	case !ok:
		e.errorf(s, check.LossNotScalar, x.Span(), "the loss must be one float, not %s", v.says())
	case len(t.shape()) > 0 || !t.dtype().IsFloat():
		d := e.errorf(s, check.LossNotScalar, x.Span(), "the loss must be one float, not %s", t.typ())
		if len(t.shape()) > 0 {
			help(d, "`mean(...)` makes one number of it")
		}
	default:
		return t.v
	}
	return nil
}

// optimizer evaluates the setting of that name.
func (e *elaborator) optimizer(s *scope) *configured {
	x := e.train.optimizer
	if x == nil {
		return nil
	}
	at := x.Span()
	switch v := e.eval(s, x).(type) {
	case poison:
	case *configured:
		if v.def.Kind == "optimizer" {
			return v
		}
		e.errorf(s, check.Setting, at, "the optimizer must be one, such as Adam(1e-3), not %s", v.says())
	case definition:
		d := e.errorf(s, check.Setting, at, "the optimizer must be one, such as Adam(1e-3), not %s", v.says())
		if v.def.Kind == "optimizer" {
			help(d, "write `%s()`", v.def.Name)
		}
	case *sequence:
		e.errorf(s, check.FormUnsupported, at, "a list of optimizers is not supported yet")
	default:
		d := e.errorf(s, check.Setting, at, "the optimizer must be one, such as Adam(1e-3), not %s", v.says())
		if _, isText := v.(text); isText {
			help(d, "an optimizer is no string: write it as in `Adam(1e-3)`")
		}
	}
	return nil
}

// optimize takes the gradient of every parameter that the loss depends on, and runs the
// optimizer's body for each.
func (e *elaborator) optimize(s *scope, opt *configured, loss *ir.Value) {
	e.info.Train.Optimizer = opt.def.Name
	paths, params := e.reached(s, loss)
	if len(params) == 0 {
		if len(e.diags) == 0 {
			e.errorf(s, check.NotReached, e.train.loss.Span(), "the loss depends on no parameter")
		}
		return
	}
	grads, ok := e.emit(s, e.train.loss.Span(), ir.Gradient{}, append([]*ir.Value{loss}, params...)...)
	if !ok {
		return
	}
	for i, p := range paths {
		e.step(s, opt, p, params[i], grads[i])
	}
	moved := slices.ContainsFunc(paths, func(p string) bool { return slices.Contains(e.t.updated, p) })
	if !moved && len(e.diags) == 0 {
		d := e.errorf(s, check.Setting, e.train.optimizer.Span(), "`%s` never updates `param`", opt.def.Name)
		help(d, "a step ends in `param <- ...`; with `=` the name means another value, and the parameter stays")
	}
}

// reached lists the parameters that the loss depends on; one that it does not is a mistake.
func (e *elaborator) reached(s *scope, loss *ir.Value) (paths []string, params []*ir.Value) {
	seen := reach(loss)
	for _, p := range e.paths() {
		w := e.weights[p]
		v, used := e.t.stored[p]
		if w.State || !used {
			continue
		}
		if !seen[v] {
			d := e.errorf(s, check.NotReached, w.Span, "the loss does not depend on the parameter `%s`", p)
			label(d, e.train.loss.Span(), "the loss is here")
			help(d, "use it in what the model returns, or take it away")
			continue
		}
		paths, params = append(paths, p), append(params, v)
	}
	return paths, params
}

// reach is the set of values that one depends on, itself among them.
func reach(v *ir.Value) map[*ir.Value]bool {
	seen := map[*ir.Value]bool{}
	work := []*ir.Value{v}
	for len(work) > 0 {
		v := work[len(work)-1]
		work = work[:len(work)-1]
		if seen[v] {
			continue
		}
		seen[v] = true
		if v.Node != nil {
			work = append(work, v.Node.In...)
		}
	}
	return seen
}

// step runs an optimizer's body for one parameter.
func (e *elaborator) step(s *scope, opt *configured, path string, param, grad *ir.Value) {
	f := &frame{def: opt.def, lib: opt.def.Lib, call: e.train.optimizer.Span(), caller: s.frame, path: "optimizer",
		taken: map[string]*layer{}, counts: map[string]int{}, states: map[string]string{"param": path}, draws: new(int)}
	f.within = func(name string) string { return "optimizer/" + name + "/" + path }
	in := newBody(f)
	f.dims = check.NewScope(in.dimOf)
	for n, v := range opt.config {
		in.vars[n] = e.rate(s, v)
	}
	labels := make([]string, len(param.Type.Shape))
	in.vars["param"] = &tens{v: param, labels: labels}
	in.vars["grad"] = &tens{v: grad, labels: labels}
	e.clockNames(in)
	e.block(in, opt.def.Node.Body)
}

func (e *elaborator) clockNames(in *scope) {
	in.vars["step"] = &tens{v: e.t.clock("step"), weak: true}
	in.vars["steps"] = &tens{v: e.t.clock("steps"), weak: true}
}

// rate is a schedule's value at this step; other values stay.
func (e *elaborator) rate(s *scope, v value) value {
	c, ok := v.(*configured)
	if !ok || c.def.Kind != "schedule" {
		return v
	}
	if r, ok := e.t.rates[c]; ok {
		return r
	}
	f := &frame{def: c.def, lib: c.def.Lib, call: e.train.optimizer.Span(), caller: s.frame, taken: map[string]*layer{},
		counts: map[string]int{}, states: map[string]string{}, draws: new(int)}
	in := newBody(f)
	f.dims = check.NewScope(in.dimOf)
	for n, x := range c.config {
		in.vars[n] = x
	}
	e.clockNames(in)
	r := e.block(in, c.def.Node.Body)
	if t, isTens := r.(*tens); isTens {
		if len(t.shape()) > 0 {
			e.errorf(in, check.ResultShape, lastSpan(c.def.Node.Body), "a schedule gives one number, not %s", t.typ())
			r = poison{}
		} else {
			weak := *t
			weak.weak = true
			r = &weak
		}
	}
	e.t.rates[c] = r
	return r
}

// rawColumnsOf lists the raw columns that the train entry takes.
func (e *elaborator) rawColumnsOf(f *ir.Func) {
	for _, p := range f.Params {
		if p.Param.Kind == ir.Input && len(p.Type.Shape) > 0 {
			typ := tensor.Type{DType: p.Type.DType, Shape: p.Type.Shape[1:]}
			e.info.Dataset.Columns = append(e.info.Dataset.Columns, Column{p.Param.Name, typ})
		}
	}
	for _, n := range e.used {
		if !slices.Contains(e.inputs, n) {
			e.info.Train.Labels = append(e.info.Train.Labels, n)
		}
	}
}

// prepareEntry turns raw columns into the model's inputs and the columns of loss and metrics.
func (e *elaborator) prepareEntry(root *scope) {
	t := newTrace("prepare")
	e.t = t
	needs := map[string]bool{}
	for _, n := range e.columnsOut() {
		if v, ok := e.columnValue(root, e.data.columns[n]).(*tens); ok {
			t.b.Result(n, v.v)
			if slices.Contains(e.inputs, n) {
				params(v.v, needs)
			}
		}
	}
	e.info.Dataset.Needs = slices.Sorted(maps.Keys(needs))
	e.close(t)
}

// params adds the inputs of an entry that a value depends on to found.
func params(v *ir.Value, found map[string]bool) {
	for below := range reach(v) {
		if below.Node == nil && below.Param.Kind == ir.Input {
			found[below.Param.Name] = true
		}
	}
}

// columnsOut lists the prepared columns: inputs, then what loss and metrics take beside them.
func (e *elaborator) columnsOut() []string {
	out := slices.Clone(e.inputs)
	for _, n := range e.used {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
