package tenant

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// controls are for tests, under /_tenant/: what a real tenant goes through in a
// year, at once. Like all of the tenant they are on loopback, and no page of
// another origin can reach them.
type controls struct {
	mu      sync.Mutex
	ahead   time.Duration       // of the real time
	failing map[string]*failure // by path
}

// maxFailing bounds the paths whose requests are to fail.
const maxFailing = 100

// failure is how the next requests of a path are answered.
type failure struct{ times, status int }

// controlRoutes adds the controls to mux. All take JSON objects and answer JSON.
func (t *Tenant) controlRoutes(mux *http.ServeMux) {
	control := func(pattern string, act func(ask controlRequest) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			var ask controlRequest
			decoder := json.NewDecoder(r.Body)
			decoder.DisallowUnknownFields()
			if r.ContentLength != 0 {
				if err := decoder.Decode(&ask); err != nil {
					http.Error(w, "The body must be a JSON object of what this control takes: "+err.Error(), http.StatusBadRequest)
					return
				}
			}
			answer, err := act(ask)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			_ = json.NewEncoder(w).Encode(answer) // fails only if the client is gone
		})
	}
	done := map[string]bool{"done": true}
	control("POST /_tenant/keys/rotate", func(controlRequest) (any, error) {
		err := t.keys.rotate()
		t.save()
		return done, err
	})
	control("POST /_tenant/keys/revoke", func(ask controlRequest) (any, error) {
		if !t.keys.revoke(ask.KeyID) {
			return nil, fmt.Errorf("there is no such key, or it is the one that signs: rotate first")
		}
		t.save()
		return done, nil
	})
	control("POST /_tenant/sessions/expire", func(controlRequest) (any, error) {
		t.sessions.clear()
		t.refresh.byID.clear()
		t.save()
		return done, nil
	})
	control("POST /_tenant/clock", func(ask controlRequest) (any, error) {
		ahead, err := time.ParseDuration(ask.Ahead)
		if err != nil {
			return nil, fmt.Errorf(`"ahead" must be a duration, like "2h"`)
		}
		t.controls.mu.Lock()
		t.controls.ahead = ahead
		t.controls.mu.Unlock()
		return map[string]string{"now": t.opts.Now().UTC().Format(time.RFC3339)}, nil
	})
	control("POST /_tenant/fail", func(ask controlRequest) (any, error) {
		if !strings.HasPrefix(ask.Path, "/") || ask.Times < 0 || ask.Status != 0 && (ask.Status < 400 || ask.Status > 599) {
			return nil, fmt.Errorf(`"path" must begin with /, "times" be a number, and "status" one from 400 to 599`)
		}
		f := &failure{ask.Times, ask.Status}
		if f.status == 0 {
			f.status = http.StatusServiceUnavailable
		}
		t.controls.mu.Lock()
		defer t.controls.mu.Unlock()
		if len(t.controls.failing) >= maxFailing {
			clear(t.controls.failing) // a test of long ago asked for those
		}
		t.controls.failing[ask.Path] = f
		return done, nil
	})
	control("POST /_tenant/token", func(ask controlRequest) (any, error) {
		token, err := t.mint(ask)
		return map[string]string{"access_token": token}, err
	})
}

// controlRequest is what the controls take, each its part.
type controlRequest struct {
	KeyID string `json:"kid"` // keys/revoke: the key; without, all that no longer sign

	Ahead string `json:"ahead"` // clock: of the real time

	Path   string `json:"path"` // fail: of the requests
	Times  int    `json:"times"`
	Status int    `json:"status"` // 503 without

	User     string         `json:"user"`     // token: email address; without, the machine client
	Audience string         `json:"audience"` // without, the API's
	Scope    string         `json:"scope"`    // without, all that the user may
	Expired  bool           `json:"expired"`  // an hour ago
	Claims   map[string]any `json:"claims"`   // in place of the usual ones; null leaves one out
	Bad      string         `json:"bad"`      // signature, key or none (the algorithm)
}

// now is the tenant's time.
func (c *controls) now(actual func() time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return actual().Add(c.ahead)
}

// failed answers r if requests of its path are to fail.
func (c *controls) failed(w http.ResponseWriter, r *http.Request) bool {
	c.mu.Lock()
	f := c.failing[r.URL.Path]
	fails := f != nil && f.times > 0
	if fails {
		f.times--
	}
	c.mu.Unlock()
	if fails {
		http.Error(w, "A test asked for this failure.", f.status)
	}
	return fails
}

// mint returns an access token as ask describes it.
func (t *Tenant) mint(ask controlRequest) (string, error) {
	now := t.opts.Now()
	if ask.Expired {
		now = now.Add(-25 * time.Hour)
	}
	if ask.Audience == "" {
		ask.Audience = t.opts.Audience
	}
	lifetime := 2 * time.Hour
	a := t.api(ask.Audience)
	if a != nil {
		lifetime = min(a.lifetime, 24*time.Hour)
	}
	claims := map[string]any{
		"iss": t.opts.Issuer, "sub": MachineClientID + "@clients", "aud": []string{ask.Audience}, "azp": MachineClientID,
		"iat": now.Unix(), "exp": now.Add(lifetime).Unix(), "scope": ask.Scope,
	}
	if ask.User != "" {
		u := t.userByEmail(ask.User)
		if u == nil {
			return "", fmt.Errorf("there is no user with the email address %q", ask.User)
		}
		claims["sub"], claims["azp"], claims["permissions"] = u.id, t.opts.ClientID, u.permissions
		if ask.Scope == "" {
			claims["scope"] = strings.Join(append([]string{"openid", "profile", "email"}, u.permissions...), " ")
		}
		maps.Copy(claims, u.claims)
	}
	maps.Copy(claims, ask.Claims)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	switch ask.Bad {
	case "":
		return t.keys.sign(claims)
	case "signature":
		token, err := t.keys.sign(claims)
		at := strings.LastIndexByte(token, '.') + 10
		return token[:at] + string(map[bool]byte{true: 'B', false: 'A'}[token[at] == 'A']) + token[at+1:], err
	case "key":
		return t.signForeign(claims)
	case "none":
		payload, err := json.Marshal(claims)
		encode := base64.RawURLEncoding.EncodeToString
		return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(payload) + ".", err
	}
	return "", fmt.Errorf(`"bad" must be signature, key or none, not %q`, ask.Bad)
}

// signForeign signs claims by a key that nobody knows, under the name of ours.
func (t *Tenant) signForeign(claims any) (string, error) {
	keys, err := t.keys.list()
	if err != nil {
		return "", err
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: private, KeyID: keys[0].id}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}
