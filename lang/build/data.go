package build

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// A dataset is the columns that a dataset block declares, each in terms of those before it.
type dataset struct {
	node    *syntax.Dataset
	source  source
	columns map[string]*column
	defined int // columns so far, those of one name counted apart
}

// A column is one name of a dataset as it is at one line: raw, or made by a statement.
type column struct {
	name   string
	number int         // in the order of definition: its statement sees those of lower numbers
	before *column     // of the same name, as it was until this line
	expr   syntax.Expr // nil: raw, or prev with a contract
	prev   *column     // what a contract or a `:` statement starts from
	in     syntax.Expr // the contract
	typ    tensor.Type // raw: per record
	at     diag.Span
}

// A source is a kind of data: its arguments beside the path, and the columns it is known to have.
type source struct {
	name    string
	options []string
	columns []Column
	ranges  map[string]Range
	open    bool // has whatever columns its header says
}

func sources() []source {
	image := func(dims ...int64) tensor.Type { return tensor.Type{DType: tensor.U8, Shape: tensor.Ints(dims...)} }
	return []source{
		{name: "mnist", columns: []Column{{"image", image(28, 28, 1)}, {"label", image()}}, ranges: map[string]Range{"label": {0, 10}}},
		{name: "idx", columns: []Column{{"image", tensor.Type{}}, {"label", image()}}},
		{name: "csv", open: true},
	}
}

// laterSources are sources of the language that are not supported yet.
var laterSources = []string{"jsonl", "parquet", "text", "images", "audio", "cifar10", "npy", "artifact"}

// openDataset finds the dataset that a train block names and reads its statements.
func (e *elaborator) openDataset(s *scope, x syntax.Expr) *dataset {
	n, ok := x.(*syntax.Name)
	if !ok {
		d := e.errorf(s, check.Setting, x.Span(), "`data` is the name of a dataset")
		help(d, "declare one, as in `dataset Digits = mnist(\"data/mnist\") { ... }`, and write `data = Digits`")
		return nil
	}
	node, ok := e.prog.Datasets[n.Text]
	if !ok && e.opts.Broken {
		return nil
	}
	if !ok {
		d := e.errorf(s, check.UnknownName, n.Span(), "there is no dataset `%s`", n.Text)
		names := []string{}
		for k := range e.prog.Datasets {
			names = append(names, k)
		}
		check.Suggest(d, n, names)
		return nil
	}
	d := &dataset{node: node, columns: map[string]*column{}}
	e.info.Dataset = &Dataset{Name: n.Text, Args: map[string]any{}, Missing: map[string]float64{}, Span: node.Span(), From: node.Source.Span()}
	if !e.readSource(s, d) {
		return nil
	}
	e.rawColumns(d)
	if node.Body != nil {
		for _, st := range node.Body.Stmts {
			e.dataStmt(s, d, st)
		}
	}
	return d
}

// readSource reads `mnist("path")`.
func (e *elaborator) readSource(s *scope, d *dataset) bool {
	at := d.node.Source.Span()
	c, ok := d.node.Source.(*syntax.Call)
	if p, isPipe := d.node.Source.(*syntax.Pipe); isPipe {
		e.errorf(s, check.DataUnsupported, p.Y.Span(), "a step behind a source is not supported yet")
		return false
	}
	name, isName := syntax.Expr(nil), false
	if ok {
		name = c.Func
		_, isName = name.(*syntax.Name)
	}
	if !ok || !isName {
		e.errorf(s, check.Source, at, "a dataset starts from a source such as mnist(\"path\")")
		return false
	}
	n := name.(*syntax.Name)
	names := []string{}
	for _, src := range sources() {
		names = append(names, src.name)
		if src.name == n.Text {
			d.source = src
		}
	}
	if slices.Contains(laterSources, n.Text) {
		e.errorf(s, check.DataUnsupported, n.Span(), "the source `%s` is not supported yet", n.Text)
		return false
	}
	if d.source.name == "" {
		x := e.errorf(s, check.Source, n.Span(), "unknown source `%s`", n.Text)
		check.Suggest(x, n, names)
		return false
	}
	e.info.Dataset.Source = n.Text
	return e.sourceArgs(s, d, c)
}

