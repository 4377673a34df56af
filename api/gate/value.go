package gate

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// JSON values that the scanner has accepted are converted to Go values here, each
// with a check of its type.

// value is one JSON value in a text that the scanner has accepted.
type value struct {
	kind byte // '"', '0' for numbers, '{', '[', 't', 'f' or 'n'
	raw  []byte
}

// bytes returns the content of a string. It must not be modified: it may be part of
// the text.
func (v value) bytes() []byte {
	inner := v.raw[1 : len(v.raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var text string
	if err := json.Unmarshal(v.raw, &text); err != nil {
		return inner // impossible: the scanner has accepted it
	}
	return []byte(text)
}

// text returns the content of a string; ok is false for other values.
func (v value) text() (text string, ok bool) {
	if v.kind != '"' {
		return "", false
	}
	return string(v.bytes()), true
}

// texts returns the elements of an array of strings; ok is false for other values.
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
	}); err != nil || !ok { // err is impossible: the scanner has accepted it
		return nil, false
	}
	return list, true
}

// number returns the value of a number; ok is false for other values and for
// numbers beyond float64.
func (v value) number() (n float64, ok bool) {
	if v.kind != '0' {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(v.raw), 64)
	return n, err == nil
}
