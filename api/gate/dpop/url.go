package dpop

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// publicURL is a URL under which clients reach the API, and the path of the API that it
// leads to.
type publicURL struct {
	origin string // in its one spelling
	public string // prefix of paths in the URL, without a slash at the end
	own    string // what the API gets instead of that prefix
}

// parsePublicURL reads "https://api.acme.com", or with the path that a proxy replaces
// "https://shop.acme.com/backend=/".
func parsePublicURL(text string) (publicURL, error) {
	address, own, mapped := strings.Cut(text, "=")
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return publicURL{}, fmt.Errorf("%q is not a URL with a host and without a query, like https://api.acme.com", text)
	case mapped && !strings.HasPrefix(own, "/"):
		return publicURL{}, fmt.Errorf("%q: the path after = begins with a slash, like https://shop.acme.com/backend=/", text)
	}
	public := strings.TrimSuffix(normalPath(u.EscapedPath()), "/")
	if !mapped {
		own = public
	}
	return publicURL{origin(u), public, strings.TrimSuffix(normalPath(own), "/")}, nil
}

// expected returns the URL in proofs for requests of path, which is percent-encoded.
func (p publicURL) expected(path string) (string, bool) {
	rest, ok := strings.CutPrefix(normalPath(path), p.own)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	if p.public+rest == "" {
		rest = "/"
	}
	return p.origin + p.public + rest, true
}

// normalURL returns the claim htu in its one spelling (RFC 3986 §6.2.2, §6.2.3), without
// its query and fragment (RFC 9449 §4.3).
func normalURL(htu string) (string, error) {
	u, err := url.Parse(htu)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", errors.New("not an absolute URL of http or https")
	}
	path := normalPath(u.EscapedPath())
	if path == "" {
		path = "/"
	}
	return origin(u) + path, nil
}

// origin returns the origin of u in its one spelling.
func origin(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return u.Scheme + "://" + host
	}
	return u.Scheme + "://" + host + ":" + port
}

// normalPath returns a percent-encoded path with unreserved characters decoded, and the
// others in upper case (RFC 3986 §6.2.2.1, §6.2.2.2).
func normalPath(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			b.WriteByte(path[i])
			continue
		}
		if c, err := strconv.ParseUint(path[i+1:i+3], 16, 8); err == nil && isUnreserved(byte(c)) {
			b.WriteByte(byte(c))
		} else {
			b.WriteString(strings.ToUpper(path[i : i+3]))
		}
		i += 2
	}
	return b.String()
}

// isUnreserved reports whether c needs no percent-encoding anywhere (RFC 3986 §2.3).
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
