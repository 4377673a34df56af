package gate

import (
	"cmp"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"calling-an-api.example/api/gate/internal/jws"
)

// Token is a verified access token. Pass it by value. The zero Token grants nothing,
// and its methods return zero values.
type Token struct {
	raw    string // as it was sent; not kept by the cache
	issuer string // its URL in the Policy
	cached bool
	nonce  string
	facts
}

// facts are what the cache keeps of a verified token: one string and where its
// parts end, so that ten thousand entries cost the garbage collector little.
type facts struct {
	text    string    // thumbprint, key ID, subject, client, scopes, permissions, each directly after the one before
	ends    [5]uint16 // of all parts but the last; a token has at most 8 KiB
	expires int64     // claim exp, in seconds since 1970
}

// newFacts returns what is kept of a token with the claims c that the key with the ID kid has
// signed. client_id has precedence over azp.
func newFacts(c *claims, kid string) facts {
	f := facts{expires: c.expires.Unix()}
	client := cmp.Or(c.client, c.authorizedParty)
	scopes, permissions := strings.Join(c.scopes, " "), strings.Join(c.permissions, " ")
	f.text = c.thumbprint + kid + c.subject + client + scopes + permissions
	end := 0
	for i, part := range []string{c.thumbprint, kid, c.subject, client, scopes} {
		end += len(part)
		f.ends[i] = uint16(end) //nolint:gosec // a part of a text of at most 8 KiB
	}
	return f
}

// String returns no part of the token, so that none gets into a log by mistake.
func (t Token) String() string { return "gate.Token" }

// GoString is like String.
func (t Token) GoString() string { return t.String() }

// LogValue implements slog.LogValuer like String.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// Subject is the claim sub: the user, or the client in a machine-to-machine token.
func (t Token) Subject() string { return t.text[t.ends[1]:t.ends[2]] }

// Client is the application that the token was issued to: the claim client_id
// (RFC 9068 §2.2) or, without it, azp (Auth0, Keycloak), cid (Okta) or appid (Entra ID);
// "" if the token has none of them.
func (t Token) Client() string { return t.text[t.ends[2]:t.ends[3]] }

// Issuer is the issuer of the token: the URL of its [Issuer] in the [Policy], which may
// differ from the claim iss by a trailing slash and the host's case and default port if [Keys]
// is a [Discoverer].
func (t Token) Issuer() string { return t.issuer }

// KeyID is the ID of the key that verified the token.
func (t Token) KeyID() string { return t.text[t.ends[0]:t.ends[1]] }

// Thumbprint identifies the key that the token is bound to, its claim cnf.jkt (RFC 9449
// §6.1); "" for a bearer token.
func (t Token) Thumbprint() string { return t.text[:t.ends[0]] }

// Nonce is the value of the header DPoP-Nonce for the response, "" for none. Handlers of a
// [Gate] send it; after [Gate.Check], it is up to the caller.
func (t Token) Nonce() string { return t.nonce }

// Scopes returns the scopes of the claims scope (RFC 9068 §2.2.3) and scp: the words of a
// string or the elements of a list. It is empty if both are missing or of another type.
func (t Token) Scopes() []string { return strings.Fields(t.text[t.ends[3]:t.ends[4]]) }

// Permissions returns the claim permissions, in which Auth0 lists what a user's roles
// allow. Elements with white space are ignored. It is empty if the claim is missing or
// not an array of strings.
func (t Token) Permissions() []string { return strings.Fields(t.text[t.ends[4]:]) }

// Expires is the claim exp, without the leeway of the [Policy].
func (t Token) Expires() time.Time { return time.Unix(t.expires, 0) }

// Cached reports whether the token was found in the [Verifier]'s cache.
func (t Token) Cached() bool { return t.cached }

// Has reports whether the token grants scope, as one of [Token.Scopes] or of
// [Token.Permissions].
func (t Token) Has(scope string) bool {
	for _, granted := range [...]string{t.text[t.ends[3]:t.ends[4]], t.text[t.ends[4]:]} {
		for word := range strings.FieldsSeq(granted) {
			if word == scope {
				return true
			}
		}
	}
	return false
}

// Claims decodes all claims into v. Like [json.Unmarshal], it ignores the case of names
// for structs: a claim "SUB" also sets a field with the tag "sub". Use the other methods
// for what they return, or decode into a map to compare names exactly. It returns an
// error for the zero Token, and if the claims do not fit v.
func (t Token) Claims(v any) error {
	data, err := t.payload()
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// payload returns the claims as JSON.
func (t Token) payload() ([]byte, error) {
	_, rest, _ := strings.Cut(t.raw, ".")
	payload, _, ok := strings.Cut(rest, ".")
	if !ok {
		return nil, errors.New("gate: the zero Token has no claims")
	}
	return jws.Encoding.DecodeString(payload)
}
