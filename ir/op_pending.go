package ir

import "dlc/ir/tensor"

func (o ArgMax) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { panic("BUG: ArgMax") }
func (o ArgMax) Grad(b *Builder, n *Node, dy []*Value) []*Value               { panic("BUG: ArgMax") }
func (o ArgMax) Lower(l *Lowering)                                            { panic("BUG: ArgMax") }
func (o ArgMin) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { panic("BUG: ArgMin") }
func (o ArgMin) Grad(b *Builder, n *Node, dy []*Value) []*Value               { panic("BUG: ArgMin") }
func (o ArgMin) Lower(l *Lowering)                                            { panic("BUG: ArgMin") }
func (o Broadcast) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	panic("BUG: Broadcast")
}
func (o Broadcast) Grad(b *Builder, n *Node, dy []*Value) []*Value             { panic("BUG: Broadcast") }
func (o Broadcast) Lower(l *Lowering)                                          { panic("BUG: Broadcast") }
func (o Cast) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor    { panic("BUG: Cast") }
func (o Cast) Grad(b *Builder, n *Node, dy []*Value) []*Value                  { panic("BUG: Cast") }
func (o Cast) Lower(l *Lowering)                                               { panic("BUG: Cast") }
func (o Compare) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { panic("BUG: Compare") }
func (o Compare) Grad(b *Builder, n *Node, dy []*Value) []*Value               { panic("BUG: Compare") }
func (o Compare) Lower(l *Lowering)                                            { panic("BUG: Compare") }
func (o Concat) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor  { panic("BUG: Concat") }
func (o Concat) Grad(b *Builder, n *Node, dy []*Value) []*Value                { panic("BUG: Concat") }
func (o Concat) Lower(l *Lowering)                                             { panic("BUG: Concat") }
func (o Const) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor   { panic("BUG: Const") }
func (o Const) Grad(b *Builder, n *Node, dy []*Value) []*Value                 { panic("BUG: Const") }
func (o Const) Lower(l *Lowering)                                              { panic("BUG: Const") }
func (o Conv) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor    { panic("BUG: Conv") }
func (o Conv) Grad(b *Builder, n *Node, dy []*Value) []*Value                  { panic("BUG: Conv") }
func (o Conv) Lower(l *Lowering)                                               { panic("BUG: Conv") }
func (o ConvData) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	panic("BUG: ConvData")
}
func (o ConvData) Grad(b *Builder, n *Node, dy []*Value) []*Value { panic("BUG: ConvData") }
func (o ConvData) Lower(l *Lowering)                              { panic("BUG: ConvData") }
func (o ConvFilter) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	panic("BUG: ConvFilter")
}
func (o ConvFilter) Grad(b *Builder, n *Node, dy []*Value) []*Value           { panic("BUG: ConvFilter") }
func (o ConvFilter) Lower(l *Lowering)                                        { panic("BUG: ConvFilter") }
func (o Einsum) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { panic("BUG: Einsum") }
func (o Einsum) Grad(b *Builder, n *Node, dy []*Value) []*Value               { panic("BUG: Einsum") }
func (o Einsum) Lower(l *Lowering)                                            { panic("BUG: Einsum") }
func (o Full) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor   { panic("BUG: Full") }
func (o Full) Grad(b *Builder, n *Node, dy []*Value) []*Value                 { panic("BUG: Full") }
func (o Full) Lower(l *Lowering)                                              { panic("BUG: Full") }
func (o Gradient) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	panic("BUG: Gradient")
}
func (o Gradient) Grad(b *Builder, n *Node, dy []*Value) []*Value              { panic("BUG: Gradient") }
func (o Gradient) Lower(l *Lowering)                                           { panic("BUG: Gradient") }
func (o Iota) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor    { panic("BUG: Iota") }
func (o Iota) Grad(b *Builder, n *Node, dy []*Value) []*Value                  { panic("BUG: Iota") }
func (o Iota) Lower(l *Lowering)                                               { panic("BUG: Iota") }
func (o Logic) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor   { panic("BUG: Logic") }
func (o Logic) Grad(b *Builder, n *Node, dy []*Value) []*Value                 { panic("BUG: Logic") }
func (o Logic) Lower(l *Lowering)                                              { panic("BUG: Logic") }
func (o MaxPool) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { panic("BUG: MaxPool") }
func (o MaxPool) Grad(b *Builder, n *Node, dy []*Value) []*Value               { panic("BUG: MaxPool") }
func (o MaxPool) Lower(l *Lowering)                                            { panic("BUG: MaxPool") }
func (o MaxPoolGrad) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	panic("BUG: MaxPoolGrad")
}
func (o MaxPoolGrad) Grad(b *Builder, n *Node, dy []*Value) []*Value           { panic("BUG: MaxPoolGrad") }
func (o MaxPoolGrad) Lower(l *Lowering)                                        { panic("BUG: MaxPoolGrad") }
func (o Pad) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor     { panic("BUG: Pad") }
func (o Pad) Grad(b *Builder, n *Node, dy []*Value) []*Value                   { panic("BUG: Pad") }
func (o Pad) Lower(l *Lowering)                                                { panic("BUG: Pad") }
func (o Pick) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor    { panic("BUG: Pick") }
func (o Pick) Grad(b *Builder, n *Node, dy []*Value) []*Value                  { panic("BUG: Pick") }
func (o Pick) Lower(l *Lowering)                                               { panic("BUG: Pick") }
func (o Random) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor  { panic("BUG: Random") }
func (o Random) Grad(b *Builder, n *Node, dy []*Value) []*Value                { panic("BUG: Random") }
func (o Random) Lower(l *Lowering)                                             { panic("BUG: Random") }
func (o Reduce) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor  { panic("BUG: Reduce") }
func (o Reduce) Grad(b *Builder, n *Node, dy []*Value) []*Value                { panic("BUG: Reduce") }
func (o Reduce) Lower(l *Lowering)                                             { panic("BUG: Reduce") }
func (o Reshape) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { panic("BUG: Reshape") }
func (o Reshape) Grad(b *Builder, n *Node, dy []*Value) []*Value               { panic("BUG: Reshape") }
func (o Reshape) Lower(l *Lowering)                                            { panic("BUG: Reshape") }
func (o Reverse) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { panic("BUG: Reverse") }
func (o Reverse) Grad(b *Builder, n *Node, dy []*Value) []*Value               { panic("BUG: Reverse") }
func (o Reverse) Lower(l *Lowering)                                            { panic("BUG: Reverse") }
func (o ScatterAdd) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	panic("BUG: ScatterAdd")
}
func (o ScatterAdd) Grad(b *Builder, n *Node, dy []*Value) []*Value           { panic("BUG: ScatterAdd") }
func (o ScatterAdd) Lower(l *Lowering)                                        { panic("BUG: ScatterAdd") }
func (o Select) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { panic("BUG: Select") }
func (o Select) Grad(b *Builder, n *Node, dy []*Value) []*Value               { panic("BUG: Select") }
func (o Select) Lower(l *Lowering)                                            { panic("BUG: Select") }
func (o Size) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor   { panic("BUG: Size") }
func (o Size) Grad(b *Builder, n *Node, dy []*Value) []*Value                 { panic("BUG: Size") }
func (o Size) Lower(l *Lowering)                                              { panic("BUG: Size") }
func (o Slice) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor  { panic("BUG: Slice") }
func (o Slice) Grad(b *Builder, n *Node, dy []*Value) []*Value                { panic("BUG: Slice") }
func (o Slice) Lower(l *Lowering)                                             { panic("BUG: Slice") }
func (o StopGradient) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	panic("BUG: StopGradient")
}
func (o StopGradient) Grad(b *Builder, n *Node, dy []*Value) []*Value          { panic("BUG: StopGradient") }
func (o StopGradient) Lower(l *Lowering)                                       { panic("BUG: StopGradient") }
func (o SumPool) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { panic("BUG: SumPool") }
func (o SumPool) Grad(b *Builder, n *Node, dy []*Value) []*Value               { panic("BUG: SumPool") }
func (o SumPool) Lower(l *Lowering)                                            { panic("BUG: SumPool") }
func (o SumPoolGrad) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	panic("BUG: SumPoolGrad")
}
func (o SumPoolGrad) Grad(b *Builder, n *Node, dy []*Value) []*Value        { panic("BUG: SumPoolGrad") }
func (o SumPoolGrad) Lower(l *Lowering)                                     { panic("BUG: SumPoolGrad") }
func (o Take) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { panic("BUG: Take") }
func (o Take) Grad(b *Builder, n *Node, dy []*Value) []*Value               { panic("BUG: Take") }
func (o Take) Lower(l *Lowering)                                            { panic("BUG: Take") }
func (o Test) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { panic("BUG: Test") }
func (o Test) Grad(b *Builder, n *Node, dy []*Value) []*Value               { panic("BUG: Test") }
func (o Test) Lower(l *Lowering)                                            { panic("BUG: Test") }
func (o Transpose) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	panic("BUG: Transpose")
}
func (o Transpose) Grad(b *Builder, n *Node, dy []*Value) []*Value            { panic("BUG: Transpose") }
func (o Transpose) Lower(l *Lowering)                                         { panic("BUG: Transpose") }
func (o Unary) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor  { panic("BUG: Unary") }
func (o Unary) Grad(b *Builder, n *Node, dy []*Value) []*Value                { panic("BUG: Unary") }
func (o Unary) Lower(l *Lowering)                                             { panic("BUG: Unary") }
func (o Binary) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { panic("BUG: Binary") }
func (o Binary) Grad(b *Builder, n *Node, dy []*Value) []*Value               { panic("BUG: Binary") }
func (o Binary) Lower(l *Lowering)                                            { panic("BUG: Binary") }