func (e *elaborator) sourceArgs(s *scope, d *dataset, c *syntax.Call) bool {
	params := []*check.Param{{Name: "path"}}
	for _, o := range d.source.options {
		params = append(params, &check.Param{Name: o, Default: &syntax.None{}})
	}
	bound, ok := e.match(s, d.source.name, params, c.Span(), e.arguments(s, c.Args), diag.Span{})
	for _, p := range params {
		a, given := bound[p.Name]
		if !given {
			continue
		}
		switch v := a.v.(type) {
		case text:
			e.info.Dataset.Args[p.Name] = string(v)
		case boolean:
			e.info.Dataset.Args[p.Name] = bool(v)
		case number:
			e.info.Dataset.Args[p.Name], _ = v.float()
		}
		if _, isText := a.v.(text); p.Name == "path" && !isText {
			e.errorf(s, check.Source, a.at, "the path of `%s` is a string", d.source.name)
			ok = false
		}
	}
	return ok
}

// rawColumns declares the source's own columns; the host's types, read from the data, win.
func (e *elaborator) rawColumns(d *dataset) {
	for _, c := range d.source.columns {
		typ := c.Type
		if t, ok := e.opts.Columns[c.Name]; ok {
			typ = t
		}
		d.define(&column{name: c.Name, typ: typ, at: d.node.Source.Span()})
	}
	names := make([]string, 0, len(e.opts.Columns))
	for n := range e.opts.Columns {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if d.columns[n] == nil {
			d.define(&column{name: n, typ: e.opts.Columns[n], at: d.node.Source.Span()})
		}
	}
}

// define adds a column as it is from this line on.
func (d *dataset) define(c *column) {
	c.number, c.before = d.defined, d.columns[c.name]
	d.columns[c.name] = c
	d.defined++
}

// seen returns the column that a name means in c's statement, or nil.
func (d *dataset) seen(name string, c *column) *column {
	x := d.columns[name]
	for x != nil && x.number >= c.number {
		x = x.before
	}
	return x
}

func (e *elaborator) dataStmt(s *scope, d *dataset, st syntax.DataStmt) {
	switch st := st.(type) {
	case *syntax.Column:
		switch st.Op {
		case "=":
			d.define(&column{name: st.Names[0].Text, expr: st.Value, at: st.Span()})
		case "in":
			e.contract(s, d, st)
		default:
			e.kinds(s, d, st)
		}
	case *syntax.DataIf:
		e.dataIf(s, d, st)
	case *syntax.Split:
		e.split(s, st)
	case *syntax.Bucket:
		e.errorf(s, check.DataUnsupported, st.Span(), "`bucket` is not supported yet")
	case *syntax.Join:
		e.errorf(s, check.DataUnsupported, st.Span(), "`join` is not supported yet")
	}
}

func (e *elaborator) dataIf(s *scope, d *dataset, st *syntax.DataIf) {
	v, ok := e.eval(s, st.Cond).(boolean)
	if !ok {
		e.errorf(s, check.BadCondition, st.Cond.Span(), "an `if` in a dataset is decided while compiling")
		return
	}
	b := st.Then
	if !v {
		b = st.Else
	}
	if b != nil {
		for _, x := range b.Stmts {
			e.dataStmt(s, d, x)
		}
	}
}

// contract is `label in 0..10`. Where no header is read it says that the values are whole.
func (e *elaborator) contract(s *scope, d *dataset, st *syntax.Column) {
	name := st.Names[0].Text
	b, ok := e.boundsOf(s, st.Value)
	if !ok {
		return
	}
	prev := d.columns[name]
	whole := tensor.Type{DType: tensor.I32}
	if prev == nil && d.source.open && e.opts.Columns == nil {
		prev = &column{name: name, typ: whole, at: st.Span()}
		d.define(prev)
	}
	if prev == nil {
		e.unknownColumn(s, d, st.Names[0])
		return
	}
	raw := prev.expr == nil && prev.prev == nil
	if raw && prev.typ.DType.IsFloat() && e.opts.Columns == nil {
		prev.typ.DType = tensor.I32
	}
	lo, okLo := b.lo.Const()
	hi, okHi := b.hi.Const()
	if !okLo || !okHi || lo >= hi {
		e.errorf(s, check.Contract, st.Value.Span(), "a contract needs constants lo < hi, not %s..%s", b.lo, b.hi)
		return
	}
	d.define(&column{name: name, prev: prev, in: st.Value, at: st.Span()})
	e.info.Dataset.Contracts = append(e.info.Dataset.Contracts, Contract{Column: name, Lo: lo, Hi: hi, Raw: raw, Span: st.Span()})
}

