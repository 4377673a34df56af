package config

import (
	"errors"
	"net/url"
	"strings"
)

// origins parses a list of origins, "https://app.acme.com,http://localhost:4200".
func origins(list string) ([]string, error) {
	var all []string
	for _, origin := range split(list) {
		origin = strings.TrimSuffix(origin, "/")
		u, err := url.Parse(origin)
		switch {
		case origin == "*":
			return nil, errors.New("name the origins: an API with tokens must not be open to every page")
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || origin != u.Scheme+"://"+u.Host:
			return nil, errors.New("write each as scheme, host and port, like https://app.acme.com")
		}
		all = append(all, strings.ToLower(origin))
	}
	return all, nil
}

// resource returns the URL of this API for clients: given, or the audience if it is a
// URL, or "".
func resource(given, audience string) (string, error) {
	candidate := given
	if candidate == "" {
		candidate = audience
	}
	u, err := url.Parse(candidate)
	if err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && u.User == nil && u.RawQuery == "" &&
		u.Fragment == "" && u.EscapedPath() == u.Path { // so that it is safe in a header and as a route
		return candidate, nil
	}
	if given != "" {
		return "", errors.New("write it as a URL with no query, like https://api.acme.com")
	}
	return "", nil
}
