package tensor

import (
	"fmt"
	"strconv"
)

// maxDepth bounds the brackets of a dim's text.
const maxDepth = 256

// ParseDim reads the text of a Dim: + - * over integers, names, brackets, and `e div k`, `e % k`.
func ParseDim(s string) (Dim, error) {
	p := &dimParser{src: s}
	d, err := p.sum()
	if err != nil {
		return Dim{}, err
	}
	if p.skip(); p.at < len(s) {
		return Dim{}, fmt.Errorf("dim %q: unexpected %q at offset %d", s, s[p.at:], p.at)
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

func (p *dimParser) sum() (Dim, error) {
	var sum Dim
	sign := int64(1)
	if p.accept("-") {
		sign = -1
	}
	for {
		t, err := p.product()
		if err != nil {
			return Dim{}, err
		}
		sum = sum.Add(t.Scale(sign))
		switch {
		case p.accept("+"):
			sign = 1
		case p.accept("-"):
			sign = -1
		default:
			return sum, nil
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
				d = d.Mul(f)
			}
		case p.accept("div "), p.accept("%"):
			mod := p.src[p.at-1] == '%'
			if f, err = p.factor(); err != nil {
				break
			}
			k, ok := f.Const()
			if !ok || k <= 0 {
				return Dim{}, fmt.Errorf("dim %q: the divisor must be a positive integer", p.src)
			}
			if mod {
				d = d.Mod(k)
			} else {
				d = d.Div(k)
			}
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
			err = fmt.Errorf("dim %q: missing ) at offset %d", p.src, p.at)
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
		return Dim{}, fmt.Errorf("dim %q: a name or number expected at offset %d", p.src, start)
	}
	if word[0] >= '0' && word[0] <= '9' {
		v, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return Dim{}, fmt.Errorf("dim %q: %q is no integer", p.src, word)
		}
		return Int(v), nil
	}
	return Sym(word), nil
}

func isWord(c byte) bool {
	return c == '_' || c == '.' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
