package ir

import (
	"strings"
	"testing"

	"dlc/ir/tensor"
)

const verified = `module m
weight a.w : f32[3]  // m.dlc:2:3
state b : i64[]
func f
  %0 = input x : f32[N, 3]
  %1 = weight a.w : f32[3]
  %2 = input seed : u64[]
  %3 = input step : i64[]
  %5 = broadcast {shape=[N, 3], axes=[1]} %1 : f32[N, 3]  // m.dlc:3:4, "odd name, x.dlc":10:1
  %7 = binary {fn=add} %0, %5 : f32[N, 3]
  %8, %9 = gradient %10, %1, %0 : f32[3], f32[N, 3]
  result y = %7
  update b = %3
end
`

// module is the text with a loss, and with the replacements made.
func module(t *testing.T, replace ...string) *Module {
	t.Helper()
	text := strings.Replace(verified, "  %8, %9 = gradient %10", "  %8 = reduce {op=sum, axes=[0, 1]} %7 : f32[]\n  %10, %11 = gradient %8", 1)
	m, err := Parse(strings.NewReplacer(replace...).Replace(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestVerifyAcceptsAndPrintsBack(t *testing.T) {
	m := module(t)
	if err := Verify(m); err != nil {
		t.Fatal(err)
	}
	text := Print(m)
	back, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if Print(back) != text {
		t.Errorf("printed\n%sread and printed\n%s", text, Print(back))
	}
	span := back.Funcs[0].Nodes[0].Spans[1]
	if span.File != "odd name, x.dlc" || span.Line != 10 || span.Col != 1 {
		t.Errorf("span read as %+v", span)
	}
}

// TestVerifyRejects breaks each rule in the text.
func TestVerifyRejects(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"weight a.w : f32[3]  //", "weight a.w : f32[K]  //", "constants"},
		{"state b ", "state a.a ", "must stand before"},
		{"state b ", "state a.w ", "must stand before"},
		{"end\n", "end\nfunc f\nend\n", "stands twice"},
		{"%3 = input step", "%3 = input x", "the parameter x stands twice"},
		{"%1 = weight a.w", "%1 = weight a.v", "no such weight"},
		{"weight a.w : f32[3]  //", "weight a.w : f32[4]  //", "the weight is f32[4]"},
		{"input seed : u64[]", "input seed : i32[]", "must be u64[]"},
		{"input step : i64[]", "input step : i64[3]", "must be i64[]"},
		{"%7", "%4", "follows %5"},
		{"update b = %3", "update b = %3\nend\nfunc g\n  %9 = input x : f32[3]\n  %0 = unary {fn=exp} %9 : f32[3]", ""},
		{"result y = %7", "result y = %7\n  result y = %5", "result y stands twice"},
		{"update b = %3", "update b = %3\n  update b = %3", "stands twice"},
		{"update b = %3", "update c = %3", "no such weight"},
		{"update b = %3", "update a.w = %3", "the weight is f32[3]"},
	} {
		err := Verify(module(t, c.old, c.new))
		if c.want == "" && err == nil {
			continue
		}
		if !broken.By(err, c.want) {
			t.Errorf("%s for %s: got %v, want %q", c.new, c.old, err, c.want)
		}
	}
	m := module(t, "N", "i0")
	if err := Verify(m); !broken.By(err, "name of axes") {
		t.Errorf("a symbol named like an axis: %v", err)
	}
}

// TestVerifyRejectsGraphs breaks the rules that no text can break.
func TestVerifyRejectsGraphs(t *testing.T) {
	for _, c := range []struct {
		want  string
		spoil func(m *Module, f *Func)
	}{
		{"is no parameter", func(m *Module, f *Func) { f.Params[0].Param = nil }},
		{"not defined above", func(m *Module, f *Func) { f.Nodes[0], f.Nodes[1] = f.Nodes[1], f.Nodes[0] }},
		{"not defined above", func(m *Module, f *Func) { f.Nodes[1].In[0] = &Value{ID: 77, Type: f.Nodes[1].In[0].Type} }},
		{"gives f32[N, 3], not", func(m *Module, f *Func) { f.Nodes[1].Out[0].Type.DType = tensor.I32 }},
		{"has 0 results", func(m *Module, f *Func) { f.Nodes[1].Out = nil }},
		{"point back", func(m *Module, f *Func) { f.Nodes[1].Out[0].Node = f.Nodes[0] }},
		{"point back", func(m *Module, f *Func) { f.Nodes[3].Out[1].Index = 0 }},
		{"does not stretch", func(m *Module, f *Func) { f.Nodes[0].Op = Broadcast{dims("N", "5"), []int{1}} }},
		{"no parameter has the symbol", func(m *Module, f *Func) {
			f.Nodes[0].Op = Full{Type: typ(tensor.F32, "K")}
			f.Nodes[0].In, f.Nodes[0].Out[0].Type = nil, typ(tensor.F32, "K")
		}},
		{"no parameter has the symbol", func(m *Module, f *Func) {
			f.Nodes[2].Op, f.Nodes[2].In = Size{dims("K")[0], tensor.F32}, nil
		}},
		{"%1 is defined twice", func(m *Module, f *Func) { f.Params[2].ID = 1 }},
		{"is not defined", func(m *Module, f *Func) { f.Results[0].Value = &Value{ID: 3} }},
	} {
		m := module(t)
		c.spoil(m, m.Funcs[0])
		if err := Verify(m); !broken.By(err, c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func TestParseRejects(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "no module"},
		{"func f", "module must come first"},
		{"module m\nfunc f\n", "has no end"},
		{"module m\nfunc f\n  %0 = nonsense : f32[]\nend", `no op "nonsense"`},
		{"module m\nfunc f\n  %0 = unary {fn=exp} %1 : f32[]\nend", "not defined above"},
		{"module m\nfunc f\n  %0 = input x : f32[]\n  %0 = input y : f32[]\nend", "defined twice"},
		{"module m\nfunc f\n  %0 = input x : f32[]\n  %1 = unary {fn=exp} %0 : f64[]\nend", "gives f32[], not f64[]"},
		{"module m\nfunc f\n  %0 = input x : f32[]\n  %1 = unary {fn=exp, fn=log} %0 : f32[]\nend", "may stand here"},
		{"module m\nfunc f\n  %0 = input x : f32[]\n  %1 = unary {fm=exp} %0 : f32[]\nend", "may stand here"},
		{"module m\nfunc f\n  %0 = input x : f32[2\nend", "no ] follows"},
		{"module m\nfunc f\n  %0, %1 = full {type=f32[]} : f32[]\nend", "has 1 results"},
		{"module m\nfunc f\n  %0 = const {value=f32[2](1)} : f32[2]\nend", "1 values for f32[2]"},
		{"module m\nfunc f\n  %0 = const {value=u8[1](300)} : u8[1]\nend", "300"},
		{"module m\nweight w : f32[3] extra", "unexpected"},
		{"module m\nweight \"w : f32[3]", "does not end"},
	} {
		if _, err := Parse(c.text); !broken.By(err, c.want) {
			t.Errorf("%q: got %v, want %q", c.text, err, c.want)
		}
	}
}
