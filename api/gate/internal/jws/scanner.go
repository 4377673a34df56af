package jws

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"
)

// A token's header and claims are read by a strict scanner, because JSON parsers
// differ on doubtful input, and two readers of one token must not see different
// claims (RFC 8725 §2.6). encoding/json takes the last of two equal names, replaces
// invalid UTF-8 and folds the case of names. Here all of that is an error, and so is
// anything that could cost more time or memory than its 8 KiB justify. See
// docs/decisions/0005.

const (
	maxDepth   = 16 // nesting of objects and arrays
	maxMembers = 64 // per object, because duplicates are found by comparing all names
)

// Why a JSON text is rejected.
var (
	errSyntax    = errors.New("not JSON")
	errNotObject = errors.New("not a JSON object")
	errDuplicate = errors.New("duplicate name")
	errEncoding  = errors.New("invalid Unicode")
	errDeep      = errors.New("nested too deeply")
	errMembers   = errors.New("too many members")
	errTrailing  = errors.New("bytes after the object")
)

// ScanObject reads data, which must be one JSON object and nothing else, and
// calls member with each member's name and value, in order. It stops at the first
// error, its own or member's.
func ScanObject(data []byte, member func(name []byte, v Value) error) error {
	s := scanner{data: data}
	s.space()
	if s.peek() != '{' {
		return errNotObject
	}
	if err := s.object(1, member); err != nil {
		return err
	}
	s.space()
	if s.pos < len(s.data) {
		return errTrailing
	}
	return nil
}

// scanner is the position in a JSON text. Its methods consume what they read.
type scanner struct {
	data []byte
	pos  int
}

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// take reports whether the next byte is c, and if so steps over it.
func (s *scanner) take(c byte) bool {
	if s.peek() != c || s.pos >= len(s.data) {
		return false
	}
	s.pos++
	return true
}

// space skips white space (RFC 8259 §2).
func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// object reads an object at nesting level depth and calls member for each of its
// members, in their order. An error of member ends the scan.
func (s *scanner) object(depth int, member func(name []byte, v Value) error) error {
	if depth > maxDepth {
		return errDeep
	}
	s.pos++ // {
	s.space()
	if s.take('}') {
		return nil
	}
	var array [16][]byte // so that most objects need no allocation
	names := array[:0]
	for {
		s.space()
		start := s.pos
		if err := s.string(); err != nil {
			return err
		}
		name := Value{'"', s.data[start:s.pos]}.Bytes()
		for _, other := range names {
			if bytes.Equal(name, other) {
				return errDuplicate
			}
		}
		if len(names) == maxMembers {
			return errMembers
		}
		names = append(names, name)
		s.space()
		if !s.take(':') {
			return errSyntax
		}
		v, err := s.value(depth)
		if err != nil {
			return err
		}
		if member != nil {
			if err := member(name, v); err != nil {
				return err
			}
		}
		s.space()
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return errSyntax
		}
	}
}

// array reads an array at nesting level depth and calls element for each of its elements.
func (s *scanner) array(depth int, element func(v Value)) error {
	if depth > maxDepth {
		return errDeep
	}
	s.pos++ // [
	s.space()
	if s.take(']') {
		return nil
	}
	for {
		v, err := s.value(depth)
		if err != nil {
			return err
		}
		if element != nil {
			element(v)
		}
		s.space()
		if s.take(']') {
			return nil
		}
		if !s.take(',') {
			return errSyntax
		}
	}
}

// value reads any value that stands depth deep.
func (s *scanner) value(depth int) (v Value, err error) {
	s.space()
	start := s.pos
	v.Kind = s.peek()
	switch v.Kind {
	case '{':
		err = s.object(depth+1, nil)
	case '[':
		err = s.array(depth+1, nil)
	case '"':
		err = s.string()
	case 't':
		err = s.literal("true")
	case 'f':
		err = s.literal("false")
	case 'n':
		err = s.literal("null")
	default:
		v.Kind = '0'
		err = s.number()
	}
	v.Raw = s.data[start:s.pos]
	return v, err
}

// literal reads word: true, false or null.
func (s *scanner) literal(word string) error {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		return errSyntax
	}
	s.pos += len(word)
	return nil
}

// number reads a number by RFC 8259 §6.
func (s *scanner) number() error {
	s.take('-')
	switch c := s.peek(); {
	case c == '0':
		s.pos++
	case !s.digits():
		return errSyntax
	}
	if s.take('.') && !s.digits() {
		return errSyntax
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return errSyntax
		}
	}
	return nil
}

// digits steps over digits and reports whether there was one.
func (s *scanner) digits() bool {
	start := s.pos
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.pos > start
}

// string reads a string with its quotes.
func (s *scanner) string() error {
	if !s.take('"') {
		return errSyntax
	}
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		case c < ' ':
			return errSyntax
		case c < utf8.RuneSelf:
			s.pos++
		default:
			r, size := utf8.DecodeRune(s.data[s.pos:])
			if r == utf8.RuneError && size == 1 {
				return errEncoding
			}
			s.pos += size
		}
	}
	return errSyntax
}

// escape reads an escape sequence. A surrogate must stand in a pair (RFC 7493 §2.1).
func (s *scanner) escape() error {
	s.pos++ // the backslash
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
	default:
		return errSyntax
	}
	high, ok := s.hex()
	switch {
	case !ok:
		return errSyntax
	case high < 0xD800 || high > 0xDFFF:
		return nil
	case high > 0xDBFF || !s.take('\\') || s.peek() != 'u':
		return errEncoding
	}
	low, ok := s.hex()
	if !ok {
		return errSyntax
	}
	if low < 0xDC00 || low > 0xDFFF {
		return errEncoding
	}
	return nil
}

// hex reads a u and four hexadecimal digits.
func (s *scanner) hex() (n uint64, ok bool) {
	if s.pos+5 > len(s.data) {
		return 0, false
	}
	digits := s.data[s.pos+1 : s.pos+5]
	for _, c := range digits {
		if c == '_' || c == '+' || c == '-' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(string(digits), 16, 32)
	s.pos += 5
	return n, err == nil
}
