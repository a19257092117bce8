package passes

import (
	"strings"
	"testing"

	"dlc/ir"
	"dlc/ir/kernel"
)

// TestBounds: an index that axes and conditions keep inside needs no kernel; a computed one gets
// one, over the axes that it depends on, before the kernel that reads. The text holds it all.
func TestBounds(t *testing.T) {
	m, err := ir.Parse(`module M
weight table : f32[7, 3]
weight filter : f32[3, 3, 3, 4]
func infer
  %0 = input i : i32[N, 5]
  %1 = input x : f32[N, 8, 8, 3]
  %2 = weight table : f32[7, 3]
  %3 = weight filter : f32[3, 3, 3, 4]
  %4 = take %2, %0 : f32[N, 5, 3]
  %5 = conv {strides=[2, 2], pad_lo=[1, 1], pad_hi=[1, 1], dilation=[1, 1]} %1, %3 : f32[N, 4, 4, 4]
  result rows = %4
  result y = %5
end
`)
	if err != nil {
		t.Fatal(err)
	}
	var p *kernel.Program
	o := &Options{Check: true, After: func(pass string, v any) {
		if pass == "bounds" {
			p = v.(*kernel.Program)
		}
	}}
	if _, err := Kernels(m.Funcs[0], m, o); err != nil {
		t.Fatal(err)
	}
	text := p.String()
	if err := kernel.Verify(p); err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
	again, err := kernel.Parse(text)
	if err != nil || again.String() != text {
		t.Errorf("the text is not parsed to itself: %v\n%s", err, text)
	}
	if n := strings.Count(text, " indexes "); n != 1 || !strings.Contains(text, "i64[N, 5] indexes table axis 0") {
		t.Errorf("%d buffers of indices in\n%s", n, text)
	}
	if first := p.Kernels[0]; len(first.Outs) != 1 || first.Outs[0].Indexes == nil {
		t.Errorf("the indices do not come first in\n%s", text)
	}
}
