package keyset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// maxBody is the most that is read of a key set, in bytes.
const maxBody = 1 << 20

// download returns what the URL from answers, if that is a 200 of at most maxBody bytes.
func download(ctx context.Context, client *http.Client, from string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	var where *url.Error
	if errors.As(err, &where) {
		return nil, fmt.Errorf("GET %s: %w", req.URL, where.Err)
	} else if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // everything of use was read
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: the issuer answered %s", from, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("the key set is larger than %d bytes", maxBody)
	}
	return body, nil
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
