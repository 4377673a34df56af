package inspect

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// TokenSent is what is kept of an access token: what anybody who has it can read, and not the
// signature, without which it is worth nothing.
type TokenSent struct {
	Scheme string          `json:"scheme"`
	Header json.RawMessage `json:"header,omitempty"` // of a JWT
	Claims json.RawMessage `json:"claims,omitempty"`
}

// accessToken returns the access token of a request with its scheme, "" if it has none.
func accessToken(header http.Header) (scheme, token string) {
	scheme, token, _ = strings.Cut(header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return "Bearer", strings.TrimSpace(token)
	case strings.EqualFold(scheme, "DPoP"):
		return "DPoP", strings.TrimSpace(token)
	}
	return "", ""
}

// tokenSent returns what is kept of a request's access token, nil if it has none.
func tokenSent(header http.Header) *TokenSent {
	scheme, token := accessToken(header)
	if token == "" {
		return nil
	}
	sent := &TokenSent{Scheme: scheme}
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > maxBody {
		return sent
	}
	head, headErr := base64.RawURLEncoding.DecodeString(parts[0])
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	maskedHead, maskedClaims := []byte(MaskJSON(string(head))), []byte(MaskJSON(string(claims)))
	if headErr == nil && err == nil && json.Valid(maskedHead) && json.Valid(maskedClaims) {
		sent.Header, sent.Claims = maskedHead, maskedClaims
	}
	return sent
}
