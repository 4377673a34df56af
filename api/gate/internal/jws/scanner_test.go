package jws

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// seeds are JSON texts of all kinds, for the fuzzer to begin with.
var seeds = []string{
	`{}`, `{"alg":"RS256","typ":"JWT","kid":"a"}`, ` { "a" : [ 1 , -2.5e+3 , { } , [ ] ] } `,
	`{"iss":"https://i/","aud":["a","b"],"exp":1e3,"nbf":0,"iat":-0,"sub":"\u0041\ud83d\ude42"}`,
	`{"a":1,"a":2}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"a":01}`, `{"a":1.}`, `{"a":tru}`, `{"a":"\x"}`, `{"a"`, `[]`, `null`, "",
	"\uFEFF{}", `{}x`, `{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`, `{"a":null,"b":true,"c":false}`,
	`{"scope":"read:messages","permissions":["x"],"cnf":{"jkt":"y"}}`, `{"":"","\u0000":1}`, "{\"a\":\"\n\"}", `{"a":"\u00e9\/\b\f\n\r\t\"\\"}`,
}

// FuzzScanObject holds the scanner against encoding/json: what it accepts is
// JSON, and says the same to both.
func FuzzScanObject(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := map[string]any{}
		err := ScanObject(data, func(name []byte, v Value) error {
			if _, twice := got[string(name)]; twice {
				t.Errorf("%q is reported twice", name)
			}
			if text, ok := v.Text(); ok {
				got[string(name)] = text
			} else if n, ok := v.Number(); ok {
				got[string(name)] = n
			} else if list, ok := v.Texts(); ok && len(list) > 0 {
				values := make([]any, len(list))
				for i, text := range list {
					values[i] = text
				}
				got[string(name)] = values
			} else {
				var other any
				if err := json.Unmarshal(v.Raw, &other); err != nil {
					if v.Kind != '0' { // a number that no float64 holds is JSON all the same
						t.Fatalf("%q is not JSON: %v", v.Raw, err)
					}
					return nil
				}
				got[string(name)] = other
			}
			return nil
		})
		if err != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("accepted %q, which is not JSON", data)
		}
		var want map[string]any
		if err := json.Unmarshal(data, &want); err != nil {
			return // a number that no float64 holds
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: got %v, want %v", data, got, want)
		}
	})
}
