package ir

import "fmt"

// mostNested bounds regions in regions.
const mostNested = 32

// An openNode is a node of which the regions are being read, and what stands around it.
type openNode struct {
	node   *Node
	list   []*Func // read so far
	inside bool    // of a region
	fn     *Func
	values map[int]*Value
}

// opened begins a node with regions.
func (p *parser) opened(n *Node) error {
	if len(p.open) == mostNested {
		return fmt.Errorf("more than %d regions in each other", mostNested)
	}
	p.open = append(p.open, &openNode{node: n, fn: p.fn, values: p.values})
	return nil
}

// expected names the region that must begin on this line; "" for none.
func (p *parser) expected() string {
	if len(p.open) == 0 {
		return ""
	}
	o := p.open[len(p.open)-1]
	if o.inside {
		return ""
	}
	return regions(o.node.Op)[len(o.list)].name
}

// region reads the line that begins one.
func (p *parser) region() error {
	name := p.expected()
	for _, word := range []string{"region", name} {
		if got, err := p.word(); err != nil || got != word {
			return fmt.Errorf("region %s of %s expected", name, p.open[len(p.open)-1].node.Op.Name())
		}
	}
	p.open[len(p.open)-1].inside = true
	p.fn, p.values = &Func{Name: name}, map[int]*Value{}
	return p.end()
}

// close ends a region, and with its last one the node.
func (p *parser) close() error {
	o := p.open[len(p.open)-1]
	o.list, o.inside = append(o.list, p.fn), false
	p.fn, p.values = o.fn, o.values
	if len(o.list) < len(regions(o.node.Op)) {
		return nil
	}
	p.open = p.open[:len(p.open)-1]
	o.node.Op = WithRegions(o.node.Op, o.list)
	return p.add(o.node)
}
