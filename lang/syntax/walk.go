package syntax

import (
	"reflect"

	"dlc/lang/diag"
)

// A spanned is any part of the tree.
type spanned interface{ Span() diag.Span }

var spannedType = reflect.TypeFor[spanned]()

// Walk visits root, a pointer to a part of a tree, and everything below it in the order of the
// source: visit gets pointers (*Binary, *Param, *Block ...) and says whether to go below.
func Walk(root spanned, visit func(node any) bool) {
	walk(reflect.ValueOf(root), visit)
}

func walk(v reflect.Value, visit func(any) bool) {
	switch v.Kind() {
	case reflect.Interface:
		walk(v.Elem(), visit)
	case reflect.Slice:
		if holdsNodes(v.Type().Elem()) {
			for i := range v.Len() {
				walk(v.Index(i), visit)
			}
		}
	case reflect.Pointer:
		if v.IsNil() || !visit(v.Interface()) {
			return
		}
		for s, i := v.Elem(), 0; i < s.NumField(); i++ {
			if f := s.Type().Field(i); !f.Anonymous && (f.Type.Kind() == reflect.Slice || holdsNodes(f.Type)) {
				walk(s.Field(i), visit)
			}
		}
	}
}

// holdsNodes reports whether values of a type are parts of the tree.
func holdsNodes(t reflect.Type) bool { return t.Implements(spannedType) }
