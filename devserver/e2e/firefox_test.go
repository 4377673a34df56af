package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"calling-an-api.example/devserver/internal/outputtest"
)

// firefox is the one Firefox of all tests, driven by WebDriver BiDi
// (https://w3c.github.io/webdriver-bidi/), which it speaks without a driver.
type firefox struct {
	conn *websocket.Conn
	mu   sync.Mutex // protects the fields below
	next int
	// answers has a channel for each command that is not answered yet.
	answers map[int]chan bidiMessage
	// watched is told of the console's messages of each of its tabs.
	watched map[string]func(text string)
}

// bidiMessage is an answer or an event.
type bidiMessage struct {
	ID      int             `json:"id"`
	Type    string          `json:"type"` // success, error or event
	Method  string          `json:"method"`
	Result  json.RawMessage `json:"result"`
	Params  json.RawMessage `json:"params"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
}

// theFirefox starts Firefox when the first test needs it. TestMain ends it.
var theFirefox = sync.OnceValues(startFirefox)

// stopFirefox ends Firefox, if it runs.
var stopFirefox = func() error { return nil }

var bidiAddress = regexp.MustCompile(`WebDriver BiDi listening on (ws://\S+)`)

// firefoxStart is how long Firefox may take to start.
const firefoxStart = 60 * time.Second

func startFirefox() (_ *firefox, err error) {
	dir, err := os.MkdirTemp("", "e2e-firefox-")
	if err != nil {
		return nil, err
	}
	// Without these it asks for updates and more, from servers that it cannot reach.
	prefs := `user_pref("app.update.disabledForTesting", true); user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false); user_pref("network.connectivity-service.enabled", false);
user_pref("browser.safebrowsing.update.enabled", false); user_pref("services.settings.server", "data:,#remote-settings-dummy/v1");
user_pref("dom.min_background_timeout_value", 10);
user_pref("extensions.systemAddon.update.enabled", false); user_pref("toolkit.telemetry.server", "data:,");
`
	err = os.WriteFile(filepath.Join(dir, "user.js"), []byte(prefs), 0o600)
	if err == nil && certutil == nil {
		err = trust(dir)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	program, err := exec.LookPath("firefox-esr") // Debian's name
	if err != nil {
		program = "firefox"
	}
	out := outputtest.New()
	cmd := exec.Command(program, "--headless", "--no-remote", "--profile", dir, "--remote-debugging-port", "0")
	cmd.Stderr, cmd.SysProcAttr = out, endsWithParent()
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	stopFirefox = func() error {
		_ = cmd.Process.Kill() // it has nothing to save
		_ = cmd.Wait()
		return os.RemoveAll(dir)
	}
	ctx, cancel := context.WithTimeout(context.Background(), firefoxStart)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if m := bidiAddress.FindStringSubmatch(out.String()); m != nil {
			return connectFirefox(ctx, m[1]+"/session")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("Firefox does not say where it listens:\n%s", out)
		}
	}
}

func connectFirefox(ctx context.Context, url string) (*firefox, error) {
	conn, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(64 << 20) // screenshots
	f := &firefox{conn: conn, answers: map[int]chan bidiMessage{}, watched: map[string]func(string){}}
	go f.read()
	if _, err := f.call(ctx, "session.new", object{"capabilities": object{}}); err != nil {
		return nil, err
	}
	_, err = f.call(ctx, "session.subscribe", object{"events": []string{"log.entryAdded"}})
	return f, err
}

type object = map[string]any

// read distributes messages until the connection ends.
func (f *firefox) read() {
	for {
		var m bidiMessage
		if err := wsjson.Read(context.Background(), f.conn, &m); err != nil {
			f.mu.Lock()
			for id, answer := range f.answers {
				delete(f.answers, id)
				answer <- bidiMessage{Type: "error", Error: "the connection ended", Message: err.Error()}
			}
			f.mu.Unlock()
			return
		}
		f.mu.Lock()
		answer := f.answers[m.ID]
		if m.Type == "event" {
			answer = nil
			f.report(m)
		}
		delete(f.answers, m.ID) // events have none
		f.mu.Unlock()
		if answer != nil {
			answer <- m
		}
	}
}

// report tells the watcher of a tab of a message on its console. The caller holds mu, so that
// no watcher is called after its test.
func (f *firefox) report(m bidiMessage) {
	var entry struct {
		Level, Text string
		Source      struct{ Context string }
	}
	if m.Method != "log.entryAdded" || json.Unmarshal(m.Params, &entry) != nil {
		return
	}
	if watch := f.watched[entry.Source.Context]; watch != nil {
		watch(entry.Level + ": " + entry.Text)
	}
}

// call sends a command and returns its result.
func (f *firefox) call(ctx context.Context, method string, params object) (json.RawMessage, error) {
	answer := make(chan bidiMessage, 1)
	f.mu.Lock()
	f.next++
	id := f.next
	f.answers[id] = answer
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.answers, id)
	}()
	if err := wsjson.Write(ctx, f.conn, object{"id": id, "method": method, "params": params}); err != nil {
		return nil, err
	}
	select {
	case m := <-answer:
		if m.Type == "error" {
			return nil, fmt.Errorf("%s: %s: %s", method, m.Error, m.Message)
		}
		return m.Result, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// openFirefox opens a page in Firefox, with cookies of its own.
func openFirefox(t *testing.T, s *system) *foxTab {
	t.Helper()
	f, err := theFirefox()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Firefox, which CI must have: ", err)
		}
		t.Skip("no Firefox: ", err)
	}
	b := &foxTab{TB: t, firefox: f, system: s}
	var made struct{ UserContext string }
	b.must("browser.createUserContext", object{}, &made)
	b.user = made.UserContext
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, _ = f.call(ctx, "browser.removeUserContext", object{"userContext": b.user}) // Firefox is about to end
	})
	b.create()
	return b
}
