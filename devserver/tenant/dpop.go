package tenant

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"calling-an-api.example/devserver/tenant/internal/expiring"
)

// This file verifies DPoP proofs (RFC 9449 §4.3): those of token requests, which bind tokens
// to a key, and those of /userinfo. The API verifies its own: it must not depend on the
// tenant.

const (
	proofAge    = time.Minute     // how old a proof without a nonce may be
	proofAhead  = 5 * time.Second // how far ahead its clock may be
	nonceWindow = 5 * time.Minute // how long a nonce is handed out; it is accepted for as long again
	maxProof    = 4 << 10         // bytes
)

// proofAlgorithms are the accepted algorithms of proofs.
var proofAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.PS256, jose.RS256}

// proofs verifies proofs. Its methods may be called from any goroutine.
type proofs struct {
	now  func() time.Time
	used *expiring.Map[bool] // by key and jti

	mu     sync.Mutex // protects secret
	secret []byte     // of the nonces
}

func newProofs(now func() time.Time) *proofs {
	p := &proofs{now: now, used: expiring.New[bool](10000, 2*nonceWindow, now)}
	p.renew()
	return p
}

// renew makes all nonces invalid.
func (p *proofs) renew() {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secret = secret
}

// nonce returns the nonce of the window before the given number of windows.
func (p *proofs) nonce(ago int64) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	mac := hmac.New(sha256.New, p.secret)
	_, _ = mac.Write([]byte(strconv.FormatInt(p.now().Unix()/int64(nonceWindow/time.Second)-ago, 10))) // never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// proofError is why a proof was rejected.
type proofError struct {
	code string // invalid_dpop_proof or use_dpop_nonce
	why  string
}

func (e *proofError) Error() string { return e.why }

func badProof(why string) error { return &proofError{"invalid_dpop_proof", why} }

// errNoNonce is the error for a proof without a valid nonce (RFC 9449 §8).
var errNoNonce = &proofError{"use_dpop_nonce", "Authorization server requires nonce in DPoP proof"}

// expectation is what a proof must be for.
type expectation struct {
	method, url string
	token       string // the access token that is sent with it, "" for none
	nonce       bool   // a nonce is required
}

// verify returns the thumbprint (RFC 7638) of the key of the proof in headers, "" if there
// is none. The error is a *proofError.
func (p *proofs) verify(headers []string, want expectation) (thumbprint string, err error) {
	switch {
	case len(headers) == 0:
		return "", nil
	case len(headers) > 1:
		return "", badProof("there is more than one DPoP header")
	case len(headers[0]) > maxProof:
		return "", badProof("the proof is larger than 4 KiB")
	}
	jws, err := jose.ParseSignedCompact(headers[0], proofAlgorithms)
	if err != nil {
		return "", badProof("the proof is not a JWT that is signed with ES256, EdDSA, PS256 or RS256")
	}
	header := jws.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != "dpop+jwt" {
		return "", badProof("the proof's typ is not dpop+jwt")
	}
	key := header.JSONWebKey
	if key == nil || !key.Valid() || !key.IsPublic() || isWeak(key) {
		return "", badProof("the proof's jwk is not a public key that can be used")
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return "", badProof("the proof's signature is invalid")
	}
	digest, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", badProof("the proof's jwk is not a public key that can be used")
	}
	thumbprint = base64.RawURLEncoding.EncodeToString(digest)
	return thumbprint, p.checkClaims(payload, thumbprint, want)
}

// isWeak reports whether key is an RSA key of less than 2048 bits.
func isWeak(key *jose.JSONWebKey) bool {
	public, isRSA := key.Key.(*rsa.PublicKey)
	return isRSA && public.N.BitLen() < 2048
}

