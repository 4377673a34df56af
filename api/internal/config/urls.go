package config

import (
	"errors"
	"net/url"
	"strings"
)

// origins reads a list of origins, "https://app.acme.com,http://localhost:4200".
func origins(list string) ([]string, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var all []string
	for origin := range strings.SplitSeq(list, ",") {
		origin = strings.TrimSuffix(strings.TrimSpace(origin), "/")
		u, err := url.Parse(origin)
		switch {
		case origin == "*":
			return nil, errors.New("name the origins; to let every page in is never what an API with tokens wants")
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || origin != u.Scheme+"://"+u.Host:
			return nil, errors.New("write each as scheme, host and port, like https://app.acme.com")
		}
		all = append(all, strings.ToLower(origin))
	}
	return all, nil
}

// resource returns the URL by which callers know this API: given, or else the
// audience if that is one, or else "".
func resource(given, audience string) (string, error) {
	candidate := given
	if candidate == "" {
		candidate = audience
	}
	u, err := url.Parse(candidate)
	if err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && u.User == nil && u.RawQuery == "" &&
		u.Fragment == "" && u.EscapedPath() == u.Path { // nothing in it that a header or a route would need care with
		return candidate, nil
	}
	if given != "" {
		return "", errors.New("write it as a URL with no query, like https://api.acme.com")
	}
	return "", nil
}
