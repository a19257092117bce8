package ir

// Grad is refused.
func (o Scan) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	b.Refuse("the gradient of a scan is not supported yet")
	return make([]*Value, len(n.In))
}

// Grad is refused.
func (o Map) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	b.Refuse("the gradient of a map is not supported yet")
	return make([]*Value, len(n.In))
}
