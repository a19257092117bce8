package syntax

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Print writes a file's tree, a node a line: its role, its type, its place, its own words.
func Print(w io.Writer, f *File) error {
	if _, err := fmt.Fprintf(w, "file %s\n", f.Name); err != nil {
		return err
	}
	for _, d := range f.Decls {
		if err := printNode(w, 1, "", reflect.ValueOf(d)); err != nil {
			return err
		}
	}
	return nil
}

func printNode(w io.Writer, depth int, role string, v reflect.Value) error {
	for v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() || v.IsNil() {
		return nil
	}
	s := v.Elem()
	at := v.Interface().(spanned).Span()
	if _, err := fmt.Fprintf(w, "%s%s%s %d:%d%s\n", strings.Repeat("  ", depth), role, s.Type().Name(), at.Line, at.Col, ownWords(s)); err != nil {
		return err
	}
	for i := range s.NumField() {
		field := s.Type().Field(i)
		role := strings.ToLower(field.Name) + " "
		switch {
		case field.Anonymous:
		case holdsNodes(field.Type):
			if err := printNode(w, depth+1, role, s.Field(i)); err != nil {
				return err
			}
		case field.Type.Kind() == reflect.Slice && holdsNodes(field.Type.Elem()):
			for j := range s.Field(i).Len() {
				if err := printNode(w, depth+1, role, s.Field(i).Index(j)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ownWords returns a node's own words and flags.
func ownWords(s reflect.Value) string {
	var b strings.Builder
	for i := range s.NumField() {
		switch f := s.Field(i); f.Kind() {
		case reflect.String:
			if f.String() != "" {
				fmt.Fprintf(&b, " %s=%q", strings.ToLower(s.Type().Field(i).Name), f.String())
			}
		case reflect.Bool:
			if f.Bool() {
				b.WriteString(" " + strings.ToLower(s.Type().Field(i).Name))
			}
		}
	}
	return b.String()
}
