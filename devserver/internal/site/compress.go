package site

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// compressed compresses what next serves, for browsers that accept it. It is for built
// frontends, whose users look at the size and the speed of what will be deployed; what
// is compiled here changes with each edit.
func compressed(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.SuffixETag(suffix))
	if err != nil {
		panic(err) // impossible: the options are constant
	}
	handler := wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tag := r.Header.Get("If-None-Match"); strings.Contains(tag, suffix) { // next does not know it
			r = r.Clone(r.Context())
			r.Header.Set("If-None-Match", suffixed.ReplaceAllString(tag, `"`))
		}
		handler.ServeHTTP(w, r)
	})
}

// suffix distinguishes the ETag of a compressed response (RFC 9110 §8.8.3.3). The name of
// the encoding follows it.
const suffix = "-compressed"

var suffixed = regexp.MustCompile(suffix + `(-[a-z]+)?"`)
