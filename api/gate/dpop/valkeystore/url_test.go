package valkeystore_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"calling-an-api.example/api/gate/dpop/valkeystore"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"valkey://localhost":                     "[localhost:6379] false  0 ",
		"valkeys://ada@a.test:1,b.test,[::1]":    "[a.test:1 b.test:6379 [::1]:6379] true ada 0 ",
		"redis://localhost:6380/2":               "[localhost:6380] false  2 ",
		"rediss://a:26379,b:26379?sentinel=shop": "[a:26379 b:26379] true  0 shop",
	} {
		u, err := valkeystore.ParseURL(text)
		if got := fmt.Sprint(u.Addresses, u.TLS, " ", u.User, " ", u.Database, " ", u.Sentinel); err != nil || strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
			t.Errorf("%s: got %q, %v; want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"localhost:6379": "valkey://", "http://a": "http", "valkey://:6379": "a host is missing", "valkey://": "a host is missing", "valkey://a#b": "host:port", "valkey://a b": "host:port", "valkey://%zz": "host:port",
		"valkey://p@secret@h#x": "malformed", "valkey://ada:se/secret@a": "password", "valkey://ada:se?secret@a": "password", "valkey://a:1/secret@b": "password", "valkey://a,b/3": "databases", "valkey://a:0": "host:port", "valkey://a:x": "host:port", "valkey://a:99999": "host:port",
		"valkey://a,": "a host is missing", "valkey://ada:secret@a": "password", "valkey://a/x": "database", "valkey://a/-1": "database", "valkey://a?x=1": "option", "valkey://a?sentinel=": "needs one name",
		"valkey://a?sentinel=a&sentinel=b": "needs one name", "valkey://a?%zz": "escape", "": "valkey://",
	} {
		if _, err := valkeystore.ParseURL(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("valkeys://ada@a.test:1,b.test,[::1]/3?sentinel=shop")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := valkeystore.ParseURL(text)
		if err != nil {
			return
		}
		for _, address := range u.Addresses {
			if _, _, err := net.SplitHostPort(address); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}
