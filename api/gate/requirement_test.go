package gate_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"calling-an-api.example/api/gate"
	"calling-an-api.example/api/gate/gatetest"
)

func TestRequirements(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	token, err := newGate(t, iss).Verifier.Verify(t.Context(), iss.Mint(gatetest.Claims{
		"scope": "read:messages openid", "permissions": []string{"write:messages"}, "org_id": "acme", "email_verified": true,
		"Org_Name": "Acme", "roles": []any{"admin", 7, nil, []string{"nested"}}, "realm_access": map[string]any{"roles": []string{"editor"}},
		"number": 1, "nothing": nil,
	}))
	if err != nil {
		t.Fatal(err)
	}
	own := errors.New("not today")
	for name, tc := range map[string]struct {
		requirement gate.Requirement
		reason      string // of the rejection, "" for none
		scope       string // in the challenge
	}{
		"all of one":               {gate.AllOf("openid"), "", ""},
		"all of two claims":        {gate.AllOf("read:messages", "write:messages"), "", ""},
		"all of none":              {gate.AllOf(), "", ""},
		"all, one missing":         {gate.AllOf("openid", "delete:messages"), "scope", "openid delete:messages"},
		"any, the second":          {gate.AnyOf("delete:messages", "write:messages"), "", ""},
		"any, none granted":        {gate.AnyOf("delete:messages", "admin"), "scope", "delete:messages"},
		"any of none":              {gate.AnyOf(), "scope", ""},
		"a claim":                  {gate.Claim("acme", "org_id"), "", ""},
		"a claim, another value":   {gate.Claim("Acme", "org_id"), "claim", ""},
		"a claim, another case":    {gate.Claim("Acme", "org_name"), "claim", ""},
		"a claim, a part of it":    {gate.Claim("ac", "org_id"), "claim", ""},
		"a claim that is missing":  {gate.Claim("", "org"), "claim", ""},
		"a claim that is null":     {gate.Claim("", "nothing"), "claim", ""},
		"true":                     {gate.Claim(true, "email_verified"), "", ""},
		"false":                    {gate.Claim(false, "email_verified"), "claim", ""},
		"true as text":             {gate.Claim("true", "email_verified"), "claim", ""},
		"a number as text":         {gate.Claim("1", "number"), "claim", ""},
		"an element of a list":     {gate.Claim("admin", "roles"), "", ""},
		"an element of its list":   {gate.Claim("nested", "roles"), "claim", ""},
		"a path":                   {gate.Claim("editor", "realm_access", "roles"), "", ""},
		"a path, another value":    {gate.Claim("admin", "realm_access", "roles"), "claim", ""},
		"a path through text":      {gate.Claim("acme", "org_id", "x"), "claim", ""},
		"a path through nothing":   {gate.Claim("acme", "x", "y"), "claim", ""},
		"no path":                  {gate.Claim("acme"), "claim", ""},
		"an object is not a value": {gate.Claim("roles", "realm_access"), "claim", ""},
	} {
		err := token.Require(tc.requirement)
		var p *gate.Problem
		switch {
		case tc.reason == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.reason != "" && (!errors.As(err, &p) || p.Status != 403 || p.Reason != tc.reason || p.Scope != tc.scope):
			t.Errorf("%s: got %+v, want %s and the scope %q", name, p, tc.reason, tc.scope)
		}
		if tc.reason != "" && (gate.Token{}).Require(tc.requirement) == nil {
			t.Errorf("%s: the zero Token meets it", name)
		}
	}
	if err := token.Require(gate.AllOf("openid"), func(gate.Token) error { return own }); !errors.Is(err, own) {
		t.Errorf("a requirement of one's own: %v", err)
	}
}

// TestOwnRequirements has requirements that leave out what has a default, or fail.
func TestOwnRequirements(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	g := newGate(t, iss)
	for name, tc := range map[string]struct {
		err    error
		status int
		body   string
	}{
		"only a description": {&gate.Problem{Description: "Not on Sundays"}, 403, `{"error":"insufficient_scope","error_description":"Not on Sundays","reason":"claim"}`},
		"all of it":          {&gate.Problem{Status: 401, Code: "x", Reason: "y", Description: "z"}, 401, `{"error":"x","error_description":"z","reason":"y"}`},
		"nil inside":         {(*gate.Problem)(nil), 503, `temporarily_unavailable`},
		"another error":      {errors.New("secret"), 503, `temporarily_unavailable`},
	} {
		h := g.Require(func(gate.Token) error { return tc.err })(http.NotFoundHandler())
		got := send(h, iss.Mint(nil))
		if got.Code != tc.status || !strings.Contains(got.Body.String(), tc.body) || strings.Contains(got.Body.String(), "secret") {
			t.Errorf("%s: got %d %s", name, got.Code, got.Body)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+iss.Mint(nil))
		_, err := g.Check(r, func(gate.Token) error { return tc.err })
		var p *gate.Problem
		if !errors.As(err, &p) || p.Issuer != iss.URL && tc.status != 503 {
			t.Errorf("%s: Check returns %+v", name, err)
			continue
		}
		header := http.Header{} // for a response of one's own
		g.SetHeaders(header, p)
		if (header.Get("WWW-Authenticate") == "") != (tc.status == 503) || (header.Get("Retry-After") == "") != (tc.status != 503) {
			t.Errorf("%s: the headers are %v", name, header)
		}
	}
}
