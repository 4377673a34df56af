package jws

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// JSON values that the scanner has accepted are converted to Go values here, each
// with a check of its type.

// Value is one JSON value in a text that the scanner has accepted.
type Value struct {
	Kind byte // '"', '0' for numbers, '{', '[', 't', 'f' or 'n'
	Raw  []byte
}

// Bytes returns the content of a string. It must not be modified: it may be part of
// the text.
func (v Value) Bytes() []byte {
	inner := v.Raw[1 : len(v.Raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var text string
	if err := json.Unmarshal(v.Raw, &text); err != nil {
		return inner // impossible: the scanner has accepted it
	}
	return []byte(text)
}

// Text returns the content of a string; ok is false for other values.
func (v Value) Text() (text string, ok bool) {
	if v.Kind != '"' {
		return "", false
	}
	return string(v.Bytes()), true
}

// Texts returns the elements of an array of strings; ok is false for other values.
func (v Value) Texts() (list []string, ok bool) {
	if v.Kind != '[' {
		return nil, false
	}
	ok = true
	s := scanner{data: v.Raw}
	if err := s.array(1, func(element Value) {
		text, isText := element.Text()
		list = append(list, text)
		ok = ok && isText
	}); err != nil || !ok { // err is impossible: the scanner has accepted it
		return nil, false
	}
	return list, true
}

// Number returns the value of a number; ok is false for other values and for
// numbers beyond float64.
func (v Value) Number() (n float64, ok bool) {
	if v.Kind != '0' {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(v.Raw), 64)
	return n, err == nil
}
