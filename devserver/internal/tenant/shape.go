package tenant

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// shaper compares a configuration file with the form that it must have. It comes
// before encoding/json, which says of many faults neither where they are nor what
// they are in words that a person who writes JSON knows.
type shaper struct {
	file string
	data []byte
}

// fault returns an error about the value at offset, with its file:line:column.
func (s shaper) fault(offset int, problem string, args ...any) error {
	before := s.data[:min(offset, len(s.data))]
	return fmt.Errorf("%s:%d:%d: %s", s.file, 1+bytes.Count(before, []byte("\n")), len(before)-bytes.LastIndexByte(before, '\n'),
		fmt.Sprintf(problem, args...))
}

// What a file may be: more would be of no use, and parsing goes as deep as it does.
const (
	maxConfig = 1 << 20 // bytes
	maxDepth  = 200     // of lists and objects in each other
)

// parse returns data as a tree.
func (s shaper) parse() (hujson.Value, error) {
	if len(s.data) > maxConfig {
		return hujson.Value{}, s.fault(0, "the file has more than 1 MiB")
	}
	depth := 0
	for i, c := range s.data { // strings and comments count too, which hardly matters
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth > maxDepth {
			return hujson.Value{}, s.fault(i, "lists and objects are more than %d deep in each other", maxDepth)
		}
	}
	tree, err := hujson.Parse(s.data)
	if err != nil {
		problem := strings.TrimPrefix(err.Error(), "hujson: ")
		var line, column int
		if _, scanned := fmt.Sscanf(problem, "line %d, column %d:", &line, &column); scanned == nil {
			_, problem, _ = strings.Cut(problem, ": ")
			return hujson.Value{}, fmt.Errorf("%s:%d:%d: %s", s.file, line, column, problem)
		}
		return hujson.Value{}, fmt.Errorf("%s: %s", s.file, problem)
	}
	return tree, nil
}

// check returns what is wrong with v, called name, for a value of type t: of
// another kind, a name that t does not have, or one that is there twice.
func (s shaper) check(v hujson.Value, t reflect.Type, name string) error {
	wanted := map[reflect.Kind]string{
		reflect.Struct: "an object", reflect.Map: "an object", reflect.Slice: "a list", reflect.String: "a text in quotes",
		reflect.Bool: "true or false", reflect.Int: "a whole number", reflect.Interface: "a value that JSON can say",
	}[t.Kind()]
	ok := true
	switch value := v.Value.(type) {
	case *hujson.Object:
		if ok = t.Kind() == reflect.Struct || t.Kind() == reflect.Map || t.Kind() == reflect.Interface; ok {
			return s.checkObject(value, t, name)
		}
	case *hujson.Array:
		if ok = t.Kind() == reflect.Slice || t.Kind() == reflect.Interface; ok {
			return s.checkList(value, t, name)
		}
	case hujson.Literal: // null is a value only where any is
		ok = (value.Kind() != 'n' || t.Kind() == reflect.Interface) && json.Unmarshal(value, reflect.New(t).Interface()) == nil
	}
	if !ok {
		return s.fault(v.StartOffset, "%s must be %s", name, wanted)
	}
	return nil
}

func (s shaper) checkList(list *hujson.Array, t reflect.Type, name string) error {
	of := t
	if t.Kind() == reflect.Slice {
		of = t.Elem()
	}
	for i, element := range list.Elements {
		if err := s.check(element, of, fmt.Sprintf("%s[%d]", name, i)); err != nil {
			return err
		}
	}
	return nil
}

func (s shaper) checkObject(object *hujson.Object, t reflect.Type, name string) error {
	var seen []string
	for _, member := range object.Members {
		key := member.Name.Value.(hujson.Literal).String()
		if slices.Contains(seen, key) {
			return s.fault(member.Name.StartOffset, "%q is there twice", key)
		}
		seen = append(seen, key)
		of := t
		switch t.Kind() {
		case reflect.Map:
			of = t.Elem()
		case reflect.Struct:
			field, ok := fieldOf(t, key)
			if !ok {
				return s.fault(member.Name.StartOffset, "unknown field %q; %s can have %s", key, name, strings.Join(fieldsOf(t), ", "))
			}
			of = field.Type
		}
		if err := s.check(member.Value, of, key); err != nil {
			return err
		}
	}
	return nil
}

func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	return t.FieldByNameFunc(func(name string) bool {
		field, _ := t.FieldByName(name)
		return field.Tag.Get("json") == key
	})
}

func fieldsOf(t reflect.Type) (names []string) {
	for field := range t.Fields() {
		names = append(names, field.Tag.Get("json"))
	}
	return names
}
