package jwks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// This file sends the requests to the issuer: discovery and the key set.

// maxBody is the maximum size of a response, in bytes.
const maxBody = 1 << 20

// document is a response of the issuer with status 200.
type document struct {
	body   []byte
	maxAge time.Duration // how long it is fresh; negative if it does not say
}

// statusError says that the issuer responded with a status other than 200.
type statusError struct {
	url, status string
	code        int
}

func (e *statusError) Error() string {
	return "GET " + e.url + ": the issuer responded with " + e.status
}

// discovered is what the issuer's discovery document says (OpenID Connect Discovery §4).
type discovered struct {
	uri     string // of the keys: jwks_uri, or Auth0's path if that is not known
	isGuess bool   // uri is Auth0's path
	why     string // if the guess is not because the issuer has no document: what is wrong with it
}

// discover requests the issuer's discovery document. It returns an error if the issuer
// did not respond at all.
func (s *Set) discover(ctx context.Context) (discovered, error) {
	base := strings.TrimSuffix(s.opts.Issuer, "/") + "/.well-known/"
	guess := discovered{uri: base + "jwks.json", isGuess: true}
	doc, err := s.download(ctx, base+"openid-configuration")
	if status, answered := errors.AsType[*statusError](err); answered {
		if status.code != http.StatusNotFound { // which means that there is none
			guess.why = err.Error()
		}
		return guess, nil
	} else if err != nil {
		return discovered{}, err
	}
	var conf struct {
		Issuer string `json:"issuer"`
		URI    string `json:"jwks_uri"`
	}
	switch {
	case json.Unmarshal(doc.body, &conf) != nil || conf.URI == "":
		guess.why = "GET " + base + "openid-configuration: the response is not a discovery document"
	case conf.Issuer != s.opts.Issuer:
		guess.why = fmt.Sprintf("the discovery document is of the issuer %.200q, not %q", conf.Issuer, s.opts.Issuer)
	case !trusted(conf.URI, s.opts.Issuer):
		guess.why = fmt.Sprintf("the discovery document's jwks_uri %.200q is neither https nor of the issuer's origin", conf.URI)
	default:
		return discovered{uri: conf.URI}, nil
	}
	return guess, nil
}

// trusted reports whether keys may come from uri: over https, or from the origin of the
// issuer.
func trusted(uri, issuer string) bool {
	u, err := url.Parse(uri)
	own, errOwn := url.Parse(issuer)
	return err == nil && errOwn == nil && u.Host != "" && u.User == nil &&
		(u.Scheme == "https" || origin(u) == origin(own))
}

// download requests the URL from. It returns an error unless the status is 200 and at
// most maxBody bytes arrive within fetchTimeout.
func (s *Set) download(ctx context.Context, from string) (document, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return document{}, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := s.opts.Client.Do(req)
	if err != nil {
		return document{}, fmt.Errorf("GET %s: %w", from, withoutAddresses(err))
	}
	defer func() { _ = resp.Body.Close() }() // nothing to do about an error
	if resp.StatusCode != http.StatusOK {
		return document{}, &statusError{from, resp.Status, resp.StatusCode}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return document{}, fmt.Errorf("GET %s: %w", from, withoutAddresses(err))
	}
	if len(body) > maxBody {
		return document{}, fmt.Errorf("GET %s: the response is larger than %d bytes", from, maxBody)
	}
	return document{body, maxAge(resp.Header, s.opts.Now())}, nil
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

// sameOrigin is an http.Client's CheckRedirect. A redirect to another host, or from
// https to http, would let another server supply the keys.
func sameOrigin(req *http.Request, via []*http.Request) error {
	if origin(req.URL) != origin(via[0].URL) {
		return errors.New("the issuer redirects to another origin; the redirect was not followed")
	}
	if len(via) > 3 {
		return errors.New("the issuer redirects more than 3 times")
	}
	return nil
}

// origin returns the origin of u in its one spelling (RFC 6454 §4).
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(u.Scheme + "://" + u.Hostname() + ":" + port)
}
