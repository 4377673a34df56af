package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const (
	maxRedirects = 20
	maxReplay    = 10 << 20 // of a body that is kept for a redirect, in bytes
)

// follower follows redirects before it answers, for followRedirects.
type follower struct{ transport *http.Transport }

var errRedirects = fmt.Errorf("it redirects more than %d times", maxRedirects)

// RoundTrip implements http.RoundTripper. A 307 or 308 asks for the body again,
// which is why it is read first; one that is too large for that is sent as it
// comes, and such a redirect of it is answered as it is.
func (f follower) RoundTrip(r *http.Request) (*http.Response, error) {
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
	client := http.Client{Transport: f.transport, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errRedirects
		}
		return nil
	}}
	resp, err := client.Do(r)      //nolint:gosec // to follow it to wherever it leads is what the rule says
	if err != nil && resp != nil { // the redirect that was one too many
		_ = resp.Body.Close()
		resp = nil
	}
	if errors.Is(err, errRedirects) {
		err = errRedirects
	}
	return resp, err
}

type replayed struct {
	io.Reader
	io.Closer
}
