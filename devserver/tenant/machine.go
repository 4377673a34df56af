package tenant

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// ClientCredentialsExchange implements op.Server. As at Auth0, the parameter audience,
// which names the API, is required.
func (p *protocol) ClientCredentialsExchange(ctx context.Context, r *op.ClientRequest[oidc.ClientCredentialsRequest]) (*op.Response, error) {
	audience := r.Form.Get("audience")
	d := p.tenant.directory.Load()
	a, app := d.API(audience), d.Client(r.Client.GetID())
	reject := func(why string) error {
		p.tenant.events.reject(ctx, Event{Type: EventTokens, Client: r.Client.GetID(), Error: "access_denied", Text: "Client credentials were rejected: " + why})
		return op.NewStatusError(oidc.ErrAccessDenied().WithDescription("%s", why), http.StatusForbidden)
	}
	switch {
	case audience == "":
		return nil, reject("the parameter audience, which names the API, is missing")
	case audience == p.tenant.opts.Issuer+"api/v2/":
		return nil, reject(notSupported("the Management API"))
	case a == nil || app == nil:
		return nil, reject(fmt.Sprintf("Service not enabled within domain: %.200s", audience))
	case checkAudience(r.Form, a) != "":
		return nil, reject("resource is not the audience")
	case r.Form.Has("organization"):
		return nil, reject("organizations of machine clients are not supported by the local tenant")
	}
	for _, name := range r.Data.Scope {
		if !slices.Contains(app.Scopes, name) || !a.Has(name) {
			return nil, reject(fmt.Sprintf("Client has not been granted scopes: %.200s", name))
		}
	}
	granted := slices.DeleteFunc(slices.Clone(app.Scopes), func(name string) bool {
		return !a.Has(name) || len(r.Data.Scope) > 0 && !slices.Contains(r.Data.Scope, name)
	})
	now := p.tenant.opts.Now()
	claims := accessClaims{
		Issuer: p.tenant.opts.Issuer, Subject: app.ID + "@clients", Audience: audienceClaim{a.Audience},
		IssuedAt: now.Unix(), Expires: now.Add(a.Lifetime).Unix(),
		Scope: strings.Join(granted, " "), GrantType: "client-credentials", Client: app.ID, Permissions: a.PermissionsOf(granted),
	}
	thumbprint, err := p.proofOf(ctx, r.Header, app)
	if err != nil {
		return nil, err
	}
	isBound, err := p.binds(ctx, app, a, thumbprint != "")
	if err != nil {
		return nil, err
	}
	tokenType := oidc.BearerToken
	if isBound {
		tokenType = tokenTypeDPoP
		claims.Confirmation = &confirmation{thumbprint}
	}
	token, shown, err := p.tenant.accessToken(claims, a)
	if err != nil {
		return nil, err
	}
	p.tenant.events.add(ctx, Event{
		Type: EventTokens, Client: app.ID, Tokens: []IssuedToken{shown},
		Text: fmt.Sprintf("%q exchanged its client credentials for a token%s", app.Name, boundTo(claims.Confirmation.thumbprint())),
	})
	return noStore(&oidc.AccessTokenResponse{
		AccessToken: token, TokenType: tokenType, ExpiresIn: uint64(a.Lifetime.Seconds()), Scope: granted,
	}), nil
}
