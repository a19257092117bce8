package ir

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"dlc/ir/tensor"
)

// A scanner reads the words and attribute values of one line.
type scanner struct {
	src string
	at  int
}

func (s *scanner) skip() {
	for s.at < len(s.src) && (s.src[s.at] == ' ' || s.src[s.at] == '\t' || s.src[s.at] == '\r') {
		s.at++
	}
}

func (s *scanner) peek() byte {
	if s.skip(); s.at < len(s.src) {
		return s.src[s.at]
	}
	return 0
}

func (s *scanner) accept(text string) bool {
	s.skip()
	if !strings.HasPrefix(s.src[s.at:], text) {
		return false
	}
	s.at += len(text)
	return true
}

func (s *scanner) expect(text string) error {
	if s.accept(text) {
		return nil
	}
	return fmt.Errorf("column %d: %q expected", s.at+1, text)
}

func (s *scanner) end() error {
	if s.skip(); s.at < len(s.src) {
		return fmt.Errorf("column %d: unexpected %q", s.at+1, s.src[s.at:])
	}
	return nil
}

func (s *scanner) word() (string, error) {
	s.skip()
	start := s.at
	for s.at < len(s.src) && isWord(s.src[s.at]) {
		s.at++
	}
	if start == s.at {
		return "", fmt.Errorf("column %d: a word expected", s.at+1)
	}
	return s.src[start:s.at], nil
}

func (s *scanner) quoted() (string, error) {
	text, err := strconv.QuotedPrefix(s.src[s.at:])
	if err != nil {
		return "", fmt.Errorf("column %d: the string does not end", s.at+1)
	}
	s.at += len(text)
	return strconv.Unquote(text)
}

// name reads a word or a quoted string.
func (s *scanner) name() (string, error) {
	if s.peek() == '"' {
		return s.quoted()
	}
	return s.word()
}

func (s *scanner) integer() (int, error) {
	sign := ""
	if s.accept("-") {
		sign = "-"
	}
	word, err := s.word()
	if err != nil {
		return 0, err
	}
	v, err := strconv.Atoi(sign + word)
	if err != nil {
		return 0, fmt.Errorf("%q is no integer", sign+word)
	}
	return v, nil
}

// until reads the text up to one of the bytes that stands outside brackets.
func (s *scanner) until(stops string) string {
	s.skip()
	start, depth := s.at, 0
	for ; s.at < len(s.src); s.at++ {
		c := s.src[s.at]
		if depth == 0 && strings.IndexByte(stops, c) >= 0 {
			break
		}
		switch c {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		}
	}
	return strings.TrimSpace(s.src[start:s.at])
}

// list reads the comma-separated texts between two brackets.
func (s *scanner) list(open, shut string) ([]string, error) {
	if err := s.expect(open); err != nil {
		return nil, err
	}
	items := []string{}
	for !s.accept(shut) {
		if len(items) > 0 {
			if err := s.expect(","); err != nil {
				return nil, err
			}
		}
		start := s.at
		items = append(items, s.until(","+shut))
		if s.at == len(s.src) {
			return nil, fmt.Errorf("column %d: no %s follows", start+1, shut)
		}
	}
	return items, nil
}

func (s *scanner) shape() (tensor.Shape, error) {
	items, err := s.list("[", "]")
	if err != nil {
		return nil, err
	}
	shape := make(tensor.Shape, len(items))
	for i, item := range items {
		if shape[i], err = tensor.ParseDim(item); err != nil {
			return nil, err
		}
	}
	return shape, nil
}

func (s *scanner) dtype() (tensor.DType, error) {
	word, err := s.word()
	if err != nil {
		return tensor.Invalid, err
	}
	return tensor.ParseDType(word)
}

func (s *scanner) typ() (t tensor.Type, err error) {
	if t.DType, err = s.dtype(); err != nil {
		return t, err
	}
	t.Shape, err = s.shape()
	return t, err
}

// tensor reads what tensorText writes.
func (s *scanner) tensor() (*tensor.Tensor, error) {
	t, err := s.typ()
	if err != nil {
		return nil, err
	}
	items, err := s.list("(", ")")
	if err != nil {
		return nil, err
	}
	dims, ok := t.Shape.Bind(nil)
	if !ok || !t.Shape.Size().IsConst(int64(len(items))) {
		return nil, fmt.Errorf("%d values for %s", len(items), t)
	}
	x := tensor.New(t.DType, dims...)
	for i, item := range items {
		if err := setText(x, i, item); err != nil {
			return nil, fmt.Errorf("%q is no %s", item, t.DType)
		}
	}
	return x, nil
}

func setText(x *tensor.Tensor, i int, text string) error {
	bits := 8 * x.DType.Size()
	switch {
	case x.DType.IsFloat():
		v, err := strconv.ParseFloat(text, bits)
		x.SetFloat(i, v)
		return err
	case x.DType == tensor.Bool:
		v, err := strconv.ParseUint(text, 10, 1)
		x.SetInt(i, int64(v))
		return err
	case x.DType.IsSigned():
		v, err := strconv.ParseInt(text, 10, bits)
		x.SetInt(i, v)
		return err
	}
	v, err := strconv.ParseUint(text, 10, bits)
	x.SetInt(i, int64(v))
	return err
}

// attributes reads {name=value, ...} into a copy of o.
func (s *scanner) attributes(o Op) (Op, error) {
	v := reflect.New(reflect.TypeOf(o)).Elem()
	if !s.accept("{") {
		return o, nil
	}
	left := fields(v)
	for !s.accept("}") {
		name, err := s.word()
		if err != nil {
			return nil, err
		}
		i := 0
		for i < len(left) && left[i].name != name {
			i++
		}
		if i == len(left) {
			return nil, fmt.Errorf("no attribute %q may stand here", name)
		}
		if err := s.expect("="); err != nil {
			return nil, err
		}
		value, err := s.attribute(left[i].value.Interface())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		left[i].value.Set(reflect.ValueOf(value))
		left = left[i+1:]
		if !s.accept(",") && s.peek() != '}' {
			return nil, s.expect("}")
		}
	}
	return v.Interface().(Op), nil
}

// attribute reads a value of the same type as like.
func (s *scanner) attribute(like any) (any, error) {
	switch like.(type) {
	case string:
		return s.name()
	case bool:
		return strconv.ParseBool(s.until(",}"))
	case int:
		return s.integer()
	case int64:
		return strconv.ParseInt(s.until(",}"), 10, 64)
	case uint64:
		return strconv.ParseUint(s.until(",}"), 10, 64)
	case float64:
		return strconv.ParseFloat(s.until(",}"), 64)
	case []int:
		return integers(s, strconv.Atoi)
	case []int64:
		return integers(s, func(t string) (int64, error) { return strconv.ParseInt(t, 10, 64) })
	case tensor.Dim:
		return tensor.ParseDim(s.until(",}"))
	case tensor.DType:
		return s.dtype()
	case tensor.Shape:
		return s.shape()
	case tensor.Type:
		return s.typ()
	case *tensor.Tensor:
		return s.tensor()
	}
	panic(fmt.Sprintf("BUG: no reader for an attribute of type %T", like))
}

func integers[T any](s *scanner, parse func(string) (T, error)) ([]T, error) {
	items, err := s.list("[", "]")
	if err != nil {
		return nil, err
	}
	list := make([]T, len(items))
	for i, item := range items {
		if list[i], err = parse(item); err != nil {
			return nil, err
		}
	}
	return list, nil
}
