package tenant

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"calling-an-api.example/devserver/internal/directory"
	"calling-an-api.example/devserver/tenant/internal/refresh"
)

// digest is stored instead of a secret.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// startFamily returns the first refresh token for g, which came from code. If the code
// is used again, the family ends.
func (t *Tenant) startFamily(g *grant, code string) (value string) {
	f := refresh.Family{
		Client: g.request.client.ID, User: g.session.user.ID, Scopes: g.scopes,
		SessionID: g.session.id, LoggedIn: g.session.loggedIn, Org: g.request.organization,
	}
	if g.request.client.IsPublic() { // those of a confidential client are bound by its secret (RFC 9449 §5)
		f.Thumbprint = g.thumbprint
	}
	if g.request.api != nil {
		f.Audience = g.request.api.Audience
	}
	value, id := t.refresh.Start(f)
	t.spent.Put(code, id)
	t.saveNow()
	return value
}

// RefreshToken implements op.Server: find the family, check it against the current
// configuration, use the token.
func (p *protocol) RefreshToken(ctx context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	t := p.tenant
	defer t.saveNow()
	value, clientID := r.Data.RefreshToken, r.Client.GetID()
	f, err := t.refresh.Find(value, clientID)
	if err != nil {
		return nil, t.rejectRefresh(ctx, clientID, nil, err.Error())
	}
	d := t.directory.Load()
	audience := cmp.Or(r.Form.Get("audience"), f.Audience)
	user, client, api := d.UserByID(f.User), d.Client(f.Client), d.API(audience)
	switch {
	case user == nil || user.Blocked:
		return nil, t.rejectRefresh(ctx, clientID, user, "its user is blocked or no longer exists")
	case client == nil || f.Audience != "" && d.API(f.Audience) == nil:
		return nil, t.rejectRefresh(ctx, clientID, user, "its client or its API no longer exists")
	}
	scopes, ok := refreshScopes(f, client, audience)
	if !ok { // never a token of another API instead
		t.events.reject(ctx, Event{Type: EventTokens, User: user.Email, Client: client.ID, Error: "invalid_request", Text: fmt.Sprintf(
			"A refresh token was rejected: it is for the API %q, and a token for %.100q was requested, for which %q has no policy", f.Audience, audience, client.Name)})
		return nil, tokenError("invalid_request", "This refresh token is for the audience "+cmp.Or(f.Audience, "of /userinfo")+", and the client's refresh_token.policies do not name the requested one")
	}
	if r.Form.Has("resource") && r.Form.Get("resource") != audience {
		return nil, t.rejectRefresh(ctx, clientID, user, "its parameter resource is not the audience: name the API with audience")
	}
	thumbprint, err := p.proofOf(ctx, r.Header, client) // before the token is used, because the client may have to send another proof
	if err != nil {
		return nil, err
	}
	if f.Thumbprint != "" && f.Thumbprint != thumbprint {
		return nil, t.rejectRefresh(ctx, clientID, user, "it is bound to a key, and the DPoP proof is missing or by another one")
	}
	isBound, err := p.binds(ctx, client, api, thumbprint != "")
	if err != nil {
		return nil, err
	}
	next, err := t.refresh.Rotate(value, clientID)
	if err != nil {
		return nil, t.rejectRefresh(ctx, clientID, user, err.Error())
	}
	g := &grant{
		request: &authRequest{AuthRequest: &oidc.AuthRequest{}, client: client, api: api, organization: f.Org},
		session: &session{id: f.SessionID, user: user, loggedIn: f.LoggedIn},
		scopes:  directory.Grantable(scopes, user, api),
	}
	if isBound {
		g.thumbprint = thumbprint
	}
	// A client may request fewer scopes than were granted (RFC 6749 §6). More is no
	// error, because the SDK requests what it requested at first.
	if len(r.Data.Scopes) > 0 {
		g.scopes = slices.DeleteFunc(g.scopes, func(name string) bool { return !slices.Contains(r.Data.Scopes, name) })
	}
	return p.tokens(ctx, g, "a refresh token", next)
}

// refreshScopes returns the scopes that a refresh token of f may be exchanged for at the API with
// that audience: those of the login, if it was for this API, and those of the client's policy, as
// at Auth0. ok is false if it may not be exchanged for a token of that API.
func refreshScopes(f refresh.Family, client *directory.Client, audience string) (scopes []string, ok bool) {
	policy, ok := client.RefreshScopes[audience]
	scopes = f.Scopes
	if audience != f.Audience { // the same name may be another API's scope, too
		scopes = directory.Grantable(f.Scopes, nil, nil)
	}
	return append(slices.Clone(scopes), policy...), ok || audience == f.Audience
}

// rejectRefresh returns the error for a refresh token of u, which may be nil. Its description is
// one that the SDK recognizes: it then tries silent authentication.
func (t *Tenant) rejectRefresh(ctx context.Context, clientID string, u *directory.User, why string) error {
	t.events.reject(ctx, Event{Type: EventTokens, User: emailOf(u), Client: clientID, Error: "invalid_grant", Text: "A refresh token was rejected: " + why})
	return invalidGrant("Unknown or invalid refresh token.")
}

// Revocation implements op.Server (RFC 7009). An unknown token is no error.
func (p *protocol) Revocation(ctx context.Context, r *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	u := p.tenant.directory.Load().UserByID(p.tenant.refresh.UserOf(r.Data.Token))
	if p.tenant.refresh.End(r.Data.Token, r.Client.GetID()) {
		p.tenant.events.add(ctx, Event{Type: EventTokens, User: emailOf(u), Client: r.Client.GetID(), Text: "A refresh token was revoked"})
	}
	p.tenant.save()
	return noStore(nil), nil
}
