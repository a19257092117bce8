package passes

import (
	"fmt"
	"strings"
	"testing"

	"dlc/ir"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Results that are inputs, that share a value or a name with something else, and updates by other
// weights all get their values; a weight that keeps its value gets no buffer.
func TestLowerResults(t *testing.T) {
	n := newNet()
	x := n.Param(ir.Input, "x", f32(rows, tensor.Int(3)))
	b := n.param("b", 3)
	y := n.op("neg", x)
	n.Result("x", y) // as named as the input
	n.Result("same", y)
	n.Result("view", n.Add(ir.Transpose{Perm: []int{1, 0}}, y))
	n.Result("input", x)
	n.Update("a", b)
	n.Update("b", b)
	f, m := optimized(t, n.Func)
	p, err := Kernels(f, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, b := range p.Buffers {
		if b.Role == kernel.Output || b.Role == kernel.Update {
			got[b.Name] = b.Role.String() + " " + b.Of
		}
	}
	want := map[string]string{"x_": "output x", "same": "output ", "view": "output ", "input": "output ", "a": "update a"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("results %v, want %v", got, want)
	}
	v := interpret(t, p, 2, 1)
	for i := range 6 {
		x := v["x"].Float(i)
		if v["x_"].Float(i) != -x || v["same"].Float(i) != -x || v["input"].Float(i) != x || v["view"].Float(i/3+2*(i%3)) != -x {
			t.Errorf("element %d of the results is not that of %v", i, x)
		}
	}
	if !sameBits(v["a"], v["b"]) {
		t.Error("a is not b")
	}
}

// The order of a reduction follows from shapes.
func TestOrderRules(t *testing.T) {
	cases := []struct{ def, want string }{
		{"y[i:N, j:8] = sum k:300; a[i, k] * b[k, j]", "chain"},
		{"y[i:N] = sum k:300; a[i, k] * v[k]", "chain"},
		{"y[i:300, j:8] = sum k:N; a[k, i] * c[k, j]", "chunks k by 1024"},
		{"y[] = sum k:300; v[k] * v[k]", "lanes64"},
		{"y[i:8] = sum k:9000; l[k, i] * l[k, 0]", "chunks k by 1024"},
		{"y[i:N] = sum k:300; a[i, k]", "lanes64"},
		{"y[i:300] = sum k:N; a[k, i]", "chunks k by 1024"},
		{"y[i:3] = sum (n:N, h:28, w:28); x[n, h, w, i]", "chunks n by 2"},
		{"y[n:N, i:3] = max (h:28, w:28); x[n, h, w, i]", "chain"},
		{"y[n:N] = sum (h:28, w:28, c:3); x[n, h, w, c]", "lanes64"},
		{"y[i:8] = max k:9000; l[k, i]", "chunks k by 1024"},
	}
	head := "program p\nbuffer a: input f32[N, 300]\nbuffer b: input f32[300, 8]\nbuffer c: input f32[N, 8]\nbuffer v: input f32[300]\n" +
		"buffer l: input f32[9000, 8]\nbuffer x: input f32[N, 28, 28, 3]\n"
	types := map[string]string{"a": "N, 300", "b": "300, 8", "c": "N, 8", "v": "300", "l": "9000, 8", "x": "N, 28, 28, 3"}
	for _, c := range cases {
		shape := []string{}
		for _, a := range strings.Split(c.def[strings.Index(c.def, "[")+1:strings.Index(c.def, "]")], ", ") {
			if _, extent, ok := strings.Cut(a, ":"); ok {
				shape = append(shape, extent)
			}
		}
		out := "f32[" + strings.Join(shape, ", ") + "]"
		var ins []string
		for _, name := range []string{"a", "b", "c", "v", "l", "x"} {
			if strings.Contains(c.def, name+"[") {
				ins = append(ins, name+": f32["+types[name]+"]")
			}
		}
		def := strings.Replace(c.def, ";", " unordered;", 1)
		text := head + "buffer y: output " + out + "\n\nkernel k(" + strings.Join(ins, ", ") + ") -> (y: " + out + ")\n  " + def + "\n"
		p, err := kernel.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", c.def, err)
		}
		order(p, nil)
		d := p.Kernels[0].Defs[0]
		if got := d.Reduce.Order.String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.def, got, c.want)
		}
		if d.Reduce.Order.Kind == kernel.Lanes64 && len(d.Reduce.Axes) != 1 {
			t.Errorf("%s: %d axes are left", c.def, len(d.Reduce.Axes))
		}
	}
}

// lowered is f as kernels, one per node.
func lowered(t *testing.T, f *ir.Func) *kernel.Program {
	t.Helper()
	p, err := lower(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
