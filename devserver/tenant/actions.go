package tenant

import (
	"cmp"
	"errors"
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
		err = t.RotateKey()
	case "revoke":
		err = t.RevokeKey(cmp.Or(form.Get("kid"), "none")) // "" would be all of them
	case "end":
		t.sessions.Each(func(_ string, s *session, _ time.Time) {
			if s.id == form.Get("sid") {
				form.Set("user", s.user.Email) // for the event
			}
		})
		t.endThose(func(_, sessionID string) bool { return sessionID == form.Get("sid") })
	case "block", "unblock":
		blocked := action == "block"
		err = t.ChangeUser(UserChange{User: form.Get("user"), Blocked: &blocked})
	case "fail":
		times, errTimes := strconv.Atoi(form.Get("times"))
		status, errStatus := strconv.Atoi(form.Get("status"))
		if errTimes != nil || errStatus != nil {
			err = errors.New("the number of requests and their status must be whole numbers")
		} else {
			err = t.Fail(Failure{Path: form.Get("path"), Times: &times, Status: status})
		}
	case "clock":
		ahead, errAhead := time.ParseDuration(form.Get("ahead"))
		if errAhead != nil {
			err = errors.New("the clock needs a duration, like 2h or -30m")
		} else {
			t.SetClock(ahead)
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
	t.events.add(r.Context(), Event{Type: EventControl, User: t.emailOf(form.Get("user")),
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
