package main

import (
	"fmt"
	"strings"
)

// A shape is a convolution: batch, square input, channels in and out, window, stride, padding.
// Without channels in it is depthwise: each channel has a window of its own.
type shape struct{ n, in, ci, co, r, stride, pad int }

func (s shape) out() int { return (s.in+2*s.pad-s.r)/s.stride + 1 }

func (s shape) depthwise() bool { return s.ci == 0 }

// channels are those of the input.
func (s shape) channels() int {
	if s.depthwise() {
		return s.co
	}
	return s.ci
}

// work is a program over a batch N of images x, filters w and images y, or their gradients dx, dw
// and dy. In its text, $I and $O are the sides of the images, $C and $D their channels, $R that of
// the window.
func (s shape) work(kind, text, torch string) work {
	x, w, y := float64(s.n*s.in*s.in*s.channels()), float64(s.r*s.r*max(s.ci, 1)*s.co), float64(s.n*s.out()*s.out()*s.co)
	name, groups := fmt.Sprintf("conv %dx%d s%d %dx%dx%d->%d b%d %s", s.r, s.r, s.stride, s.in, s.in, s.ci, s.co, s.n, kind), 1
	if s.depthwise() {
		name, groups = fmt.Sprintf("depthwise %dx%d s%d %dx%dx%d b%d %s", s.r, s.r, s.stride, s.in, s.in, s.co, s.n, kind), s.co
	}
	out := work{name: name, symbols: map[string]int64{"N": int64(s.n)}, flops: 2 * y * float64(s.r*s.r*max(s.ci, 1)), torch: []string{torch}}
	out.text = strings.NewReplacer("$I", fmt.Sprint(s.in), "$O", fmt.Sprint(s.out()), "$C", fmt.Sprint(s.channels()), "$D", fmt.Sprint(s.co), "$R", fmt.Sprint(s.r)).Replace(text)
	switch kind {
	case "forward":
		out.reads, out.writes = 4*(x+w), 4*y
	case "data":
		out.reads, out.writes = 4*(y+w), 4*x
	default:
		out.reads, out.writes = 4*(x+y), 4*w
	}
	out.torchSetup = fmt.Sprintf("x, w, b, dy = c(r(%d, %d, %d, %d)), c(r(%d, %d, %d, %d)), r(%d), c(r(%d, %d, %d, %d))",
		s.n, s.channels(), s.in, s.in, s.co, max(s.ci, 1), s.r, s.r, s.co, s.n, s.co, s.out(), s.out())
	out.torch[0] = strings.ReplaceAll(torch, "$S", fmt.Sprintf("%d, %d, 1, %d", s.stride, s.pad, groups))
	return out
}

// along writes an index of the input: stride*h + r - pad.
func (s shape) along(h, r string) string {
	return fmt.Sprintf("%d*%s + %s - %d", s.stride, h, r, s.pad)
}

// when skips what is padding; with a window of one position nothing is.
func (s shape) when() string {
	if s.r == 1 && s.stride == 1 {
		return ""
	}
	return fmt.Sprintf(" when 0 <= %s < $I, 0 <= %s < $I", s.along("h", "r"), s.along("v", "s"))
}

func (s shape) forward() work {
	filters, axes, at, last := "$R, $R, $C, $D", "r:$R, s:$R, i:$C", "r, s, i, o", "i"
	if s.depthwise() {
		filters, axes, at, last = "$R, $R, $D", "r:$R, s:$R", "r, s, o", "o"
	}
	text := fmt.Sprintf(`program conv
buffer x: input f32[N, $I, $I, $C]
buffer w: weight f32[%s]
buffer b: weight f32[$D]
buffer a: temp f32[N, $O, $O, $D]
buffer y: output f32[N, $O, $O, $D]
kernel conv(x, w) -> (a)
  a[n:N, h:$O, v:$O, o:$D] = sum (%s) unordered%s; x[n, %s, %s, %s] * w[%s]
kernel relu(a, b) -> (y)
  y[n:N, h:$O, v:$O, o:$D] = max(a[n, h, v, o] + b[o], 0.0)
`, filters, axes, s.when(), s.along("h", "r"), s.along("v", "s"), last, at)
	return s.work("forward", text, "F.relu(F.conv2d(x, w, b, $S))")
}

// data is the gradient with respect to the input: rows h + pad - r that the stride divides.
func (s shape) data() work {
	filters, axes, at, last := "$R, $R, $C, $D", "r:$R, s:$R, o:$D", "r, s, i, o", "i"
	if s.depthwise() {
		filters, axes, at, last = "$R, $R, $D", "r:$R, s:$R", "r, s, o", "o"
	}
	from := func(h, r string) string { return fmt.Sprintf("(%s - %s + %d) div %d", h, r, s.pad, s.stride) }
	if s.stride == 1 {
		from = func(h, r string) string { return fmt.Sprintf("%s - %s + %d", h, r, s.pad) }
	}
	when := fmt.Sprintf(" when 0 <= %s < $O, 0 <= %s < $O", from("h", "r"), from("v", "s"))
	for _, p := range [][2]string{{"h", "r"}, {"v", "s"}} {
		if d := fmt.Sprintf("%s - %s + %d", p[0], p[1], s.pad); s.stride > 1 {
			when += fmt.Sprintf(", 0 <= %s - %d*((%s) div %d) < 1", d, s.stride, d, s.stride)
		}
	}
	if s.r == 1 && s.stride == 1 {
		when = ""
	}
	text := fmt.Sprintf(`program conv
buffer dy: input f32[N, $O, $O, $D]
buffer w: weight f32[%s]
buffer dx: output f32[N, $I, $I, $C]
kernel data(dy, w) -> (dx)
  dx[n:N, h:$I, v:$I, %s:$C] = sum (%s) unordered%s; dy[n, %s, %s, o] * w[%s]
`, filters, last, axes, when, from("h", "r"), from("v", "s"), at)
	return s.work("data", text, "torch.nn.grad.conv2d_input(x.shape, w, dy, $S)")
}

func (s shape) weights() work {
	filters, axes, last := "$R, $R, $C, $D", "r:$R, s:$R, i:$C, o:$D", "i"
	if s.depthwise() {
		filters, axes, last = "$R, $R, $D", "r:$R, s:$R, o:$D", "o"
	}
	text := fmt.Sprintf(`program conv
buffer x: input f32[N, $I, $I, $C]
buffer dy: input f32[N, $O, $O, $D]
buffer dw: output f32[%s]
kernel weights(x, dy) -> (dw)
  dw[%s] = sum (n:N, h:$O, v:$O) unordered%s; x[n, %s, %s, %s] * dy[n, h, v, o]
`, filters, axes, s.when(), s.along("h", "r"), s.along("v", "s"), last)
	return s.work("weights", text, "torch.nn.grad.conv2d_weight(x, w.shape, dy, $S)")
}
