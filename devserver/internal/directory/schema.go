package directory

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"calling-an-api.example/devserver/internal/source"
)

// validator compares a file with the Go type that it is decoded into. It runs before
// encoding/json, whose errors often have no position and speak of Go types.
type validator struct{ file, text string }

// problem returns a problem at the byte offset. It has no excerpt, because the line may
// contain a password.
func (v validator) problem(offset int, message string, args ...any) error {
	return source.Problem{Position: source.At(v.file, v.text, offset), Message: fmt.Sprintf(message, args...)}
}

// Limits of a file. The parser recurses as deep as the file nests.
const (
	maxSize  = 1 << 20 // bytes
	maxDepth = 200     // of nested lists and objects
)

// parse returns the file as a tree.
func (v validator) parse() (hujson.Value, error) {
	if len(v.text) > maxSize {
		return hujson.Value{}, v.problem(0, "the file is larger than 1 MiB")
	}
	depth := 0
	for i, c := range []byte(v.text) { // brackets in strings and comments count too, which hardly matters
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth > maxDepth {
			return hujson.Value{}, v.problem(i, "lists and objects are nested more than %d deep", maxDepth)
		}
	}
	tree, err := hujson.Parse([]byte(v.text))
	if err != nil {
		message := strings.TrimPrefix(err.Error(), "hujson: ")
		position := source.Position{File: v.file, Line: 1, Column: 1}
		if _, scanned := fmt.Sscanf(message, "line %d, column %d:", &position.Line, &position.Column); scanned == nil {
			_, message, _ = strings.Cut(message, ": ")
		}
		if strings.Contains(message, "after object value") || strings.Contains(message, "after array value") {
			message = "a comma is missing before this"
		}
		return hujson.Value{}, source.Problem{Position: position, Message: message}
	}
	return tree, nil
}

// check returns the first problem of value, called name, for the type t: another kind
// of value, an unknown name, or a name that is there twice.
func (v validator) check(value hujson.Value, t reflect.Type, name string) error {
	if t.Kind() == reflect.Pointer { // it is optional
		t = t.Elem()
	}
	ok := true
	switch content := value.Value.(type) {
	case *hujson.Object:
		if ok = t.Kind() == reflect.Struct || t.Kind() == reflect.Map || t.Kind() == reflect.Interface; ok {
			return v.checkObject(content, t, name)
		}
	case *hujson.Array:
		if ok = t.Kind() == reflect.Slice || t.Kind() == reflect.Interface; ok {
			return v.checkList(content, t, name)
		}
	case hujson.Literal: // null is allowed only where any value is
		ok = (content.Kind() != 'n' || t.Kind() == reflect.Interface) && json.Unmarshal(content, reflect.New(t).Interface()) == nil
	}
	if !ok {
		return v.problem(value.StartOffset, "%s must be %s", name, kindNames[t.Kind()])
	}
	return nil
}

// kindNames are the kinds of values in words.
var kindNames = map[reflect.Kind]string{
	reflect.Struct: "an object", reflect.Map: "an object", reflect.Slice: "a list", reflect.String: "text in quotes",
	reflect.Bool: "true or false", reflect.Int: "a whole number", reflect.Interface: "a JSON value",
}

// checkList checks each element of list, whose type is t.
func (v validator) checkList(list *hujson.Array, t reflect.Type, name string) error {
	element := t
	if t.Kind() == reflect.Slice {
		element = t.Elem()
	}
	for i, value := range list.Elements {
		if err := v.check(value, element, fmt.Sprintf("%s[%d]", name, i)); err != nil {
			return err
		}
	}
	return nil
}

// checkObject checks each member of object against the field of t with its name.
func (v validator) checkObject(object *hujson.Object, t reflect.Type, name string) error {
	var seen []string
	for _, member := range object.Members {
		key := member.Name.Value.(hujson.Literal).String() //nolint:forcetypeassert // a name is a string
		if slices.Contains(seen, key) {
			return v.problem(member.Name.StartOffset, "%q is there twice", key)
		}
		seen = append(seen, key)
		element := t
		switch t.Kind() { //nolint:exhaustive // the other kinds have no members
		case reflect.Map:
			element = t.Elem()
		case reflect.Struct:
			field, ok := fieldByName(t, key)
			if !ok {
				return v.problem(member.Name.StartOffset, "unknown field %q; %s can have %s", key, name, strings.Join(fieldNames(t), ", "))
			}
			element = field.Type
		}
		if err := v.check(member.Value, element, key); err != nil {
			return err
		}
	}
	return nil
}

func fieldByName(t reflect.Type, key string) (reflect.StructField, bool) {
	return t.FieldByNameFunc(func(name string) bool {
		field, _ := t.FieldByName(name)
		return field.Tag.Get("json") == key
	})
}

func fieldNames(t reflect.Type) (names []string) {
	for field := range t.Fields() {
		names = append(names, field.Tag.Get("json"))
	}
	return names
}
