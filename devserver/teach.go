package main

import (
	"fmt"
	"net/http"
	"strings"

	"calling-an-api.example/devserver/internal/inspect"
	"calling-an-api.example/devserver/tenant"
)

// recordTenant records the requests of logins at local, with the events that belong to them; not
// those of the dashboard, of tests, and for files.
func recordTenant(recorder *inspect.Recorder, local *tenant.Tenant) http.Handler {
	if recorder == nil {
		return local
	}
	recorded := recorder.Record(inspect.Tenant, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := inspect.FromContext(r.Context())
		local.ServeHTTP(w, r.WithContext(tenant.WithObserver(r.Context(), func(e tenant.Event) {
			x.AddEvent(inspect.Event{Text: e.Text, Rejected: e.Rejected})
		})))
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		switch {
		case path == "/", path == "/favicon.ico", path == "/u/style.css", path == "/u/changes", path == "/u/act",
			strings.HasPrefix(path, "/avatars/"), strings.HasPrefix(path, "/_tenant/"), r.Method == http.MethodOptions:
			local.ServeHTTP(w, r)
		default:
			recorded.ServeHTTP(w, r)
		}
	})
}

// makeToken returns a function that makes an access token for a user of local.
func makeToken(local *tenant.Tenant) func(subject, scope string) (string, error) {
	return func(subject, scope string) (string, error) {
		if subject == tenant.MachineClientID+"@clients" {
			return local.Mint(tenant.MintOptions{Scope: scope})
		}
		email, err := emailOf(local, subject)
		if err != nil {
			return "", err
		}
		return local.Mint(tenant.MintOptions{User: email, Scope: scope})
	}
}

// makeBadToken returns a function that makes an access token with a defect.
func makeBadToken(local *tenant.Tenant) func(subject, defect string) (string, error) {
	return func(subject, defect string) (string, error) {
		email, err := emailOf(local, subject)
		if err != nil {
			return "", err
		}
		options := tenant.MintOptions{User: email}
		switch defect {
		case "audience":
			options.Audience = "https://another-api.example"
		case "expired":
			options.Expired = true
		case "key":
			options.Bad = "key"
		default:
			return "", fmt.Errorf("the defect is audience, expired or key, not %.50q", defect)
		}
		return local.Mint(options)
	}
}

// emailOf returns the email address of the user with the ID subject.
func emailOf(local *tenant.Tenant, subject string) (string, error) {
	for _, u := range local.Users() {
		if u.ID == subject {
			return u.Email, nil
		}
	}
	return "", fmt.Errorf("the local tenant has no user %.100q", subject)
}