// kinds is `a, b : number |> f`.
func (e *elaborator) kinds(s *scope, d *dataset, st *syntax.Column) {
	x := st.Value
	for {
		p, ok := x.(*syntax.Pipe)
		if !ok {
			break
		}
		x = p.X
	}
	call, isCall := x.(*syntax.Call)
	if isCall {
		x = call.Func
	}
	kind, ok := x.(*syntax.Name)
	if !ok || kind.Text != "number" {
		if ok && slices.Contains([]string{"category", "date", "image", "audio", "text"}, kind.Text) {
			e.errorf(s, check.DataUnsupported, kind.Span(), "`%s` columns are not supported yet", kind.Text)
		} else {
			e.errorf(s, check.DataUnsupported, x.Span(), "a column is declared as `number`")
		}
		return
	}
	missing := 0.0
	if isCall {
		missing = e.missing(s, d, call)
	}
	for _, n := range st.Names {
		prev := d.columns[n.Text]
		if prev == nil && d.source.open && e.opts.Columns == nil {
			prev = &column{name: n.Text, typ: tensor.Type{DType: tensor.F32}, at: st.Span()}
			d.define(prev)
		}
		if prev == nil {
			e.unknownColumn(s, d, n)
			continue
		}
		if isCall && (prev.expr != nil || prev.prev != nil) {
			e.errorf(s, check.DataUnsupported, n.Span(), "`%s` is changed above: `missing` is said where the column is named first", n.Text)
		} else if isCall {
			e.info.Dataset.Missing[n.Text] = missing
		}
		d.define(&column{name: n.Text, prev: prev, expr: st.Value, at: st.Span()})
	}
}

// missing is the argument of `number(missing=0)`: what an empty field of a table stands for, 0
// after a mistake.
func (e *elaborator) missing(s *scope, d *dataset, c *syntax.Call) float64 {
	if !d.source.open {
		e.errorf(s, check.DataUnsupported, c.Span(), "`missing` is for empty fields, and only a table has fields")
		return 0
	}
	bound, ok := e.match(s, "number", []*check.Param{{Name: "missing"}}, c.Span(), e.arguments(s, c.Args), diag.Span{})
	if !ok || isPoison(bound["missing"].v) {
		return 0
	}
	n, ok := bound["missing"].v.(number)
	v, known := n.float()
	if !ok || !known || math.IsInf(float64(float32(v)), 0) {
		e.errorf(s, check.ConfigValue, bound["missing"].at, "`missing` is the number that an empty field stands for, not %s", bound["missing"].v.says())
		return 0
	}
	return v
}

func (e *elaborator) unknownColumn(s *scope, d *dataset, n *syntax.Name) {
	if why := noHeader(e.opts.Header); why != "" {
		x := e.errorf(s, check.UnknownColumn, d.node.Source.Span(), "%s", why)
		label(x, n.Span(), "`%s` is looked for", n.Text)
	} else {
		x := e.errorf(s, check.UnknownColumn, n.Span(), "the dataset %s has no column `%s`", d.node.Name.Text, n.Text)
		check.Suggest(x, n, append(d.names(), e.opts.Header...))
		label(x, d.node.Source.Span(), "its source is here")
	}
	d.define(&column{name: n.Text, typ: tensor.Type{DType: tensor.F32}, at: n.Span()}) // it is told once
}

