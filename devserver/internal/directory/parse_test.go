package directory

import (
	"errors"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/source"
)

var variables = Variables{Page: "http://localhost:4200", Tenant: "http://localhost:4400", ClientID: "spa", Audience: "http://localhost:3001"}

func TestDefault(t *testing.T) {
	t.Parallel()
	d, err := Parse("default.jsonc", Default, variables, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Users) < 2 {
		t.Errorf("%d users, want at least 2", len(d.Users))
	}
	if d.Client("spa") == nil {
		t.Error("the client of $CLIENT_ID is missing")
	}
	if d.API("http://localhost:3001") == nil {
		t.Error("the API of $AUDIENCE is missing")
	}
}

// FuzzParse requires that every file is either accepted with what a tenant needs, or
// rejected with a position.
func FuzzParse(f *testing.F) {
	f.Add(Default)
	f.Add([]byte(`{"users": [{"user_id": "a", "email": "a@b.c", "password": "x", "claims": {"https://e/f": [1, null]}}]}`))
	f.Add([]byte(`{"clients": [{"client_id": "a", "callbacks": ["$PAGE/x"], "grant_types": ["authorization_code"]}], "apis": []}`))
	f.Add([]byte(`{"apis": [{"audience": "a", "scopes": {"s": ""}, "token_lifetime": -1,}]} // comment`))
	f.Add([]byte("\ufeff[\"\\ud800\"]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse("f", data, variables, time.Unix(0, 0))
		var problem source.Problem
		switch {
		case err != nil && !errors.As(err, &problem):
			t.Fatalf("the error is %v, want a source.Problem", err)
		case err != nil && (problem.Line < 1 || problem.Column < 1 || problem.Message == ""):
			t.Fatalf("a problem without a position or a message: %+v", problem)
		case err != nil && problem.Excerpt != "":
			t.Fatalf("the problem quotes a line of a file that may contain passwords: %q", problem.Excerpt)
		case err == nil && len(d.clients) == 0:
			t.Fatal("accepted a file without clients")
		}
		if err != nil {
			return
		}
		for _, user := range d.Users {
			if user.ID == "" || user.Email == "" {
				t.Fatalf("accepted the user %+v", user)
			}
		}
		for audience, api := range d.apis {
			if audience == "" || api.Lifetime <= 0 {
				t.Fatalf("accepted the API %+v", api)
			}
		}
	})
}
