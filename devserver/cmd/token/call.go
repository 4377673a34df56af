package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"calling-an-api.example/devserver/internal/prover"
)

// caller calls the API and prints what it sends and gets, for people.
type caller struct {
	out    io.Writer
	origin string // of the API
	method string
	path   string
	token  string
	key    *prover.Key // that the token is bound to; nil for a bearer token
}

// call sends the request. If the API asks for a nonce, it sends another one with that.
func (c caller) call(ctx context.Context) error {
	address, err := c.address()
	if err != nil {
		return err
	}
	nonce := ""
	for {
		resp, body, err := c.send(ctx, address, nonce) //nolint:bodyclose // send has read and closed it
		if err != nil {
			return err
		}
		c.printf("< %s", resp.Status)
		for _, name := range []string{"Content-Type", "WWW-Authenticate", "DPoP-Nonce", "Retry-After"} {
			for _, value := range resp.Header.Values(name) {
				c.printf("< %s: %s", name, value)
			}
		}
		c.printf("\n%s\n", strings.TrimSpace(string(body)))
		next := resp.Header.Get("DPoP-Nonce")
		if nonce == "" && next != "" && resp.StatusCode == http.StatusUnauthorized && c.key != nil {
			c.printf("The API asks for a proof with a nonce; another one:\n")
			nonce = next
			continue
		}
		return c.explain(ctx, address, resp.StatusCode, body, nonce != "")
	}
}

// address returns the URL to call.
func (c caller) address() (*url.URL, error) {
	if strings.Contains(c.path, "://") {
		return nil, fmt.Errorf("%s: write the path alone, like /api/external; API_ADDR says where the API is", c.path)
	}
	address, err := url.Parse(c.origin + "/" + strings.TrimPrefix(strings.ReplaceAll(c.path, " ", "%20"), "/"))
	if err != nil {
		return nil, fmt.Errorf("the path %s: %w", c.path, err)
	}
	return address, nil
}

// send sends one request.
func (c caller) send(ctx context.Context, address *url.URL, nonce string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, c.method, address.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	c.printf("> %s %s", c.method, address)
	scheme := "Bearer"
	if c.key != nil {
		scheme = "DPoP"
		proof, err := c.key.Proof(c.method, c.origin+address.EscapedPath(), c.token, nonce)
		if err != nil {
			return nil, nil, err
		}
		req.Header.Set("DPoP", proof)
		c.printf("> DPoP: %s", shown(proof))
	}
	req.Header.Set("Authorization", scheme+" "+c.token)
	c.printf("> Authorization: %s %s\n", scheme, shown(c.token))
	return do(req)
}

// do sends req, and returns the response with its body, which is closed.
func do(req *http.Request) (*http.Response, []byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("%w; is the API running? make dev starts it", err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if errClose := resp.Body.Close(); err == nil {
		err = errClose
	}
	return resp, body, err
}

// explain prints what the API has checked. It checks no token for some paths, so a request
// that was accepted is sent again without one, if that cannot change anything.
func (c caller) explain(ctx context.Context, address *url.URL, status int, body []byte, hasNonce bool) error {
	var problem struct {
		Reason      string `json:"reason"`
		Description string `json:"error_description"`
	}
	switch {
	case json.Unmarshal(body, &problem) == nil && problem.Reason != "":
		c.printf("rejected: %s: %s (docs/token-validation.md, docs/dpop.md)", problem.Reason, problem.Description)
		return nil
	case status >= http.StatusBadRequest:
		c.printf("no answer about the token: is the path right, and the method?")
		return nil
	}
	accepted := "accepted"
	if c.method == http.MethodGet || c.method == http.MethodHead {
		req, err := http.NewRequestWithContext(ctx, c.method, address.String(), nil)
		if err != nil {
			return err
		}
		resp, _, err := do(req) //nolint:bodyclose // do has closed it
		if err != nil {
			return err
		}
		if resp.StatusCode < http.StatusBadRequest {
			c.printf("accepted, but the token was not checked: this path does not require one")
			return nil
		}
	} else {
		accepted = "accepted, and if this path requires a token, it was checked"
	}
	checks := "signature and key, issuer, audience, times"
	if c.key != nil {
		checks += "; proof: key, method, URL, " + map[bool]string{true: "nonce", false: "time"}[hasNonce] + ", token, used once"
	}
	c.printf("%s: %s", accepted, checks)
	return nil
}

// shown returns the payload of a JWT, without its signature: what is printed cannot be used.
func shown(jwt string) string {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return "(opaque)"
	}
	return parts[0][:min(12, len(parts[0]))] + "… " + payload(parts[1])
}

// payload decodes the payload of a JWT.
func payload(part string) string {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return "(not base64url)"
	}
	return string(text)
}

// printf prints a line. An error of the terminal has no remedy.
func (c caller) printf(format string, args ...any) { _, _ = fmt.Fprintf(c.out, format+"\n", args...) }
