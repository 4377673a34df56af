package config

import "testing"

func TestLocalOrigin(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"localhost:4200": "http://localhost:4200", "LOCALHOST:1": "http://localhost:1", "127.0.0.1:4200": "http://localhost:4200",
		":3001": "http://localhost:3001", "0.0.0.0:3001": "http://localhost:3001", "[::]:3001": "http://localhost:3001",
		"[::1]:4200": "http://[::1]:4200", "192.0.2.1:3001": "http://192.0.2.1:3001",
	} {
		if got := LocalOrigin(addr); got != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
}
