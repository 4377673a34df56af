package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const (
	maxRedirects = 20
	maxReplay    = 10 << 20 // size of a body that can be sent again, in bytes
)

// follower follows redirects, for the option followRedirects.
type follower struct{ next http.RoundTripper }

var errLocation = errors.New("it redirects to a Location that is not a URL")

var errRedirects = fmt.Errorf("it redirects more than %d times", maxRedirects)

// RoundTrip implements http.RoundTripper. The body is read first, because a 307 or 308
// needs it again. A body larger than maxReplay is streamed, and a redirect that needs
// it again is not followed. A redirect of a request with a DPoP proof is not followed either.
func (f follower) RoundTrip(r *http.Request) (*http.Response, error) {
	if hasProof(r) { // it is for one request to one URL
		return f.next.RoundTrip(r)
	}
	if r.Body != nil {
		kept, err := io.ReadAll(io.LimitReader(r.Body, maxReplay+1))
		if err != nil {
			return nil, err
		}
		if len(kept) <= maxReplay {
			r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(kept)), nil }
		}
		r.Body = replayed{io.MultiReader(bytes.NewReader(kept), r.Body), r.Body}
	}
	client := http.Client{Transport: f.next, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errRedirects
		}
		return nil
	}}
	resp, err := client.Do(r)
	if err != nil && resp != nil { // of the last redirect
		_ = resp.Body.Close()
		resp = nil
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok { // it names the URL, whose query may hold a key
		err = wrapped.Err
		if strings.HasPrefix(err.Error(), "failed to parse Location header") {
			err = errLocation // without the Location, which may hold a code
		}
	}
	return resp, err
}

// replayed is a body whose start has been read into memory, to be sent again.
type replayed struct {
	io.Reader
	io.Closer
}
