package sample

import "dlc/ir"

// functionRows are the functions of one float.
func functionRows() []Row {
	const (
		c99     = "C11 annex F"
		library = "two libraries of functions, each within an ulp or two"
	)
	var rows []Row
	for _, f := range []struct {
		fn, doc, source, reference, domain string
		tolerance                          float64
		derivative                         Derivative
	}{
		{"floor", "The largest integer not above x.", c99, "torch.floor(x)", "", 0, Constant},
		{"ceil", "The smallest integer not below x.", c99, "torch.ceil(x)", "", 0, Constant},
		{"round", "The nearest integer, the even one of two.", c99, "torch.round(x)", "", 0, Constant},
		{"trunc", "The integer part.", c99, "torch.trunc(x)", "", 0, Constant},
		{"sqrt", "The square root, correctly rounded.", "IEEE 754", "np.sqrt(nx)", "positive", 0, Twice},
		{"rsqrt", "1 / sqrt(x), both rounded.", "as written", "1 / np.sqrt(nx)", "positive", 0, Twice},
		{"reciprocal", "1 / x.", "IEEE 754", "1 / nx", "positive", 0, Twice},
		{"exp", "e to the x.", c99, "torch.exp(x)", "", 2e-15, Twice},
		{"exp2", "2 to the x.", c99, "np.exp2(nx)", "", 2e-15, Twice},
		{"expm1", "exp(x) - 1, exact near 0.", c99, "torch.expm1(x)", "", 2e-15, Twice},
		{"log", "The natural logarithm.", c99, "torch.log(x)", "positive", 2e-15, Twice},
		{"log1p", "log(1 + x), exact near 0.", c99, "np.log1p(nx)", "positive", 2e-15, Twice},
		{"log2", "The logarithm by 2.", c99, "torch.log2(x)", "positive", 1e-14, Twice},
		{"sin", "The sine.", c99, "torch.sin(x)", "", 2e-15, Twice},
		{"cos", "The cosine.", c99, "torch.cos(x)", "", 2e-15, Twice},
		{"tan", "The tangent.", c99, "torch.tan(x)", "unit", 4e-15, Twice},
		{"asin", "The angle in -pi/2..pi/2 of this sine.", c99, "torch.asin(x)", "unit", 4e-15, Twice},
		{"acos", "The angle in 0..pi of this cosine.", c99, "torch.acos(x)", "unit", 4e-15, Twice},
		{"atan", "The angle of this tangent.", c99, "torch.atan(x)", "", 4e-15, Twice},
		{"sinh", "The hyperbolic sine.", c99, "torch.sinh(x)", "", 4e-15, Twice},
		{"cosh", "The hyperbolic cosine.", c99, "torch.cosh(x)", "", 4e-15, Twice},
		{"tanh", "The hyperbolic tangent.", c99, "torch.tanh(x)", "", 4e-15, Twice},
		{"asinh", "The inverse of sinh.", c99, "np.arcsinh(nx)", "", 4e-15, Twice},
		{"acosh", "The inverse of cosh on x >= 1.", c99, "np.arccosh(nx)", "above 1", 4e-15, Twice},
		{"atanh", "The inverse of tanh.", c99, "np.arctanh(nx)", "unit", 4e-15, Twice},
		{"sigmoid", "1 / (1 + exp(-x)).", "SciPy expit", "scipy.special.expit(nx)", "", 4e-15, Twice},
		{"softplus", "log(1 + exp(x)).", "NumPy logaddexp(0, x)", "np.logaddexp(0.0, nx)", "", 4e-15, Twice},
		{"erf", "The error function.", c99, "torch.erf(x)", "", 4e-15, Twice},
		{"erfc", "1 - erf(x), exact far out.", c99, "scipy.special.erfc(nx)", "", 1e-14, Twice},
		{"erfinv", "The inverse of erf on -1..1.", "SciPy erfinv", "np.copysign(scipy.special.erfinv(nx), nx)", "unit", 1e-14, Twice},
		{"lgamma", "The logarithm of |gamma(x)|.", c99, "scipy.special.gammaln(nx)", "positive", 1e-12, Twice},
		{"digamma", "The derivative of lgamma.", "SciPy digamma; NaN at the negative integers", "digamma(nx)", "positive", 1e-13, Once},
		{"trigamma", "The derivative of digamma.", "SciPy polygamma(1, x); mpmath for x < 0", "trigamma(nx)", "positive", 1e-13, Constant},
	} {
		op := ir.Unary{Fn: f.fn}
		row := Row{Name: NameOf(op), Doc: f.doc, Shapes: "[s] -> [s]", Source: f.source, DTypes: floats(), Elementwise: true, Reference: f.reference,
			Domain: f.domain, Tolerance: f.tolerance, Derivative: f.derivative, Samples: elements(op, 1, "", "special")}
		if f.tolerance > 0 {
			row.Reason = library
		}
		if f.tolerance > 4e-15 {
			row.Reason += "; more near a zero"
		}
		if f.domain != "" {
			row.Samples = append(row.Samples, elements(op, 1, f.domain)...)
		}
		switch f.fn {
		case "sin", "cos", "tan": // a huge argument is another matter: docs/numerics.md
		default:
			row.Samples = append(row.Samples, Sample{op, "?[4, 23]", "extreme"})
		}
		if f.fn == "trigamma" {
			row.Derivative = Refused
		}
		rows = append(rows, row)
	}
	return rows
}
