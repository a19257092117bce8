package build

import (
	"strings"

	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// inferEntry applies the model to inputs of its own, with the dims that the dataset fixes.
func (e *elaborator) inferEntry() {
	t := newTrace("infer")
	t.layers = &e.info.Layers
	e.t = t
	root := e.root(e.model.at)
	args, ok := e.modelInputs(root)
	if !ok {
		return
	}
	out, _ := e.runLayer(root, e.model, e.model.at, args)
	if isPoison(out) {
		return
	}
	names, vals := e.named(out)
	for i, v := range vals {
		x, isTens := strong(v).(*tens)
		if !isTens {
			e.errorf(root, check.ResultShape, e.model.def.Node.Path[0].Span(), "the model gives %s, not a tensor", v.says())
			continue
		}
		t.b.Result(names[i], x.v)
		f := Field{Name: names[i], Type: x.typ()}
		e.outputs = append(e.outputs, f)
	}
	e.info.Outputs = e.outputs
	e.close(t)
	e.layerWeights()
}

// modelInputs makes the parameters of `infer`: names that nothing fixes stay symbols.
func (e *elaborator) modelInputs(root *scope) ([]argument, bool) {
	in := newBody(&frame{def: e.model.def, caller: root.frame, call: e.model.at})
	for n, v := range e.model.config {
		in.vars[n] = v
	}
	in.frame.dims = check.NewScope(in.dimOf)
	for n, d := range e.dims {
		in.frame.dims.Bind(n, check.Bound{Dims: tensor.Shape{d}, Labels: []string{n}})
	}
	var args []argument
	ok := true
	for i, p := range e.model.def.Inputs {
		typ, good := e.inputType(in, p)
		if !good {
			ok = false
			continue
		}
		if d := typ.Shape; i == 0 && len(d) > 0 {
			if _, constant := d[0].Const(); !constant {
				e.info.Batch = d[0].String()
			}
		}
		v := e.t.input(p.Name, typ)
		f := Field{Name: p.Name, Type: typ}
		if p.In != nil {
			if b, good := e.boundsOf(in, p.In); good {
				e.t.ranges[v] = b
				lo, okLo := b.lo.Const()
				hi, okHi := b.hi.Const()
				if okLo && okHi {
					f.Range = &Range{lo, hi}
				}
			}
		}
		e.info.Inputs = append(e.info.Inputs, f)
		x := &tens{v: v, labels: make([]string, len(typ.Shape))}
		args = append(args, argument{operand: operand{x, p.Node.Span()}, name: &syntax.Name{Text: p.Name}})
	}
	return args, ok
}

// inputType is the declared type of a model's input, with its free names as symbols.
func (e *elaborator) inputType(in *scope, p *check.Param) (tensor.Type, bool) {
	at := p.Node.Span()
	if len(p.Alts) == 0 && p.Node.Type != nil {
		return tensor.Type{}, false // told
	}
	if len(p.Alts) != 1 || p.Alts[0].Form != check.Tensor {
		e.errorf(in, check.UnknownType, at, "an input of a model is a tensor, as in `%s: f32[N, 10]`", p.Name)
		return tensor.Type{}, false
	}
	a := p.Alts[0]
	for _, d := range a.Shape.Dims {
		n, bare := d.Size.(*syntax.Name)
		if !bare || d.Pack {
			continue
		}
		if _, known := in.find(n.Text); !known && n.Text != "_" {
			in.frame.dims.Bind(n.Text, check.Bound{Dims: tensor.Shape{tensor.Sym(n.Text)}, Labels: []string{n.Text}})
		}
	}
	shape, _, open, err := in.frame.dims.Resolve(a.Shape)
	if prep, ok := e.prepared[p.Name]; ok && (err != nil || len(open) > 0) {
		shape, err, open = prep.Shape, nil, nil
	}
	if err != nil || len(open) > 0 {
		e.errorf(in, check.UnknownDims, at, "the dims of the input `%s` must be names or numbers", p.Name)
		return tensor.Type{}, false
	}
	return tensor.Type{DType: classDType(a.Name, in.frame.dims, tensor.F32), Shape: shape}, true
}

// layerWeights gives each listed layer the weights it declares itself.
func (e *elaborator) layerWeights() {
	at := map[string]int{}
	for i, l := range e.info.Layers {
		if _, twice := at[l.Path]; !twice {
			at[l.Path] = i
		}
	}
	for _, p := range e.paths() {
		w := e.weights[p]
		owner := ""
		if i := strings.LastIndexByte(p, '.'); i >= 0 {
			owner = p[:i]
		}
		if i, ok := at[owner]; ok && !strings.Contains(p, "/") {
			l := &e.info.Layers[i]
			l.Weights = append(l.Weights, WeightInfo{p, w.Type, w.State})
		}
	}
}

// scoreEntries builds `score`, `metrics` and `reset`: loss and metrics of outputs that `infer` gave.
func (e *elaborator) scoreEntries() {
	t := newTrace("score")
	e.t = t
	out := &sequence{}
	for _, f := range e.outputs {
		typ := tensor.Type{DType: f.Type.DType}
		for _, d := range f.Type.Shape {
			typ.Shape = append(typ.Shape, d.Subst(map[string]tensor.Dim{e.info.Batch: tensor.Sym(rows)}))
		}
		name := f.Name
		if _, clash := e.data.columnNamed(name); clash {
			name = e.model.def.Name + "." + name
		}
		v := t.input(name, typ)
		out.names = append(out.names, f.Name)
		out.items = append(out.items, &tens{v: v, labels: make([]string, len(typ.Shape))})
	}
	if e.data == nil || e.train.loss == nil {
		return
	}
	s := e.lossScope(out, e.scoreColumn)
	if loss := e.lossValue(s); loss != nil {
		t.b.Result("loss", loss)
		e.runMetrics(s)
	}
	e.close(t)
	e.metricEntries()
}

func (d *dataset) columnNamed(name string) (*column, bool) {
	if d == nil {
		return nil, false
	}
	c, ok := d.columns[name]
	return c, ok
}

// scoreColumn is a prepared column as an input of `score`.
func (e *elaborator) scoreColumn(s *scope, name string) value {
	typ, ok := e.prepared[name]
	if !ok {
		return poison{}
	}
	v := e.t.input(name, typ)
	if r, ok := e.ranges[name]; ok {
		e.t.ranges[v] = r
	}
	labels := make([]string, len(typ.Shape))
	labels[0] = rows
	return &tens{v: v, labels: labels}
}

func (e *elaborator) metricEntries() {
	t := newTrace("metrics")
	e.t = t
	root := e.root(e.train.node.Name.Span())
	for _, m := range e.train.metrics {
		if v := e.metricResult(root, m); v != nil {
			t.b.Result(m.name, v)
		}
	}
	e.close(t)
	e.firstValues("reset", func(p string) bool { return strings.HasPrefix(p, "metric/") })
}

// initEntries builds `init`.
func (e *elaborator) initEntries() { e.firstValues("init", func(string) bool { return true }) }

// firstValues builds an entry that sets weights to their initial values.
func (e *elaborator) firstValues(name string, wanted func(string) bool) {
	t := newTrace(name)
	t.initial = true
	e.t = t
	if name == "init" {
		t.clock("seed")
	}
	for _, p := range e.paths() {
		if !wanted(p) {
			continue
		}
		if v := e.initialValue(e.weights[p]); v != nil {
			t.update(p, v)
		}
	}
	e.close(t)
}

// callbacks reads `[EarlyStopping(patience=2), Checkpoint(keep=3)]`.
func (e *elaborator) callbacks(s *scope, x syntax.Expr) {
	list, ok := x.(*syntax.List)
	if !ok {
		e.errorf(s, check.Setting, x.Span(), "`callbacks` is a list, as in [Checkpoint(keep=3)]")
		return
	}
	for _, i := range list.Items {
		c, ok := i.Value.(*syntax.Call)
		n, isName := (*syntax.Name)(nil), false
		if ok {
			n, isName = c.Func.(*syntax.Name)
		}
		if !isName {
			e.errorf(s, check.BadCallback, i.Span(), "a callback is written like EarlyStopping(patience=2)")
			continue
		}
		switch n.Text {
		case "EarlyStopping":
			e.earlyStopping(s, c)
		case "Checkpoint":
			e.checkpoint(s, c)
		default:
			d := e.errorf(s, check.BadCallback, n.Span(), "unknown callback `%s`", n.Text)
			check.Suggest(d, n, []string{"EarlyStopping", "Checkpoint"})
		}
	}
}

func (e *elaborator) callbackArgs(s *scope, c *syntax.Call, names ...string) (map[string]argument, bool) {
	var params []*check.Param
	for _, n := range names {
		params = append(params, &check.Param{Name: n, Default: &syntax.None{}})
	}
	return e.match(s, check.ExprText(c.Func), params, c.Span(), e.arguments(s, c.Args), diag.Span{})
}

func (e *elaborator) earlyStopping(s *scope, c *syntax.Call) {
	args, ok := e.callbackArgs(s, c, "monitor", "patience", "mode")
	if !ok {
		return
	}
	out := &EarlyStopping{Monitor: "valid.loss"}
	e.train.monitor = c.Span()
	if a, given := args["monitor"]; given {
		m, isText := a.v.(text)
		out.Monitor, e.train.monitor = string(m), a.at
		part, _, _ := strings.Cut(out.Monitor, ".")
		if !isText || part != "valid" && part != "train" {
			e.errorf(s, check.BadCallback, a.at, "`monitor` is a string such as \"valid.loss\"")
			return
		}
	}
	if a, given := args["patience"]; given {
		n, isWhole := e.constant(s, a.at, a.v, "patience")
		if isWhole && n < 0 {
			e.errorf(s, check.BadCallback, a.at, "`patience` cannot be negative")
		}
		out.Patience = int(n)
	}
	out.Mode = defaultMode(out.Monitor)
	if a, given := args["mode"]; given {
		m, _ := a.v.(text)
		if m != "min" && m != "max" {
			e.errorf(s, check.BadCallback, a.at, "`mode` is \"min\" or \"max\"")
		}
		out.Mode = string(m)
	}
	e.info.Train.Early = out
}

// defaultMode says whether less is better of a monitored number: of losses and errors.
func defaultMode(monitor string) string {
	_, name, _ := strings.Cut(monitor, ".")
	for _, less := range []string{"loss", "mean_", "mse", "mae", "error"} {
		if strings.HasPrefix(name, less) || strings.HasSuffix(name, less) {
			return "min"
		}
	}
	return "max"
}

func (e *elaborator) checkpoint(s *scope, c *syntax.Call) {
	args, ok := e.callbackArgs(s, c, "keep")
	if !ok {
		return
	}
	out := &Checkpoint{Keep: 1}
	if a, given := args["keep"]; given {
		n, isWhole := e.constant(s, a.at, a.v, "keep")
		if isWhole && n < 1 {
			e.errorf(s, check.BadCallback, a.at, "`keep` must be at least 1")
		}
		out.Keep = int(n)
	}
	e.info.Train.Checkpoint = out
}

// measured reports whether a measured name exists: loss or a metric.
func (e *elaborator) measured(name string) bool {
	return name == "loss" || e.train != nil && e.hasMetric(name)
}
