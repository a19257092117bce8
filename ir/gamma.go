package ir

import "math"

// The only zero of digamma among the positive numbers, in two parts.
const digammaZero, digammaZeroLow = 0x1.762d86356be3fp+0, 0x1.b86a722197829p-54

// digamma is the derivative of log gamma. For x > 0 it is, with r the zero and by the recurrence,
// (x-r) times the sum of 1/((x+k)(r+k)) over k below 30, plus the difference of the asymptotic
// series at x+30 and r+30: terms of one sign.
func digamma(x float64) float64 {
	switch {
	case x == 0:
		return math.Inf(1 - 2*int(truth(!math.Signbit(x))))
	case x < 0:
		turn := x - math.RoundToEven(x)
		if turn == 0 {
			return math.NaN()
		}
		return digamma(1-x) - math.Pi/math.Tan(math.Pi*turn)
	case x-x != 0:
		return x
	}
	const steps, r = 30, digammaZero
	d := x - r - digammaZeroLow
	sum := 0.0
	for k := range steps {
		sum += d / (x + float64(k)) / (r + float64(k))
	}
	a, b := x+steps, r+float64(steps)
	u, v := 1/a, 1/b
	// The difference of a^-n and b^-n is -d/(ab) times the sum of u^i v^(n-1-i).
	power := func(n int) float64 {
		s, p := 0.0, 1.0
		for range n {
			s, p = s*u+p, p*v
		}
		return s
	}
	tail := 0.5 + power(2)/12 - power(4)/120 + power(6)/252 - power(8)/240
	return sum + math.Log1p(d/b) + d*u*v*tail
}

// trigamma is the derivative of digamma: the recurrence up to 30, then the asymptotic series.
func trigamma(x float64) float64 {
	if x < 0 {
		s := math.Pi / math.Sin(math.Pi*(x-math.RoundToEven(x)))
		return s*s - trigamma(1-x)
	}
	sum := 0.0
	for ; x < 30; x++ {
		sum += 1 / (x * x)
	}
	i := 1 / x
	w := i * i
	return sum + i + w/2 + w*i*(1.0/6-w*(1.0/30-w*(1.0/42-w*(1.0/30-w*5/66))))
}
