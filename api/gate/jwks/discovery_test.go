package jwks_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/gate/jwks"
)

// TestDiscoveryIsAskedAgain has an issuer whose discovery changes from one refresh to the
// next, once a minute. Its keys are called by the path that they are at.
func TestDiscoveryIsAskedAgain(t *testing.T) {
	t.Parallel()
	const guess, a, b = "/.well-known/jwks.json", "/a", "/b"
	for name, tc := range map[string]struct {
		documents []string // by refresh: a path of the keys, a status, or the body; the last one stays
		gone      string   // path without keys from the second refresh on
		want      []string // path that the keys in use come from, by refresh
		lines     int      // about discovery, in the log
	}{
		"none":                     {[]string{"404"}, "", []string{guess, guess}, 0},
		"later":                    {[]string{"404", a}, "", []string{guess, a, a}, 0},
		"after an error":           {[]string{"503", a}, "", []string{guess, a, a}, 1},
		"after errors":             {[]string{"503", "503", "503", a}, "", []string{guess, guess, guess, a}, 1},
		"after HTML":               {[]string{"<html>", a}, "", []string{guess, a}, 1},
		"after a broken document":  {[]string{`{"issuer":`, a}, "", []string{guess, a}, 1},
		"after another issuer's":   {[]string{`{"issuer":"https://other.test/","jwks_uri":"https://issuer.test/b"}`, a}, "", []string{guess, a}, 1},
		"moved":                    {[]string{a, b}, "", []string{a, b, b}, 0},
		"moved, and the old gone":  {[]string{a, b}, a, []string{a, b, b}, 0},
		"known, then an error":     {[]string{a, "503"}, "", []string{a, a, a}, 1},
		"known, then none":         {[]string{a, "404"}, "", []string{a, a, a}, 0},
		"known, then HTML":         {[]string{a, "<html>", b}, "", []string{a, a, b}, 1},
		"known, then no response":  {[]string{a, "hang", b}, "", []string{a, a, b}, 1},
		"known, then another's":    {[]string{a, `{"issuer":"https://other.test/","jwks_uri":"https://issuer.test/b"}`}, "", []string{a, a}, 1},
		"errors of different kind": {[]string{"503", "500", "<html>", a}, "", []string{guess, guess, guess, a}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				iss := gatetest.Unstarted("https://issuer.test/")
				begin := time.Now()
				refresh := func() int { return int((time.Since(begin) + 30*time.Second) / time.Minute) } // refreshes are up to a tenth early
				issuer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/.well-known/oauth-authorization-server" {
						http.NotFound(w, r)
						return
					}
					if r.URL.Path != "/.well-known/openid-configuration" {
						if r.URL.Path == tc.gone && refresh() > 0 {
							http.NotFound(w, r)
							return
						}
						_, _ = io.WriteString(w, strings.Replace(`{"keys":[`+jwk(t, iss)+`]}`, iss.KID(), r.URL.Path, 1))
						return
					}
					switch document := tc.documents[min(refresh(), len(tc.documents)-1)]; document {
					case "404", "500", "503":
						w.WriteHeader(map[string]int{"404": 404, "500": 500, "503": 503}[document])
					case a, b:
						_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, iss.URL, "https://issuer.test"+document)
					case "hang":
						<-r.Context().Done()
					default:
						_, _ = io.WriteString(w, document)
					}
				})
				var log bytes.Buffer
				set := jwks.New(jwks.Options{
					Issuer: iss.URL, Refresh: time.Minute, Client: &http.Client{Transport: transport{issuer}}, Log: slog.New(slog.NewTextHandler(&log, nil)),
				})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() { defer close(done); set.Run(ctx) }()
				for i, want := range tc.want {
					time.Sleep(20 * time.Second) // in the bubble
					synctest.Wait()
					for _, path := range []string{guess, a, b} {
						key, _, _ := set.Snapshot()
						if _, err := key(t.Context(), path, "RS256"); (err == nil) != (path == want) {
							t.Errorf("refresh %d: the key of %s: %v", i, path, err)
						}
					}
					time.Sleep(40 * time.Second)
					synctest.Wait()
				}
				cancel()
				<-done
				if n := strings.Count(log.String(), "discovery failed"); n != tc.lines {
					t.Errorf("%d lines about discovery, want %d:\n%s", n, tc.lines, &log)
				}
			})
		})
	}
}