// checkClaims checks the claims of a proof, and uses it up.
func (p *proofs) checkClaims(payload []byte, thumbprint string, want expectation) error {
	var claims struct {
		ID       string   `json:"jti"`
		Method   string   `json:"htm"`
		URL      string   `json:"htu"`
		IssuedAt *float64 `json:"iat"`
		Nonce    string   `json:"nonce"`
		Token    string   `json:"ath"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.ID == "" || len(claims.ID) > 256 || claims.IssuedAt == nil {
		return badProof("the proof lacks jti or iat, or a claim is of the wrong type")
	}
	if claims.Method != want.method {
		return badProof("the proof's htm is not " + want.method)
	}
	if u, err := url.Parse(claims.URL); err != nil || !sameURL(u, want.url) {
		return badProof("the proof's htu is not " + want.url)
	}
	if want.token != "" && claims.Token != digest(want.token) {
		return badProof("the proof's ath is not the digest of the access token")
	}
	switch age := p.now().Sub(time.UnixMilli(int64(*claims.IssuedAt * 1000))); {
	case claims.Nonce != "":
		if !slices.Contains([]string{p.nonce(0), p.nonce(1)}, claims.Nonce) {
			return errNoNonce
		}
	case want.nonce:
		return errNoNonce
	case age > proofAge || age < -proofAhead:
		return badProof("the proof's iat is too old, or in the future")
	}
	isNew := false
	p.used.Update(thumbprint+claims.ID, func(used bool) bool { isNew = !used; return true })
	if !isNew {
		return badProof("the proof was used before")
	}
	return nil
}

// sameURL reports whether u, without its query and fragment, is the URL want, which is in
// lower case up to its path.
func sameURL(u *url.URL, want string) bool {
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return u.User == nil && u.Scheme+"://"+host+u.EscapedPath() == want
}

// announceNonce sets the header DPoP-Nonce for clients that send proofs (RFC 9449 §8.2).
func (t *Tenant) announceNonce(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["Dpop"]) > 0 {
			w.Header().Set("DPoP-Nonce", t.proofs.nonce(0))
		}
		next.ServeHTTP(w, r)
	})
}

// requireProof verifies the proof of a request for /userinfo whose access token is bound to
// a key (RFC 9449 §7). Such a token is no bearer token.
func (t *Tenant) requireProof(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		claims, ok := t.openAccessToken(token)
		isBound := ok && claims.Confirmation != nil
		isDPoP := strings.EqualFold(scheme, "DPoP")
		if !isBound && !isDPoP {
			next.ServeHTTP(w, r)
			return
		}
		err := t.checkBinding(r, token, isDPoP, claims.Confirmation)
		if err == nil {
			r.Header.Set("Authorization", "Bearer "+token) // op knows no other scheme
			next.ServeHTTP(w, r)
			return
		}
		code := "invalid_token"
		if problem, ok := errors.AsType[*proofError](err); ok {
			code = problem.code
		}
		t.events.reject(r.Context(), Event{Type: EventUserinfo, Error: code, Text: fmt.Sprintf("A request for /userinfo was rejected: %s", err)})
		w.Header().Set("DPoP-Nonce", t.proofs.nonce(0))
		w.Header().Set("WWW-Authenticate", `DPoP error="`+code+`", algs="ES256 EdDSA PS256 RS256"`)
		writeError(w, http.StatusUnauthorized, code, err.Error())
	})
}

// checkBinding checks that the sender of a bound token holds its key.
func (t *Tenant) checkBinding(r *http.Request, token string, isDPoP bool, bound *confirmation) error {
	switch {
	case !isDPoP:
		return errors.New("its access token is bound to a key, and was sent as a bearer token")
	case bound == nil:
		return errors.New("its access token is invalid, or not bound to a key")
	}
	thumbprint, err := t.proofs.verify(r.Header["Dpop"], expectation{
		method: r.Method, url: strings.TrimSuffix(t.opts.Issuer, "/") + "/userinfo", token: token,
	})
	switch {
	case err != nil:
		return err
	case thumbprint == "":
		return badProof("there is no DPoP proof")
	case thumbprint != bound.Thumbprint:
		return errors.New("the proof is by another key than the access token's")
	}
	return nil
}
