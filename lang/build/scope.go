package build

import (
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
)

// A frame is one execution of a body: of a layer, a function, a metric, an optimizer, or of the
// expressions of a train or dataset block (def is nil there).
type frame struct {
	def     *check.Def
	lib     bool
	call    diag.Span // where it was applied
	caller  *frame
	path    string            // prefix of its weights and layers
	taken   map[string]*layer // names of layers that this execution gave out; shared with functions it calls
	counts  map[string]int    // next number of each name
	dims    *check.Scope
	states  map[string]string        // name of a state or parameter: its path
	draws   *int                     // random draws so far
	use     int                      // which use of its path this is
	near    []string                 // names of columns and outputs
	data    bool                     // of a dataset or train block: unknown names are told as columns
	outputs bool                     // near holds outputs too
	result  value                    // of a metric
	failed  bool                     // an assertion does not hold: the rest of the body would only repeat it
	within  func(name string) string // the path of a weight declared here; nil: below path
}

// A scope holds names: of a block, or (body) of a whole body.
type scope struct {
	vars   map[string]value
	parent *scope
	body   bool
	closed bool      // of a scan: names of outside keep their values
	held   *[]string // of a branch: names of outside that it has assigned, which keep their values there
	frame  *frame
	hook   func(name string) (value, bool) // further names of a body
}

func (s *scope) inner() *scope {
	return &scope{vars: map[string]value{}, parent: s, frame: s.frame}
}

func newBody(f *frame) *scope {
	return &scope{vars: map[string]value{}, body: true, frame: f}
}

// find returns what a name stands for in this body or the ones around it.
func (s *scope) find(name string) (value, bool) {
	for at := s; at != nil; at = at.parent {
		if v, ok := at.vars[name]; ok {
			return v, true
		}
		if !at.body {
			continue
		}
		if v, ok := at.frame.dim(name); ok {
			return v, true
		}
		if at.hook != nil {
			if v, ok := at.hook(name); ok {
				return v, true
			}
		}
	}
	return nil, false
}

// dim returns a dim or pack that the signature bound.
func (f *frame) dim(name string) (value, bool) {
	if f.dims == nil {
		return nil, false
	}
	b, ok := f.dims.Bound[name]
	switch {
	case !ok:
		return nil, false
	case b.Pack:
		return &pack{dims: b.Dims, labels: b.Labels}, true
	}
	return ofDim(b.Dims[0]), true
}

// assign gives a name a new value where the body has it, else here.
func (s *scope) assign(name string, v value) {
	for at := s; at != nil; at = at.parent {
		if _, ok := at.vars[name]; ok {
			at.vars[name] = v
			return
		}
		if at.body {
			break
		}
		if at.held != nil && at.parent.has(name) {
			at.vars[name] = v
			*at.held = append(*at.held, name)
			return
		}
	}
	s.vars[name] = v
}

// has reports whether the body at hand has bound a name.
func (s *scope) has(name string) bool {
	for at := s; at != nil; at = at.parent {
		if _, ok := at.vars[name]; ok {
			return true
		}
		if at.body {
			break
		}
	}
	return false
}

// beyond reports whether a name is one of outside a closed scope.
func (s *scope) beyond(name string) bool {
	closed := false
	for at := s; at != nil; at = at.parent {
		if _, ok := at.vars[name]; ok {
			return closed
		}
		if at.body {
			break
		}
		closed = closed || at.closed
	}
	return false
}

// snapshot copies the names that are visible now, so that a later evaluation sees them unchanged.
func (s *scope) snapshot() *scope {
	if s == nil {
		return nil
	}
	c := *s
	c.vars = make(map[string]value, len(s.vars))
	for k, v := range s.vars {
		c.vars[k] = v
	}
	c.parent = s.parent.snapshot()
	return &c
}

// names lists what is visible, for suggestions.
func (s *scope) names() []string {
	var out []string
	for at := s; at != nil; at = at.parent {
		for n := range at.vars {
			out = append(out, n)
		}
		if at.body && at.frame.dims != nil {
			out = append(out, at.frame.dims.Order...)
		}
		if at.body {
			out = append(out, at.frame.near...)
		}
	}
	return out
}

// dimOf resolves a name inside a declared shape: a whole number of the scope.
func (s *scope) dimOf(name string) (tensor.Dim, error) {
	v, ok := s.find(name)
	if n, isNumber := v.(number); ok && isNumber && !n.fraction {
		return n.dim, nil
	}
	return tensor.Dim{}, &check.Unbound{Name: name}
}

// dimScope returns a scope for declared shapes that sees what s sees.
func (s *scope) dimScope() *check.Scope {
	d := check.NewScope(nil)
	d.Outer = s.dimOf
	for at := s; at != nil; at = at.parent {
		if at.body && at.frame.dims != nil {
			for _, n := range at.frame.dims.Order {
				if _, ok := d.Bound[n]; !ok && at.frame.dims.Bound[n].Pack {
					d.Bind(n, at.frame.dims.Bound[n])
				}
			}
			d.Float = at.frame.dims.Float
			break
		}
	}
	return d
}
