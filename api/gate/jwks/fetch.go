package jwks

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

// maxBody is the maximum size of a response, in bytes.
const maxBody = 1 << 20

// document is a response of the issuer with status 200.
type document struct {
	body   []byte
	maxAge time.Duration // of Cache-Control; negative if there is none
}

// statusError says that the issuer answered with another status than 200.
type statusError struct{ url, status string }

func (e *statusError) Error() string {
	return "GET " + e.url + ": the issuer answered " + e.status
}

// discover returns the URL of the keys: the jwks_uri of the issuer's discovery
// document (OpenID Connect Discovery §4) if there is one, it names this issuer and
// the URL is trusted; otherwise the path that Auth0 uses.
func (s *Set) discover(ctx context.Context) (string, error) {
	fallback := s.opts.Issuer + ".well-known/jwks.json"
	doc, err := s.download(ctx, s.opts.Issuer+".well-known/openid-configuration")
	if _, answered := errors.AsType[*statusError](err); answered {
		return fallback, nil
	} else if err != nil {
		return "", err
	}
	var conf struct {
		Issuer string `json:"issuer"`
		URI    string `json:"jwks_uri"`
	}
	if json.Unmarshal(doc.body, &conf) != nil || conf.URI == "" {
		return fallback, nil //nolint:nilerr // it is not a discovery document
	}
	if conf.Issuer != s.opts.Issuer || !trusted(conf.URI, s.opts.Issuer) {
		s.opts.Log.Warn("ignored the issuer's discovery document: it names another issuer, or keys at a URL that is not trusted",
			"expected", s.opts.Issuer)
		return fallback, nil
	}
	return conf.URI, nil
}

// trusted reports whether keys may come from uri: over https, or from the issuer's
// own origin.
func trusted(uri, issuer string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme+"://"+u.Host+"/" == issuer)
}

// download returns the response of the URL from, which must have status 200, at most
// maxBody bytes and arrive within fetchTimeout.
func (s *Set) download(ctx context.Context, from string) (document, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return document{}, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := s.opts.Client.Do(req)
	if failure, ok := errors.AsType[*url.Error](err); ok {
		return document{}, fmt.Errorf("GET %s: %w", from, failure.Err)
	} else if err != nil {
		return document{}, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read to the end
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

// maxAge returns how long a response is fresh according to Cache-Control (RFC 9111
// §5.2.2), or a negative value if the header does not say it.
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

// sameOrigin is an http.Client's CheckRedirect. A redirect to another host, or from
// https to http, would let somebody else decide which tokens are valid.
func sameOrigin(req *http.Request, via []*http.Request) error {
	if first := via[0].URL; req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		return errors.New("the issuer redirects its keys to another origin, which is not followed")
	}
	if len(via) > 3 {
		return errors.New("the issuer redirects its keys too often")
	}
	return nil
}
