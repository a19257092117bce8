package sample

import (
	"fmt"
	"strings"
	"testing"

	"dlc/ir"
)

// TestEveryOpHasARow fails on an op, or a function of one, without its row, and on rows of nothing.
func TestEveryOpHasARow(t *testing.T) {
	rows := map[string]*Row{}
	for _, r := range Rows() {
		if rows[r.Name] != nil {
			t.Errorf("two rows are named %s", r.Name)
		}
		rows[r.Name] = r
	}
	names := map[string]bool{}
	for _, o := range ir.Ops() {
		list := []string{o.Name()}
		if f, ok := o.(ir.Family); ok {
			list = nil
			for _, fn := range f.Functions() {
				list = append(list, o.Name()+" "+fn)
			}
		}
		for _, name := range list {
			if names[name] {
				t.Errorf("two ops are named %s", name)
			}
			names[name] = true
			if rows[name] == nil {
				t.Errorf("%s has no row: package sample says how one is added", name)
			}
		}
	}
	for name, r := range rows {
		if !names[name] {
			t.Errorf("the row %s is of no op", name)
		}
		r.complete(t)
	}
}

// complete checks that the columns of a row are filled in.
func (r *Row) complete(t *testing.T) {
	t.Helper()
	for column, text := range map[string]string{"Doc": r.Doc, "Shapes": r.Shapes, "Source": r.Source, "Reference or Untold": r.Reference + r.Untold} {
		if text == "" {
			t.Errorf("%s has no %s", r.Name, column)
		}
	}
	if !strings.HasSuffix(r.Doc, ".") || len(r.DTypes) == 0 || (r.Tolerance > 0) != (r.Reason != "") {
		t.Errorf("%s: the doc ends with a full stop, there are dtypes, and a tolerance has its reason", r.Name)
	}
	for _, s := range r.Samples {
		if got := NameOf(s.Op); got != r.Name {
			t.Errorf("%s has a sample of %s", r.Name, got)
		}
	}
	if r.Few != "" {
		return
	}
	seen, empty, one, odd, large := map[string]bool{}, false, false, false, false
	for _, c := range r.Cases(r.DTypes[0]) {
		f := function(t, c)
		for _, env := range c.Bindings() {
			text, elements := "", 1
			for _, v := range append(f.Params[1:len(f.Params):len(f.Params)], f.Nodes[0].Out...) {
				dims, _ := v.Type.Shape.Bind(env)
				text += fmt.Sprint(dims)
				n := 1
				for _, d := range dims {
					n *= d
				}
				empty, large = empty || n == 0, large || n >= 1000
				odd = odd || len(dims) > 0 && dims[len(dims)-1] > 16 && dims[len(dims)-1]%16 > 0
				elements = max(elements, n)
			}
			seen[text], one = true, one || elements == 1
		}
	}
	if len(seen) < 8 || !empty || !one || !odd || !large && !strings.Contains("pick conv max_pool max_pool_grad sum_pool sum_pool_grad", r.Name) {
		t.Errorf("%s: %d shapes, empty %v, of one element %v, odd tail %v, large %v", r.Name, len(seen), empty, one, odd, large)
	}
}

func function(t testing.TB, c Case) *ir.Func {
	t.Helper()
	f, err := c.Func("f")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestRefusals holds every row to the dtypes that it does not take, and to its other refusals; the
// message names what is wrong.
func TestRefusals(t *testing.T) {
	for _, r := range Rows() {
		for _, x := range r.Refused {
			s := Sample{Op: x.Op, In: x.In}.With(r, r.DTypes[0])
			op := s.Op
			if strings.Contains(x.Says, "no dtype") || strings.Contains(x.Says, "invalid") {
				op = x.Op
			}
			if _, err := op.Infer(s.In); err == nil || !strings.Contains(err.Error(), x.Says) {
				t.Errorf("%s of %s: got %v, want %q", ir.OpText(op), x.In, err, x.Says)
			}
		}
		if len(r.Samples) == 0 {
			continue
		}
		for _, d := range AllDTypes() {
			takes := contains(r.DTypes, d)
			for _, s := range r.Samples {
				c := s.With(r, d)
				if c.String() == s.With(r, AllDTypes()[int(d)%9]).String() {
					continue // it says its dtypes itself
				}
				_, err := c.Op.Infer(c.In)
				switch {
				case takes && err != nil:
					t.Errorf("%s: %v", c, err)
				case !takes && err == nil:
					t.Errorf("%s is taken", c)
				case !takes && !strings.Contains(err.Error(), d.String()) && !strings.Contains(err.Error(), "bools have no order"):
					t.Errorf("%s: the message %q does not name %s", c, err, d)
				}
			}
		}
	}
}

// TestSamplesSurvivePrinting prints, parses and verifies every case of every dtype.
func TestSamplesSurvivePrinting(t *testing.T) {
	for _, r := range Rows() {
		for _, d := range r.DTypes {
			for _, c := range r.Cases(d) {
				m := &ir.Module{Name: "sample", Funcs: []*ir.Func{function(t, c)}}
				if err := ir.Verify(m); err != nil {
					t.Errorf("%s: %v", c, err)
				}
				text := ir.Print(m)
				back, err := ir.Parse(text)
				if err != nil {
					t.Errorf("%v in\n%s", err, text)
					continue
				}
				if again := ir.Print(back); again != text {
					t.Errorf("printed\n%sread and printed\n%s", text, again)
				}
			}
		}
	}
}
