package auth

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// What the scanner passes is turned into Go values here, each with a check of its type.

// value is one JSON value where it stands in a text that the scanner passed.
type value struct {
	kind byte // '"', '0' for numbers, '{', '[', 't', 'f' or 'n'
	raw  []byte
}

// bytes returns what a string says. It must not be changed.
func (v value) bytes() []byte {
	inner := v.raw[1 : len(v.raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var text string
	if err := json.Unmarshal(v.raw, &text); err != nil {
		return inner // can't be: the scanner passed it
	}
	return []byte(text)
}

// text returns what a string says; ok is false for other values.
func (v value) text() (text string, ok bool) {
	if v.kind != '"' {
		return "", false
	}
	return string(v.bytes()), true
}

// texts returns what an array of strings says; ok is false for other values.
func (v value) texts() (list []string, ok bool) {
	if v.kind != '[' {
		return nil, false
	}
	ok = true
	s := scanner{data: v.raw}
	if err := s.array(1, func(element value) {
		text, isText := element.text()
		list = append(list, text)
		ok = ok && isText
	}); err != nil || !ok { // err can't be: the scanner passed it
		return nil, false
	}
	return list, true
}

// number returns what a number says; ok is false for other values and for what
// no float64 can hold.
func (v value) number() (n float64, ok bool) {
	if v.kind != '0' {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(v.raw), 64)
	return n, err == nil
}
