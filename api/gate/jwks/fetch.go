package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"calling-an-api.example/api/gate/internal/issuer"
)

// This file sends the requests to the issuer.

const (
	maxBody = 1 << 20 // maximum size of a response, in bytes
	maxETag = 256     // bytes; longer ones are not sent back
)

// document is a response of the issuer with status 200, or 304.
type document struct {
	url         string
	body        []byte
	maxAge      time.Duration // how long it is fresh; negative if it does not say
	etag        string
	notModified bool // 304: it is what it was
}

// statusError says that the issuer responded with another status than 200.
type statusError struct {
	url, status string
	code        int
}

func (e *statusError) Error() string {
	return "GET " + e.url + ": the issuer responded with " + e.status
}

// unreachableError says that no response has arrived, or only a part of one.
type unreachableError struct {
	url string
	err error
}

func (e *unreachableError) Error() string { return "GET " + e.url + ": " + e.err.Error() }
func (e *unreachableError) Unwrap() error { return e.err }

// download requests the URL from. It returns an error unless the status is 200 and at
// most maxBody bytes arrive within fetchTimeout, or the status is 304 and etag is not "".
func (s *Set) download(ctx context.Context, from, etag string) (document, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return document{}, err
	}
	req.Header.Set("Accept", "application/json")
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := s.opts.Client.Do(req)
	if redirect, ok := errors.AsType[*redirectError](err); ok {
		return document{}, fmt.Errorf("GET %s: %w", from, redirect)
	} else if err != nil {
		return document{}, &unreachableError{from, withoutAddresses(err)}
	}
	defer func() { _ = resp.Body.Close() }() // nothing to do about an error
	doc := document{url: from, maxAge: maxAge(resp.Header, s.opts.Now())}
	if resp.StatusCode == http.StatusNotModified && etag != "" {
		doc.notModified = true
		return doc, nil
	}
	if resp.StatusCode != http.StatusOK {
		return document{}, &statusError{from, resp.Status, resp.StatusCode}
	}
	if doc.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1)); err != nil {
		return document{}, &unreachableError{from, withoutAddresses(err)}
	}
	if len(doc.body) > maxBody {
		return document{}, fmt.Errorf("GET %s: the response is larger than %d bytes", from, maxBody)
	}
	if tag := resp.Header.Get("Etag"); len(tag) <= maxETag {
		doc.etag = tag
	}
	return doc, nil
}

// withoutAddresses returns the cause of err without the URL, which the caller names, and
// without the connection's ports, so that the same problem has the same text each time.
func withoutAddresses(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", network.Op, network.Err)
	}
	return err
}

// maxAge returns how long a response is fresh (RFC 9111 §4.2.1) at now: by max-age in
// Cache-Control, or by Expires, less its Age. It is negative if the response does not say.
func maxAge(h http.Header, now time.Time) time.Duration {
	lifetime := time.Duration(-1)
	for _, line := range h["Cache-Control"] {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-cache", "no-store":
				return 0
			case "max-age":
				if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil && lifetime < 0 {
					lifetime = time.Duration(seconds) * time.Second
				}
			}
		}
	}
	if lifetime < 0 && h.Get("Expires") != "" {
		expires, err := http.ParseTime(h.Get("Expires"))
		if err != nil {
			return 0 // it has expired, RFC 9111 §5.3
		}
		date, err := http.ParseTime(h.Get("Date"))
		if err != nil {
			date = now
		}
		lifetime = max(0, expires.Sub(date))
	}
	if age, err := strconv.ParseUint(h.Get("Age"), 10, 31); err == nil && lifetime >= 0 {
		lifetime = max(0, lifetime-time.Duration(age)*time.Second)
	}
	return lifetime
}

// redirectError is why a redirect was not followed.
type redirectError struct{ why string }

func (e *redirectError) Error() string { return e.why }

// sameOrigin is an http.Client's CheckRedirect. A redirect to another host, or from
// https to http, would let another server supply the keys.
func sameOrigin(req *http.Request, via []*http.Request) error {
	if issuer.Origin(req.URL) != issuer.Origin(via[0].URL) {
		return &redirectError{"the issuer redirects to another origin, " + issuer.Origin(req.URL) + "; the redirect was not followed"}
	}
	if len(via) > 3 {
		return &redirectError{"the issuer redirects more than 3 times"}
	}
	return nil
}
