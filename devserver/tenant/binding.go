package tenant

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"calling-an-api.example/devserver/internal/directory"
)

// confirmation is the claim cnf of a token that is bound to a key (RFC 9449 §6.1).
type confirmation struct {
	Thumbprint string `json:"jkt"`
}

// thumbprint returns that of the key, "" if c is nil.
func (c *confirmation) thumbprint() string {
	if c == nil {
		return ""
	}
	return c.Thumbprint
}

// boundTo returns the end of an event about tokens that are bound to a key; "" if they are
// not.
func boundTo(thumbprint string) string {
	if thumbprint == "" {
		return ""
	}
	return ", bound to the key " + thumbprint
}

// tokenTypeDPoP is the token_type of bound tokens (RFC 9449 §5).
const tokenTypeDPoP = "DPoP"

// proofOf returns the thumbprint of the key of a token request's proof, "" if it has none. A
// public client needs a nonce, as at Auth0.
func (p *protocol) proofOf(ctx context.Context, header http.Header, client *directory.Client) (thumbprint string, err error) {
	thumbprint, err = p.tenant.proofs.verify(header["Dpop"], expectation{
		method: http.MethodPost, url: strings.TrimSuffix(p.tenant.opts.Issuer, "/") + "/oauth/token", nonce: client.IsPublic(),
	})
	if problem, ok := errors.AsType[*proofError](err); ok {
		if problem != errNoNonce { // which every client meets at first
			p.tenant.events.reject(ctx, Event{Type: EventTokens, Client: client.ID, Error: problem.code,
				Text: fmt.Sprintf("A DPoP proof of %q was rejected: %s", client.Name, problem.why)})
		}
		return "", tokenError(problem.code, problem.why)
	}
	return thumbprint, err
}

// tokenError is an error of the token endpoint with status 400 (RFC 6749 §5.2).
func tokenError(code, description string) error {
	err := oidc.ErrInvalidRequest().WithDescription("%s", description)
	setType(&err.ErrorType, code)
	return op.NewStatusError(err, http.StatusBadRequest)
}

// setType sets the code of an error of the library, whose type is not exported.
func setType[T ~string](field *T, code string) { *field = T(code) }

// binds reports whether the token for client and api, which may be nil, is bound to the key of
// the request's proof. The table is Auth0's: an API without proof of possession gets bearer
// tokens, also if there is a proof.
func (p *protocol) binds(ctx context.Context, client *directory.Client, api *directory.API, hasProof bool) (bool, error) {
	possession := directory.PossessionAllowed
	if api != nil {
		possession = api.Possession
	}
	reject := func(why string) (bool, error) {
		p.tenant.events.reject(ctx, Event{Type: EventTokens, Client: client.ID, Error: "invalid_request",
			Text: fmt.Sprintf("A token for %q was rejected: %s", client.Name, why)})
		return false, tokenError("invalid_request", why)
	}
	switch {
	case client.RequireProof && !hasProof:
		return reject("the client requires proof of possession: send a DPoP proof")
	case client.RequireProof && possession == directory.PossessionNone:
		return reject("the client requires proof of possession, which the API does not support")
	case possession == directory.PossessionRequired && !hasProof:
		return reject("the API requires proof of possession: send a DPoP proof")
	}
	return hasProof && possession != directory.PossessionNone, nil
}
