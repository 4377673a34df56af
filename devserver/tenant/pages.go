package tenant

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed pages
var files embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"clock":    func(at time.Time) string { return at.Local().Format("15:04:05") },
	"day":      func(at time.Time) string { return at.Local().Format("Jan 2, 15:04") },
	"join":     strings.Join,
	"duration": inWords,
}).ParseFS(files, "pages/*.html"))

// inWords returns d, whole seconds, in the largest unit that divides it: "2 hours".
func inWords(d time.Duration) string {
	count, unit := int64(d/time.Second), "second"
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		count, unit = int64(d/time.Hour), "hour"
	case d >= time.Minute && d%time.Minute == 0:
		count, unit = int64(d/time.Minute), "minute"
	}
	if count != 1 {
		unit += "s"
	}
	return strconv.FormatInt(count, 10) + " " + unit
}

// render answers with a page. Other headers, such as the Content-Security-Policy, must be
// set before.
func (t *Tenant) render(w http.ResponseWriter, status int, name string, data any) {
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, data); err != nil {
		t.opts.Log.Error("render a page", "page", name, "err", err)
		http.Error(w, "The tenant failed to render this page; its log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // fails only if the browser is gone
}

// renderForm renders a page with a form that leads back to an app. Its policy has no form-action,
// because Chromium applies that to all redirects that follow: an app's callback may redirect to
// any origin.
func (t *Tenant) renderForm(w http.ResponseWriter, status int, name string, data any) {
	setPagePolicy(w)
	t.render(w, status, name, data)
}

// setPagePolicy sets the policy of pages for users, and more directives: no scripts, and no frames
// around them (clickjacking).
func setPagePolicy(w http.ResponseWriter, more ...string) {
	w.Header().Set("Content-Security-Policy", strings.Join(append(
		[]string{"default-src 'none'", "style-src 'self'", "img-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"}, more...), "; "))
	w.Header().Set("X-Frame-Options", "DENY")
}

// showMessage answers with a page that has a title and a text.
func (t *Tenant) showMessage(w http.ResponseWriter, status int, title, text string) {
	t.showPage(w, status, message{Title: title, Text: text})
}

// showPage answers with the page of m.
func (t *Tenant) showPage(w http.ResponseWriter, status int, m message) {
	setPagePolicy(w, "form-action 'none'")
	t.render(w, status, "text.html", map[string]any{"Message": m, "App": t.opts.AppOrigin})
}

// serveNoIcon answers 204, because browsers log a 404 for the icon.
func serveNoIcon(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func serveStyle(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, "pages/style.css")
}

// serveAvatar draws a user's picture from the initials in the file name, so that profiles
// have one offline.
func serveAvatar(w http.ResponseWriter, r *http.Request) {
	initials, ok := strings.CutSuffix(r.PathValue("initials"), ".svg")
	if !ok || len(initials) != 2 || strings.Trim(initials, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		writeError(w, http.StatusNotFound, "not_supported", notSupported("GET "+r.URL.Path))
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "max-age=3600")
	_, _ = w.Write([]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img">` + //nolint:gosec // two capital letters, checked above
		`<rect width="64" height="64" fill="#3d5a98"/><text x="32" y="41" fill="#fff" font-family="sans-serif" ` +
		`font-size="26" text-anchor="middle">` + initials + `</text></svg>`))
}
