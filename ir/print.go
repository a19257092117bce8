package ir

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"dlc/ir/tensor"
	"dlc/lang/diag"
)

// The text of a module, line by line:
//
//	module lenet
//	weight dense.kernel : f32[3136, 10]  // lenet.dlc:12:8
//	state batch_norm.moving_mean : f32[32]
//	func infer
//	  %0 = input image : f32[N, 28, 28, 1]
//	  %1 = weight dense.kernel : f32[3136, 10]
//	  %2 = reshape {shape=[N, 784]} %0 : f32[N, 784]  // lenet.dlc:7:8, layers.dlc:3:1
//	  result logits = %2
//	  update batch_norm.moving_mean = %9
//	end
//
// Attributes of value zero are left out, but for places and axes. Spans keep file, line and column.
// The regions of a node follow its line, one after the other; values in them count anew:
//
//	%3 = map {size=N, mapped=1} %0, %1 : f32[N, 4]
//	  region body
//	    %0 = input x : f32[4]
//	    %1 = input w : f32[]
//	    %2 = broadcast {shape=[4], axes=[]} %1 : f32[4]
//	    %3 = binary {fn=mul} %0, %2 : f32[4]
//	    result y = %3
//	  end

// Print returns the text of m; Parse reads it back.
func Print(m *Module) string {
	var b strings.Builder
	fmt.Fprintf(&b, "module %s\n", nameText(m.Name))
	for _, w := range m.Weights {
		kind := "weight"
		if w.State {
			kind = "state"
		}
		spans := []diag.Span{}
		if !w.Span.IsZero() {
			spans = append(spans, w.Span)
		}
		fmt.Fprintf(&b, "%s %s : %s%s\n", kind, nameText(w.Path), w.Type, spansText(spans))
	}
	for _, f := range m.Funcs {
		printFunc(&b, f)
	}
	return b.String()
}

func printFunc(b *strings.Builder, f *Func) {
	fmt.Fprintf(b, "func %s\n", nameText(f.Name))
	printBody(b, "  ", f)
	b.WriteString("end\n")
}

func printRegions(b *strings.Builder, indent string, o Op) {
	for _, r := range regions(o) {
		fmt.Fprintf(b, "%sregion %s\n", indent, r.name)
		printBody(b, indent+"  ", r.value.Interface().(*Func))
		fmt.Fprintf(b, "%send\n", indent)
	}
}

func printBody(b *strings.Builder, indent string, f *Func) {
	for _, p := range f.Params {
		kind := "input"
		if p.Param.Kind == Stored {
			kind = "weight"
		}
		fmt.Fprintf(b, "%s%s = %s %s : %s\n", indent, p, kind, nameText(p.Param.Name), p.Type)
	}
	for _, n := range f.Nodes {
		types := make([]string, len(n.Out))
		for i, v := range n.Out {
			types[i] = v.Type.String()
		}
		fmt.Fprintf(b, "%s%s = %s%s : %s%s\n", indent, valuesText(n.Out), headText(n.Op), prefixed(" ", valuesText(n.In)), strings.Join(types, ", "), spansText(n.Spans))
		printRegions(b, indent+"  ", n.Op)
	}
	for _, r := range f.Results {
		kind := "result"
		if r.Update {
			kind = "update"
		}
		fmt.Fprintf(b, "%s%s %s = %s\n", indent, kind, nameText(r.Name), r.Value)
	}
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// String returns the value's name in texts.
func (v *Value) String() string { return "%" + strconv.Itoa(v.ID) }

func valuesText(vs []*Value) string {
	parts := make([]string, len(vs))
	for i, v := range vs {
		parts[i] = v.String()
	}
	return strings.Join(parts, ", ")
}

// OpText is the mnemonic, the attributes and, on lines of their own, the regions. Ops are the same
// exactly when their texts are.
func OpText(o Op) string {
	if len(regions(o)) == 0 {
		return headText(o)
	}
	var b strings.Builder
	b.WriteString(headText(o) + "\n")
	printRegions(&b, "  ", o)
	return b.String()
}

// headText is the mnemonic and the attributes.
func headText(o Op) string {
	var parts []string
	for _, a := range attributes(o) {
		if a.omitted() {
			continue
		}
		parts = append(parts, a.name+"="+attributeText(a.value.Interface()))
	}
	if len(parts) == 0 {
		return o.Name()
	}
	return o.Name() + " {" + strings.Join(parts, ", ") + "}"
}

// omitted reports whether the value is zero, and neither a place or axis nor -0.
func (a attribute) omitted() bool {
	switch a.value.Kind() {
	case reflect.Int:
		return false
	case reflect.Float64:
		return math.Float64bits(a.value.Float()) == 0
	}
	return a.value.IsZero()
}

func attributeText(v any) string {
	switch x := v.(type) {
	case string:
		return nameText(x)
	case float64:
		return floatText(x, 64)
	case []int:
		return listText(len(x), func(i int) string { return strconv.Itoa(x[i]) })
	case []int64:
		return listText(len(x), func(i int) string { return strconv.FormatInt(x[i], 10) })
	case tensor.Shape:
		return "[" + x.String() + "]"
	case *tensor.Tensor:
		return tensorText(x)
	case bool, int, int64, uint64, tensor.Dim, tensor.DType, tensor.Type:
		return fmt.Sprint(x)
	}
	panic(fmt.Sprintf("BUG: no text for an attribute of type %T", v))
}

func listText(n int, at func(i int) string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = at(i)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func floatText(v float64, bits int) string {
	switch {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	}
	return strconv.FormatFloat(v, 'g', -1, bits)
}

// tensorText is the type and all elements: f32[2](1, 2).
func tensorText(x *tensor.Tensor) string {
	list := listText(x.Len(), func(i int) string {
		switch {
		case x.DType.IsFloat():
			return floatText(x.Float(i), 8*x.DType.Size())
		case x.DType == tensor.U64:
			return strconv.FormatUint(uint64(x.Int(i)), 10)
		}
		return strconv.FormatInt(x.Int(i), 10)
	})
	return x.String() + "(" + list[1:len(list)-1] + ")"
}

// nameText is the name, quoted unless it is a plain word of letters, digits, _ . and $.
func nameText(s string) string {
	for i := range len(s) {
		if !isWord(s[i]) {
			return strconv.Quote(s)
		}
	}
	if s == "" {
		return `""`
	}
	return s
}

func isWord(c byte) bool {
	return c == '_' || c == '.' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func spansText(spans []diag.Span) string {
	if len(spans) == 0 {
		return ""
	}
	parts := make([]string, len(spans))
	for i, s := range spans {
		file := s.File
		if strings.ContainsAny(file, "\", \n\r\t") || file == "" {
			file = strconv.Quote(file)
		}
		parts[i] = fmt.Sprintf("%s:%d:%d", file, s.Line, s.Col)
	}
	return "  // " + strings.Join(parts, ", ")
}
