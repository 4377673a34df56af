// Package console shows in the terminal what goes wrong on open pages: uncaught errors,
// errors on the browser's console, and what the Content-Security-Policy blocks, with the
// place in the source.
package console

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"calling-an-api.example/devserver/internal/source"
)

// Paths that a Console serves.
const (
	ScriptPath = "/@dev/console.js"
	Path       = "/@dev/console"
)

// Limits of what pages can make the terminal show.
const (
	maxBody    = 32 << 10         // bytes of a message
	maxSeen    = 1000             // messages that are remembered as shown
	maxPerSpan = 20               // messages in each span
	span       = 10 * time.Second // see maxPerSpan
	maxFrames  = 4                // of a stack that are shown
	maxScanned = 12               // of a stack that are looked up, for one of the project
)

//go:embed console.js
var script []byte

// Locate returns the place in the sources of a place in the script at a URL path. ok is
// false if it is not known.
type Locate func(ctx context.Context, urlPath string, line, column int) (place Place, ok bool)

// Place is a place in a source.
type Place struct {
	source.Position
	Text    string // content of the file, "" if it is not known
	Package bool   // it is in node_modules
}

// Console is an http.Handler. Its methods may be called from any goroutine.
type Console struct {
	all     bool
	locate  Locate
	version func() string
	log     *slog.Logger

	mu    sync.Mutex // protects the fields below
	of    string     // version of the page that seen is of
	seen  map[string]bool
	begin time.Time // of the current span
	count int       // messages in it
}

// New returns a Console that shows errors, or everything on the browser's console if all
// is set, each once for each version of the page. locate may be nil.
func New(all bool, locate Locate, version func() string, log *slog.Logger) *Console {
	if locate == nil {
		locate = func(context.Context, string, int, int) (Place, bool) { return Place{}, false }
	}
	return &Console{all: all, locate: locate, version: version, log: log, seen: map[string]bool{}}
}

// Script returns the script element for index.html. It must come before all others.
func (c *Console) Script() string {
	show := "errors"
	if c.all {
		show = "all"
	}
	return fmt.Sprintf(`<script src="%s"></script>`, html.EscapeString(ScriptPath+"?show="+show))
}

// message is what a page sends.
type message struct{ Level, Text, Stack string }

// ServeHTTP implements http.Handler for the paths of this package.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == ScriptPath && r.Method == http.MethodGet:
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(script) // fails only if the browser is gone
	case r.URL.Path == Path && r.Method == http.MethodPost:
		c.receive(w, r)
	default:
		http.NotFound(w, r)
	}
}

// receive shows a message.
func (c *Console) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var m message
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	if err != nil {
		http.Error(w, "This is not a message of the page.", http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
	c.show(r.Context(), m)
}

// admit counts m in the current span, and reports whether it is new for this version of
// the page.
func (c *Console) admit(m message) (count int, isNew bool) {
	version, key := c.version(), m.Level+m.Text+m.Stack
	c.mu.Lock()
	defer c.mu.Unlock()
	if version != c.of || len(c.seen) >= maxSeen {
		c.of = version
		clear(c.seen)
	}
	if c.seen[key] {
		return 0, false
	}
	c.seen[key] = true
	if time.Since(c.begin) > span {
		c.begin, c.count = time.Now(), 0
	}
	c.count++
	return c.count, true
}

// show logs m, unless it was logged before or there are too many.
func (c *Console) show(ctx context.Context, m message) {
	count, isNew := c.admit(m)
	switch {
	case !isNew, count > maxPerSpan+1:
		return
	case count > maxPerSpan:
		m = message{Level: "warn", Text: "it says more than is shown here; the browser's console has all of it"}
	}
	text := c.describe(ctx, m)
	switch m.Level {
	case "error":
		c.log.Error("on the page\n" + text)
	case "warn":
		c.log.Warn("on the page\n" + text)
	default:
		c.log.Info("on the page\n" + text)
	}
}

// frame is a place in a stack, as Chromium, Firefox and WebKit write it.
var frame = regexp.MustCompile(`(?:https?://[^\s/()@]+)?(/[^\s():?#]*)(?:\?[^\s():]*)?:(\d+):(\d+)`)

// describe returns m with the places in the sources, without tokens.
func (c *Console) describe(ctx context.Context, m message) string {
	text := clean(m.Text)
	var places []Place
	for _, match := range frame.FindAllStringSubmatch(m.Stack, maxScanned) {
		line, lineErr := strconv.Atoi(match[2])
		column, columnErr := strconv.Atoi(match[3])
		if lineErr != nil || columnErr != nil || strings.HasPrefix(match[1], "/@dev/") {
			continue
		}
		if place, ok := c.locate(ctx, match[1], line, column); ok {
			places = append(places, place)
		}
		if own := slices.IndexFunc(places, func(p Place) bool { return !p.Package }); len(places) >= maxFrames && own >= 0 {
			break
		}
	}
	// The first place in the project says most.
	first := 0
	for first < len(places) && places[first].Package {
		first++
	}
	if first == len(places) {
		if len(places) == 0 {
			return text
		}
		first = 0
	}
	p := places[first]
	text = source.NewAt(p.File, p.Text, p.Line, p.Column, text).Error()
	for i, p := range places[:min(len(places), maxFrames)] {
		if i != first {
			text += "\n  at " + p.String()
		}
	}
	return text
}

// secrets are what never appears in a log: tokens, codes and passwords, and anything as
// long and as random as they are.
var secrets = []*regexp.Regexp{
	regexp.MustCompile(`(?i)\b((?:access|id|refresh)_?token|id_token_hint|code_?verifier|password|client_?secret|assertion)(["']?\s*[=:]\s*["']?)[^&\s"',}]+`),
	regexp.MustCompile(`(?i)\b(code|state|nonce)(=|["']\s*:\s*["'])[^&\s"',}]+`),
	regexp.MustCompile(`(?i)\b(bearer|dpop|basic)(\s+)[A-Za-z0-9+/_~.=-]{8,}`),
	regexp.MustCompile(`\b(eyJ)()[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*`),
	regexp.MustCompile(`()()[A-Za-z0-9_-]{40,}`),
}

// clean removes secrets and control characters, except line breaks and tabs.
func clean(text string) string {
	for _, secret := range secrets {
		text = secret.ReplaceAllString(text, "${1}${2}<removed>")
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
}
