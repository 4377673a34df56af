package keyset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxBody is the most that is read of an answer, in bytes.
const maxBody = 1 << 20

// document is what the issuer published at some URL.
type document struct {
	body   []byte
	maxAge time.Duration // by Cache-Control; negative if that says nothing
}

// statusError says that the issuer answered, but not with a document.
type statusError struct{ url, status string }

func (e *statusError) Error() string {
	return "GET " + e.url + ": the issuer answered " + e.status
}

// discover returns the URL of the keys: the jwks_uri of the issuer's discovery
// document (OpenID Connect Discovery §4), if there is one, it is this issuer's
// and the URL can be trusted, else the place where Auth0 has them.
func (s *Set) discover(ctx context.Context) (string, error) {
	fallback := s.opts.Issuer + ".well-known/jwks.json"
	doc, err := s.download(ctx, s.opts.Issuer+".well-known/openid-configuration")
	var answered *statusError
	if errors.As(err, &answered) {
		return fallback, nil
	} else if err != nil {
		return "", err
	}
	var conf struct {
		Issuer string `json:"issuer"`
		URI    string `json:"jwks_uri"`
	}
	if json.Unmarshal(doc.body, &conf) != nil || conf.URI == "" {
		return fallback, nil
	}
	if conf.Issuer != s.opts.Issuer || !trusted(conf.URI, s.opts.Issuer) {
		s.opts.Log.Warn("the issuer's discovery document is another issuer's, or names keys that can't be trusted; not used",
			"expected", s.opts.Issuer)
		return fallback, nil
	}
	return conf.URI, nil
}

// trusted reports whether keys at uri are as good as the issuer's own word: by
// https, or from the issuer's own origin.
func trusted(uri, issuer string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme+"://"+u.Host+"/" == issuer)
}

// download returns what the URL from answers, if that is a 200 of at most maxBody
// bytes within fetchTimeout.
func (s *Set) download(ctx context.Context, from string) (document, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return document{}, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := s.opts.Client.Do(req)
	var where *url.Error
	if errors.As(err, &where) {
		return document{}, fmt.Errorf("GET %s: %w", from, where.Err)
	} else if err != nil {
		return document{}, err
	}
	defer func() { _ = resp.Body.Close() }() // everything of use was read
	if resp.StatusCode != http.StatusOK {
		return document{}, &statusError{from, resp.Status}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return document{}, fmt.Errorf("GET %s: %w", from, err)
	}
	if len(body) > maxBody {
		return document{}, fmt.Errorf("GET %s: the answer is larger than %d bytes", from, maxBody)
	}
	return document{body, maxAge(resp.Header)}, nil
}

// maxAge returns how long a response is fresh by its Cache-Control (RFC 9111
// §5.2.2), negative if that says nothing.
func maxAge(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-cache", "no-store":
			return 0
		case "max-age":
			if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				return time.Duration(seconds) * time.Second
			}
		}
	}
	return -1
}

// sameHost is an http.Client's CheckRedirect. A redirect to another host, or
// from https to http, would let that host say whose tokens are good.
func sameHost(req *http.Request, via []*http.Request) error {
	if first := via[0].URL; req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		return errors.New("the issuer redirects its keys to another origin; refused")
	}
	if len(via) > 3 {
		return errors.New("the issuer redirects its keys too often")
	}
	return nil
}
