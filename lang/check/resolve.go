package check

import (
	"fmt"
	"maps"
	"strings"

	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// laterNames are parts of the language and its library that this compiler does not have yet. They
// are refused by name, so that nobody takes them for a misspelling.
const laterNames = " Embedding PositionEmbedding RMSNorm GroupNorm SeparableConv2D UpSampling2D MaxPool1D AveragePool1D CausalSelfAttention MultiHeadAttention" +
	" orthogonal Muon Shampoo Lion RMSprop Adagrad normalize one_hot category tokenize windows" +
	" repeat indices align norm inverse_root" +
	" einsum_path roc_auc recall precision perplexity huber frozen load artifact replace linear one_cycle "

// elsewhere are names that other frameworks have for what the library calls otherwise.
var elsewhere = map[string]string{
	"Linear": "Dense", "FullyConnected": "Dense", "Convolution2D": "Conv2D", "MaxPooling2D": "MaxPool2D", "AvgPool2d": "AveragePool2D",
	"AveragePooling2D": "AveragePool2D", "GlobalAveragePooling2D": "GlobalAveragePool2D", "AdaptiveAvgPool2d": "GlobalAveragePool2D",
	"BatchNormalization": "BatchNorm", "BatchNorm1d": "BatchNorm", "BatchNorm2d": "BatchNorm", "LayerNormalization": "LayerNorm",
	"swish":            "silu",
	"CrossEntropyLoss": "cross_entropy", "categorical_crossentropy": "cross_entropy", "sparse_categorical_crossentropy": "cross_entropy",
	"bce": "binary_cross_entropy", "BCELoss": "binary_cross_entropy", "BCEWithLogitsLoss": "binary_cross_entropy", "binary_crossentropy": "binary_cross_entropy",
	"MSELoss": "mse", "mean_squared_error": "mse", "L1Loss": "mae", "mean_absolute_error": "mae",
	"cat": "concat", "concatenate": "concat", "view": "reshape", "permute": "transpose", "cast": "to", "astype": "to",
	"flip": "reverse", "cumulative_sum": "cumsum", "cumulative_prod": "cumprod", "cumulative_logsumexp": "logcumsumexp",
	"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "isnan": "is_nan", "isinf": "is_inf",
	"bitwise_and": "bit_and", "bitwise_or": "bit_or", "bitwise_xor": "bit_xor", "bitwise_not": "bit_not", "left_shift": "shift_left", "right_shift": "shift_right",
}

// Later reports whether the language has the name and this compiler does not yet.
func Later(name string) bool { return strings.Contains(laterNames, " "+name+" ") }

// Elsewhere returns the names that other frameworks have, with the name of the same thing here.
func Elsewhere() map[string]string { return maps.Clone(elsewhere) }

// LaterNames lists the names for which Later holds.
func LaterNames() []string { return strings.Fields(laterNames) }

// resolve goes through a definition's body: each name must have a meaning, each form must be one
// that this compiler has.
func (c *checker) resolve(d *Def) {
	c.def = d
	defer func() { c.def = nil }()
	c.scopes, c.signature = []map[string]bool{{}}, signature(d)
	for _, p := range d.Config {
		c.bind(p.Name)
	}
	for _, p := range d.Inputs {
		for _, a := range p.Alts {
			a.Dims(func(n string, _ bool) { c.bind(n) })
		}
		c.bind(p.Name)
	}
	switch d.Kind {
	case "optimizer":
		c.bind("param", "grad", "step", "steps")
	case "schedule":
		c.bind("step", "steps")
	case "layer", "model", "fn", "gradient":
		c.bind("training")
	}
	for _, list := range [][]*Param{d.Config, d.Inputs} {
		for _, p := range list {
			c.expr(p.Default)
			c.expr(p.In)
		}
	}
	c.block(d.Node.Body)
}

func (c *checker) bind(names ...string) {
	for _, n := range names {
		c.scopes[len(c.scopes)-1][n] = true
	}
}

func (c *checker) bound(name string) bool {
	for _, s := range c.scopes {
		if s[name] {
			return true
		}
	}
	return false
}

func (c *checker) open()  { c.scopes = append(c.scopes, map[string]bool{}) }
func (c *checker) close() { c.scopes = c.scopes[:len(c.scopes)-1] }

func (c *checker) block(b *syntax.Block, names ...*syntax.Name) {
	if b == nil {
		return
	}
	c.open()
	defer c.close()
	c.fresh(names...)
	for i, s := range b.Stmts {
		c.stmt(s, i == len(b.Stmts)-1)
	}
}

// refuse tells that a form is not supported yet.
func (c *checker) refuse(at diag.Span, what string) {
	c.errorf(FormUnsupported, at, "%s is not supported yet", what)
}

func (c *checker) stmt(s syntax.Stmt, last bool) {
	switch s := s.(type) {
	case *syntax.ParamStmt:
		if len(s.With) > 0 {
			c.refuse(s.With[0].Span(), "`with` on a parameter")
		}
		c.weight(s.Name, s.Type, s.Init, "param", "layer", "model")
	case *syntax.StateStmt:
		c.weight(s.Name, s.Type, s.Init, "state", "layer", "model", "metric", "optimizer")
	case *syntax.For:
		c.expr(s.In)
		c.block(s.Body, s.Names...)
	case *syntax.FnStmt:
		c.fresh(s.Name)
		c.lambda(s.Params, s.Body)
	case *syntax.Assign:
		c.assign(s)
	case *syntax.ExprStmt:
		c.expr(s.Value)
		if !last && !hasEffect(s.Value) {
			x := c.errorf(NoEffect, s.Span(), "this expression has no effect")
			x.Help = []string{"bind it to a name, or make it the last of its block"}
		}
	case *syntax.Result:
		c.expr(s.Value)
		if c.def.Kind != "metric" {
			c.errorf(BadTarget, s.Span(), "`result` belongs to a metric, this is a %s", c.def.Kind)
		}
	case *syntax.Assert:
		c.expr(s.Cond)
	case *syntax.While:
		c.exprs(s.Cond, s.Limit)
		c.block(s.Body)
	case *syntax.Minimize:
		c.refuse(s.Span(), "`minimize`")
	case *syntax.Yield:
		if c.expr(s.Value); c.scans == 0 {
			x := c.errorf(BadTarget, s.Span(), "`yield` stands outside of a `scan`")
			x.Help = []string{"a body's value is its last expression"}
		}
	case *syntax.Penalty:
		c.refuse(s.Span(), "`penalty`")
	case *syntax.Report:
		c.refuse(s.Span(), "`report`")
	}
}

// hasEffect reports whether an expression's statements may assign or update.
func hasEffect(e syntax.Expr) bool {
	_, ok := e.(*syntax.If)
	return ok
}

func (c *checker) weight(n *syntax.Name, t *syntax.Type, init syntax.Expr, what string, kinds ...string) {
	if t != nil {
		alts, _ := c.alternatives(t, false)
		for _, a := range alts {
			c.dims(a.Shape)
		}
	}
	c.expr(init)
	c.bind(n.Text)
	for _, k := range kinds {
		if c.def.Kind == k {
			return
		}
	}
	article := "a"
	if strings.IndexByte("aeiou", c.def.Kind[0]) >= 0 {
		article = "an"
	}
	c.errorf(BadTarget, n.Span(), "%s %s cannot declare a `%s`", article, c.def.Kind, what)
}

// dims resolves the names that a shape uses without binding them.
func (c *checker) dims(s *syntax.Shape) {
	if s == nil {
		return
	}
	for _, d := range s.Dims {
		eachName(d.Size, c.name)
	}
}

func (c *checker) assign(s *syntax.Assign) {
	c.expr(s.Value)
	if s.Type != nil {
		alts, _ := c.alternatives(s.Type, false)
		for _, a := range alts {
			a.Dims(func(n string, _ bool) { c.bind(n) })
		}
	}
	for _, t := range s.Targets {
		c.target(s, t)
	}
}

func (c *checker) target(s *syntax.Assign, t syntax.Expr) {
	n, ok := t.(*syntax.Name)
	switch {
	case !ok && s.Op == "<-":
		c.refuse(t.Span(), "an update of a part")
	case !ok:
		c.expr(t)
	case s.Op == "=":
		c.rebinds(n)
	default:
		c.name(n)
	}
}

func (c *checker) exprs(list ...syntax.Expr) {
	for _, e := range list {
		c.expr(e)
	}
}

func (c *checker) expr(e syntax.Expr) {
	switch e := e.(type) {
	case *syntax.Name:
		c.name(e)
	case *syntax.Unary:
		c.expr(e.X)
	case *syntax.Binary:
		c.exprs(e.X, e.Y)
	case *syntax.Pipe:
		c.expr(e.X)
		if n, ok := e.Y.(*syntax.Name); ok {
			c.callee(n)
			return
		}
		c.expr(e.Y)
	case *syntax.Call:
		c.call(e)
	case *syntax.Index:
		c.expr(e.X)
		c.exprs(e.Items...)
	case *syntax.Member:
		c.expr(e.X)
	case *syntax.Tuple:
		c.exprs(e.Items...)
	case *syntax.Record:
		for _, f := range e.Fields {
			c.expr(f.Value)
		}
	case *syntax.List:
		for _, i := range e.Items {
			c.item(i)
		}
	case *syntax.Comprehension:
		c.expr(e.In)
		c.open()
		c.fresh(e.Names...)
		c.item(e.Item)
		c.close()
	case *syntax.Range:
		c.exprs(e.Lo, e.Hi)
	case *syntax.If:
		c.expr(e.Cond)
		c.block(e.Then)
		c.block(e.Else)
	case *syntax.Lambda:
		c.lambda(e.Params, e.Body)
	case *syntax.Scan:
		c.scan(e)
	}
}

// scan resolves a scan: its names and carries are those of its body.
func (c *checker) scan(e *syntax.Scan) {
	c.exprs(e.In...)
	for _, w := range e.With {
		c.expr(w.Value)
	}
	c.name(e.Over)
	c.open()
	defer c.close()
	c.fresh(e.Names...)
	for _, w := range e.With {
		c.fresh(w.Name)
	}
	c.scans++
	c.block(e.Body)
	c.scans--
}

func (c *checker) item(i *syntax.Item) {
	c.expr(i.Value)
	if i.Over != nil {
		c.refuse(i.Over.Span(), "`over` in a list")
	}
}

func (c *checker) lambda(params *syntax.ParamList, body *syntax.Block) {
	around := c.scans
	c.scans = 0
	defer func() { c.scans = around }()
	c.open()
	defer c.close()
	for _, p := range c.params(params, false, map[string]diag.Span{}) {
		c.expr(p.Default)
		for _, a := range p.Alts {
			a.Dims(func(n string, _ bool) { c.bind(n) })
		}
		c.fresh(p.Node.Name)
	}
	c.block(body)
}

func (c *checker) call(e *syntax.Call) {
	if n, ok := e.Func.(*syntax.Name); ok {
		c.callee(n)
	} else {
		c.expr(e.Func)
	}
	for _, a := range e.Args.List {
		c.expr(a.Value)
	}
}

// known reports whether the name is a definition or primitive.
func (c *checker) known(name string) bool {
	if _, ok := c.prog.Lookup(name, c.def.Lib); ok {
		return true
	}
	for _, k := range c.prog.Known {
		if k == name {
			return true
		}
	}
	return false
}

func (c *checker) callee(n *syntax.Name) {
	if d := c.signature[n.Text]; d != nil {
		d.read = true
	}
	if !c.bound(n.Text) && !c.known(n.Text) {
		c.add(Unknown(n, c.prog, true, c.inScope()))
	}
}

func (c *checker) name(n *syntax.Name) {
	if d := c.signature[n.Text]; d != nil {
		d.read = true
	}
	switch {
	case c.bound(n.Text) || c.known(n.Text) || n.Text == "_":
	default:
		c.add(Unknown(n, c.prog, false, c.inScope()))
	}
}

func (c *checker) inScope() []string {
	var names []string
	for _, s := range c.scopes {
		for n := range s {
			names = append(names, n)
		}
	}
	return names
}

// Unknown tells that nothing has a name, and what it may have meant.
func Unknown(n *syntax.Name, p *Program, called bool, scope []string) *diag.Diagnostic {
	code, what := UnknownName, "name"
	if called {
		code, what = UnknownCallee, "layer or function"
	}
	if Later(n.Text) {
		return New(NameUnsupported, n.Span(), "`%s` is not supported yet", n.Text)
	}
	x := New(code, n.Span(), "unknown %s `%s`", what, n.Text)
	if here, ok := elsewhere[n.Text]; ok {
		x.Help, x.Fix = []string{fmt.Sprintf("that is `%s` here", here)}, &diag.Fix{Span: n.Span(), Text: here}
		return x
	}
	Suggest(x, n, append(scope, p.Names()...))
	if n.Text == "return" {
		x.Help, x.Fix = []string{"leave the word out: a block's value is its last expression"}, nil
	}
	return x
}

// Suggest adds the nearest candidate as help and fix.
func Suggest(x *diag.Diagnostic, n *syntax.Name, candidates []string) {
	candidates = sorted(candidates)
	if s, ok := diag.Suggest(n.Text, candidates); ok {
		x.Help = []string{fmt.Sprintf("did you mean `%s`?", s)}
		x.Fix = &diag.Fix{Span: n.Span(), Text: s}
	}
}
