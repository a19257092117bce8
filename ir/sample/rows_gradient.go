package sample

import "dlc/ir"

// gradientRows are about derivatives.
func gradientRows() []Row {
	stop := Row{Name: "stop_gradient", Doc: "x, through which no gradient flows.", Shapes: "[s] -> [s]", Source: "the identity", DTypes: AllDTypes(), Reference: "nx", Derivative: Zero, Elementwise: true,
		Samples: elements(ir.StopGradient{}, 1, "", "special")}
	again := Row{Name: "again", Doc: "x, as another value: what is computed of it is not joined with what is computed of x.", Shapes: "[s] -> [s]", Source: "the identity", DTypes: AllDTypes(), Reference: "nx", Derivative: Twice, Elementwise: true,
		Samples: elements(ir.Again{}, 1, "", "special")}
	gradient := Row{Name: "gradient", Doc: "The gradients of the first operand by the others, in reverse mode; the pass autodiff writes them out.", Shapes: "[], [s]... -> [s]...", Source: "finite differences, of every op here",
		DTypes: floats(), Untold: "it is replaced before anything is evaluated; every derivative here is a test of it", Derivative: Twice, Few: "a function of one node has no derivative to write out",
		Refused: []Refusal{{ir.Gradient{}, "f32[3]; f32[2]", "float of rank 0"}, {ir.Gradient{}, "f32[]; i32[2]", "is of floats, not of i32"}, {ir.Gradient{}, "", "needs a loss"}}}
	return []Row{stop, again, gradient}
}
