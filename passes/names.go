package passes

import "dlc/ir/kernel"

// taken are the names of a program's buffers and definitions, which others may not have.
type taken map[string]bool

// bufferNames are the names of all buffers.
func bufferNames(p *kernel.Program) taken {
	n := taken{}
	for _, b := range p.Buffers {
		n[b.Name] = true
	}
	return n
}

// unique takes name or, where it is taken, name with marks behind it.
func (n taken) unique(name string) string {
	for n[name] {
		name += "_"
	}
	n[name] = true
	return name
}