// noHeader says why the first line of a table names no columns, "" where it may.
func noHeader(names []string) string {
	if len(names) == 1 && strings.ContainsAny(names[0], ";\t|") {
		return fmt.Sprintf("the table's header is one column, %q: commas separate the fields of a table", names[0])
	}
	for _, n := range names {
		if _, err := strconv.ParseFloat(n, 64); err != nil {
			return ""
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("the first line of the table names its columns, and this one holds numbers: %s", strings.Join(names, ", "))
}

func (d *dataset) names() []string {
	out := []string{}
	for n := range d.columns {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// split is `split 80/10/10 by hash(customer)`.
func (e *elaborator) split(s *scope, st *syntax.Split) {
	info := e.info.Dataset
	if info.Split != nil {
		e.errorf(s, check.BadSplit, st.Span(), "the data is split twice")
		return
	}
	sum := 0.0
	for _, p := range st.Parts {
		info.Split = append(info.Split, p.Float())
		sum += p.Float()
	}
	if len(st.Parts) > 3 || sum != 100 {
		d := e.errorf(s, check.BadSplit, st.Span(), "the parts of a split (train, valid, test) make 100, not %g", sum)
		help(d, "write `split 80/10/10`")
	}
	if st.By == nil {
		return
	}
	if c, ok := st.By.(*syntax.Call); ok {
		if f, isName := c.Func.(*syntax.Name); isName && f.Text == "hash" && len(c.Args.List) == 1 {
			if n, isName := c.Args.List[0].Value.(*syntax.Name); isName {
				info.SplitBy = n.Text
				return
			}
		}
	}
	e.errorf(s, check.BadSplit, st.By.Span(), "a split goes `by hash(column)`")
}

// columnValue is a column's value in the entry being built, per record.
func (e *elaborator) columnValue(s *scope, c *column) value {
	if v, ok := e.t.columns[c]; ok {
		return v
	}
	at := e.t
	defer func() { e.t = at }()
	e.t = at.outermost()
	e.t.columns[c] = poison{} // until it is known; a column cannot see itself
	v := e.columnOnce(s, c)
	e.t.columns[c] = v
	return v
}

func (e *elaborator) columnOnce(s *scope, c *column) value {
	switch {
	case c.in != nil:
		v := e.columnValue(s, c.prev)
		b, ok := e.boundsOf(s, c.in)
		if t, isTens := v.(*tens); isTens && ok {
			if !t.dtype().IsInt() {
				e.errorf(s, check.Contract, c.at, "a contract is about whole numbers, `%s` is %s", c.name, t.typ())
				return poison{}
			}
			e.t.ranges[t.v] = b
		}
		return v
	case c.prev != nil:
		return e.stages(s, c, c.expr)
	case c.expr != nil:
		in := e.root(c.at)
		in.hook = func(name string) (value, bool) {
			if seen := e.data.seen(name, c); seen != nil {
				return e.columnValue(s, seen), true
			}
			return nil, false
		}
		e.hint(c, in)
		return e.eval(in, c.expr)
	}
	return e.rawColumn(s, c)
}

// hint lets unknown names in a dataset's expressions be told as columns.
func (e *elaborator) hint(c *column, in *scope) {
	in.frame.data = true
	for n := range e.data.columns {
		if e.data.seen(n, c) != nil {
			in.frame.near = append(in.frame.near, n)
		}
	}
}

// stages applies the functions behind `number`.
func (e *elaborator) stages(s *scope, c *column, x syntax.Expr) value {
	p, ok := x.(*syntax.Pipe)
	if !ok {
		return e.asNumber(s, c)
	}
	v := e.stages(s, c, p.X)
	in := e.root(c.at)
	in.vars["number"] = v
	return e.pipe(in, &syntax.Pipe{Node: p.Node, X: &syntax.Name{Node: p.Node, Text: "number"}, Y: p.Y})
}

// asNumber is a column as a float.
func (e *elaborator) asNumber(s *scope, c *column) value {
	v := e.columnValue(s, c.prev)
	t, ok := v.(*tens)
	if !ok || t.dtype().IsFloat() {
		return v
	}
	if t = e.castTens(s, c.at, t, tensor.F32); t == nil {
		return poison{}
	}
	return t
}

func (e *elaborator) rawColumn(s *scope, c *column) value {
	if c.typ.DType == tensor.Invalid {
		d := e.errorf(s, check.UnknownData, c.at, "what `%s` is cannot be known without the data", c.name)
		help(d, "give the place of the data, as in --data %s=PATH", e.data.node.Name.Text)
		return poison{}
	}
	typ := tensor.Type{DType: c.typ.DType, Shape: append(tensor.Shape{tensor.Sym(rows)}, c.typ.Shape...)}
	v := e.t.input(c.name, typ)
	if r, ok := e.data.source.ranges[c.name]; ok {
		e.t.ranges[v] = bounds{tensor.Int(r.Lo), tensor.Int(r.Hi)}
	}
	return &tens{v: v, labels: make([]string, len(c.typ.Shape)), row: true}
}
