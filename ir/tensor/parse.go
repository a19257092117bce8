package tensor

import (
	"fmt"
	"math"
	"strconv"
)

// A dim's text may come from a damaged or hostile file. A product of sums grows exponentially
// when it is multiplied out, so that the normal form is bounded, not just the text.
const (
	maxDepth  = 256     // brackets
	maxText   = 1 << 14 // bytes of the text
	maxDim    = 1 << 15 // bytes of all keys of the normal form, which bound its memory
	maxDegree = 16      // factors of a term, those inside quotients included
	maxCoef   = 1 << 62
)

// ParseDim reads the text of a Dim: + - * over integers, names, brackets, and `e div k`, `e % k`.
// It refuses what is absurdly large, before it grows.
func ParseDim(s string) (Dim, error) {
	if len(s) > maxText {
		return Dim{}, fmt.Errorf("dim %.40q...: longer than %d bytes", s, maxText)
	}
	p := &dimParser{src: s}
	d, err := p.sum()
	if err != nil {
		return Dim{}, err
	}
	if p.skip(); p.at < len(s) {
		return Dim{}, fmt.Errorf("dim %.40q: unexpected %.10q at offset %d", s, s[p.at:], p.at)
	}
	return d, nil
}

type dimParser struct {
	src       string
	at, depth int
}

func (p *dimParser) skip() {
	for p.at < len(p.src) && p.src[p.at] == ' ' {
		p.at++
	}
}

func (p *dimParser) accept(s string) bool {
	p.skip()
	if len(p.src)-p.at >= len(s) && p.src[p.at:p.at+len(s)] == s {
		p.at += len(s)
		return true
	}
	return false
}

// A dimSize is what the limits are about.
type dimSize struct {
	keys   int     // bytes of the terms' keys
	degree int     // most factors of a term
	coef   float64 // sum of the coefficients' magnitudes
}

func (s dimSize) check(p *dimParser) error {
	if s.keys > maxDim || s.degree > maxDegree || s.coef > maxCoef {
		return fmt.Errorf("dim %.40q: too large when it is multiplied out", p.src)
	}
	return nil
}

// size measures d.
func (d Dim) size() (s dimSize) {
	for _, t := range d.terms {
		s.keys += len(t.key) + 1
		s.coef += math.Abs(float64(t.coef))
		degree := 0
		for _, a := range t.atoms {
			if a.den > 0 {
				degree += max(1, a.num.size().degree)
			} else {
				degree++
			}
		}
		s.degree = max(s.degree, degree)
	}
	return s
}

// times is Mul within the limits.
func (p *dimParser) times(d, e Dim) (Dim, error) {
	a, b := d.size(), e.size()
	product := dimSize{a.keys*len(e.terms) + b.keys*len(d.terms), a.degree + b.degree, a.coef * b.coef}
	if err := product.check(p); err != nil {
		return Dim{}, err
	}
	return d.Mul(e), nil
}

func (p *dimParser) sum() (Dim, error) {
	var terms []term
	sign := int64(1)
	if p.accept("-") {
		sign = -1
	}
	for {
		t, err := p.product()
		if err != nil {
			return Dim{}, err
		}
		terms = append(terms, t.Scale(sign).terms...)
		switch {
		case p.accept("+"):
			sign = 1
		case p.accept("-"):
			sign = -1
		default:
			if err := (Dim{terms}).size().check(p); err != nil {
				return Dim{}, err
			}
			return fromTerms(terms), nil
		}
	}
}

func (p *dimParser) product() (Dim, error) {
	d, err := p.factor()
	for err == nil {
		var f Dim
		switch {
		case p.accept("*"):
			if f, err = p.factor(); err == nil {
				d, err = p.times(d, f)
			}
		case p.accept("div "), p.accept("%"):
			mod := p.src[p.at-1] == '%'
			if f, err = p.factor(); err != nil {
				break
			}
			k, ok := f.Const()
			if !ok || k <= 0 {
				return Dim{}, fmt.Errorf("dim %.40q: the divisor must be a positive integer", p.src)
			}
			if mod {
				d = d.Mod(k)
			} else {
				d = d.Div(k)
			}
			err = d.size().check(p)
		default:
			return d, nil
		}
	}
	return Dim{}, err
}

func (p *dimParser) factor() (Dim, error) {
	if p.accept("(") {
		if p.depth++; p.depth > maxDepth {
			return Dim{}, fmt.Errorf("dim: more than %d brackets deep", maxDepth)
		}
		d, err := p.sum()
		if err == nil && !p.accept(")") {
			err = fmt.Errorf("dim %.40q: missing ) at offset %d", p.src, p.at)
		}
		p.depth--
		return d, err
	}
	p.skip()
	start := p.at
	for p.at < len(p.src) && isWord(p.src[p.at]) {
		p.at++
	}
	word := p.src[start:p.at]
	if word == "" {
		return Dim{}, fmt.Errorf("dim %.40q: a name or number expected at offset %d", p.src, start)
	}
	if word[0] >= '0' && word[0] <= '9' {
		v, err := strconv.ParseInt(word, 10, 64)
		if err != nil || v > maxCoef {
			return Dim{}, fmt.Errorf("dim %.40q: %.40q is no integer of a size", p.src, word)
		}
		return Int(v), nil
	}
	return Sym(word), nil
}

func isWord(c byte) bool {
	return c == '_' || c == '.' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
