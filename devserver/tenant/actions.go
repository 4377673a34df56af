package tenant

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"calling-an-api.example/devserver/internal/hostcheck"
)

// act is POST /u/act, the dashboard's forms: what the controls do, for people. It leads back to
// the dashboard, except after a token was made, which is shown once.
func (t *Tenant) act(w http.ResponseWriter, r *http.Request) {
	if !hostcheck.FromThisMachine(r) {
		t.showMessage(w, http.StatusForbidden, "Not from here", "Only browsers on the tenant's machine may change the tenant.")
		return
	}
	if err := r.ParseForm(); err != nil {
		t.showMessage(w, http.StatusBadRequest, "The form is invalid", "It is malformed or too large.")
		return
	}
	form := r.PostForm
	var err error
	switch action := form.Get("action"); action {
	case "rotate":
		err = t.keys.rotate()
		t.save()
	case "revoke":
		if form.Get("kid") == "" || !t.keys.revoke(form.Get("kid")) {
			t.showMessage(w, http.StatusBadRequest, "The key stays", "There is no such key, or it signs new tokens: rotate first.")
			return
		}
		t.save()
	case "end":
		t.endSessionByID(form.Get("sid"))
	case "block", "unblock":
		err = t.setBlocked(form.Get("user"), action == "block")
	case "fail":
		times, errTimes := strconv.Atoi(form.Get("times"))
		status, errStatus := strconv.Atoi(form.Get("status"))
		if errTimes != nil || errStatus != nil {
			err = errors.New("the number of requests and their status must be whole numbers")
		} else {
			err = t.controls.addFailure(failureRequest{Path: form.Get("path"), Times: &times, Status: status})
		}
	case "clock":
		ahead, errAhead := time.ParseDuration(form.Get("ahead"))
		if errAhead != nil {
			err = errors.New("the clock needs a duration, like 2h or -30m")
		} else {
			t.controls.setOffset(ahead)
		}
	case "mint":
		t.mintForDashboard(w, form.Get("user"))
		return
	case "reset":
		t.Reset()
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	default:
		t.showMessage(w, http.StatusBadRequest, "The form is invalid", "It has no known action.")
		return
	}
	if err != nil {
		t.showMessage(w, http.StatusBadRequest, "That is not possible", err.Error())
		return
	}
	t.events.add(r.Context(), Event{Type: EventControl, User: form.Get("user"),
		Text: strings.TrimSpace("The dashboard was used: " + form.Get("action") + " " + form.Get("user") + form.Get("path") + form.Get("ahead"))})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// mintForDashboard shows a token of user.
func (t *Tenant) mintForDashboard(w http.ResponseWriter, user string) {
	token, err := t.Mint(MintOptions{User: user})
	if err != nil {
		t.showMessage(w, http.StatusBadRequest, "There is no token", err.Error())
		return
	}
	setPagePolicy(w, "form-action 'none'")
	t.render(w, http.StatusOK, "token.html", map[string]string{"User": user, "Token": token})
}

// endSessionByID ends the session with that claim sid, and its refresh tokens.
func (t *Tenant) endSessionByID(id string) {
	var cookies []string
	t.sessions.Each(func(cookie string, s *session, _ time.Time) {
		if s.id == id {
			cookies = append(cookies, cookie)
		}
	})
	for _, cookie := range cookies {
		t.sessions.Take(cookie)
	}
	t.refresh.EndSession(id)
	t.save()
}

// setBlocked blocks the user with that email address, or lets them log in again, until the next
// reset.
func (t *Tenant) setBlocked(email string, blocked bool) error {
	t.configuring.Lock()
	defer t.configuring.Unlock()
	u := t.directory.Load().UserByEmail(email)
	if u == nil {
		return fmt.Errorf("there is no user with the email address %q", email)
	}
	if t.blocked == nil {
		t.blocked = map[string]bool{}
	}
	t.blocked[u.ID] = blocked
	t.directory.Store(t.directory.Load().WithBlocked(t.blocked))
	return nil
}
