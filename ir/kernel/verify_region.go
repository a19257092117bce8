package kernel

import (
	"fmt"
	"slices"

	"dlc/ir/tensor"
)

// maxRegions bounds how deep regions nest.
const maxRegions = 64

// A programVerifier knows which buffers have a writer, and which can be read here.
type programVerifier struct {
	p        *Program
	declared map[string]*Buffer
	written  map[string]bool
	readable map[string]bool
	seen     map[*Region]bool
}

// nests refuses kernels that stand too deep, before anything walks over regions.
func (v *programVerifier) nests() error {
	for _, k := range v.p.Kernels {
		depth := 0
		for r := k.In; r != nil; r = r.Parent {
			if depth++; depth > maxRegions {
				return fmt.Errorf("kernel %s stands in more than %d regions", k.Name, maxRegions)
			}
		}
	}
	return nil
}

// kernels checks a stretch and returns what can be read behind all of it.
func (v *programVerifier) kernels(in Stretch) (made []string, err error) {
	var before *Region // a branch that ends here
	var open []string  // what it leaves without a value where it is not taken
	for _, s := range v.p.Stretches(in) {
		if len(open) > 0 && (s.In == in.In || !s.In.joins(before)) {
			break
		}
		if s.In == in.In {
			k := v.p.Kernels[s.From]
			if err := v.kernel(k); err != nil {
				return nil, err
			}
			for _, b := range k.Outs {
				made = append(made, b.Name)
			}
			before = nil
			continue
		}
		made = append(made, open...)
		for _, c := range s.In.Enter {
			made = append(made, c.To)
		}
		if open, err = v.region(s, open); err != nil {
			return nil, err
		}
		before = s.In
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("%s has no value where its branch is not taken", open[0])
	}
	return made, nil
}

func (v *programVerifier) kernel(k *Kernel) error {
	for _, b := range k.Ins {
		switch {
		case v.declared[b.Name] != b:
			return fmt.Errorf("kernel %s: %s is no buffer of the program", k.Name, b.Name)
		case !v.readable[b.Name]:
			return fmt.Errorf("kernel %s reads %s, which nothing has written", k.Name, b.Name)
		}
	}
	for _, b := range k.Outs {
		switch {
		case v.declared[b.Name] != b:
			return fmt.Errorf("kernel %s: %s is no buffer of the program", k.Name, b.Name)
		case v.written[b.Name]:
			return fmt.Errorf("kernel %s writes %s again", k.Name, b.Name)
		case k.In != nil && b.Role != Temp:
			return fmt.Errorf("kernel %s writes the %s %s in a region", k.Name, b.Role, b.Name)
		}
		v.written[b.Name], v.readable[b.Name] = true, true
	}
	return VerifyKernel(k)
}

// region checks one region. Where open is not empty, it is the other branch of the one before,
// which leaves that open. It returns what it leaves open itself.
func (v *programVerifier) region(s Stretch, open []string) (rest []string, err error) {
	r := s.In
	if v.seen[r] {
		return nil, fmt.Errorf("the region of %s stands twice", r.Cond)
	}
	v.seen[r] = true
	if err := v.begins(r); err != nil {
		return nil, fmt.Errorf("region of %s: %w", r.Cond, err)
	}
	made, err := v.kernels(s)
	if err != nil {
		return nil, err
	}
	joined := 0
	for _, c := range r.Leave {
		if err := v.leaves(r, c, made, open); err != nil {
			return nil, fmt.Errorf("region of %s: %w", r.Cond, err)
		}
		switch {
		case carries(r.Enter, c.To):
		case len(open) > 0:
			joined++
		default:
			rest = append(rest, c.To)
		}
	}
	if joined != len(open) {
		return nil, fmt.Errorf("not both branches of %s copy to the same", r.Cond)
	}
	for _, name := range made {
		v.readable[name] = false
	}
	for _, name := range open {
		v.readable[name] = true
	}
	return rest, nil
}

// begins checks the condition and what is copied before the first turn.
func (v *programVerifier) begins(r *Region) error {
	for _, c := range r.Enter {
		if err := v.copies(c, r.Enter); err != nil {
			return err
		}
		if v.written[c.To] {
			return fmt.Errorf("it copies to %s, which has a writer", c.To)
		}
		if !carries(r.Leave, c.To) {
			return fmt.Errorf("%s is copied to when it begins, and not when it ends", c.To)
		}
	}
	for _, c := range r.Enter {
		v.written[c.To], v.readable[c.To] = true, true
	}
	b := v.declared[r.Cond]
	switch {
	case b == nil || !b.Type.Equal(tensor.Type{DType: tensor.Bool}):
		return fmt.Errorf("its condition is no bool of rank 0")
	case !v.readable[r.Cond]:
		return fmt.Errorf("nothing has written its condition")
	case r.Loop && !carries(r.Enter, r.Cond):
		return fmt.Errorf("no turn changes the loop's condition")
	}
	return nil
}

// leaves checks a copy at the end of a turn: from what the turn has made, to a carry.
func (v *programVerifier) leaves(r *Region, c Copy, made, open []string) error {
	if err := v.copies(c, r.Leave); err != nil {
		return err
	}
	entered := carries(r.Enter, c.To)
	switch {
	case !slices.Contains(made, c.From):
		return fmt.Errorf("it copies from %s when it ends, which it has not made", c.From)
	case r.Loop && !entered:
		return fmt.Errorf("%s is copied to when it ends, and not when it begins", c.To)
	case !entered && len(open) > 0 && !slices.Contains(open, c.To):
		return fmt.Errorf("%s is copied to in one branch of %s alone", c.To, r.Cond)
	case !entered && len(open) == 0 && v.written[c.To]:
		return fmt.Errorf("it copies to %s, which has another writer", c.To)
	}
	v.written[c.To] = true
	return nil
}

// copies checks one copy of a list.
func (v *programVerifier) copies(c Copy, list []Copy) error {
	to, from := v.declared[c.To], v.declared[c.From]
	twice := 0
	for _, other := range list {
		if other.To == c.To {
			twice++
		}
	}
	switch {
	case to == nil || from == nil:
		return fmt.Errorf("%s or %s, which it copies, is no buffer", c.To, c.From)
	case to.Role != Temp && to.Role != Output:
		return fmt.Errorf("it copies to the %s %s", to.Role, c.To)
	case !to.Type.Equal(from.Type) || to.Layout != nil || from.Layout != nil:
		return fmt.Errorf("it copies %s to %s, which has another type or layout", c.From, c.To)
	case !v.readable[c.From]:
		return fmt.Errorf("it copies from %s, which nothing has written", c.From)
	case carries(list, c.From):
		return fmt.Errorf("it copies from %s, which it copies to", c.From)
	case twice > 1:
		return fmt.Errorf("it copies to %s twice", c.To)
	}
	return nil
}
