package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
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

func startFirefox() (*firefox, error) {
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
	if err := os.WriteFile(dir+"/user.js", []byte(prefs), 0o600); err != nil {
		return nil, err
	}
	if err := trust(dir); err != nil && certutil == nil {
		return nil, err
	}
	program, err := exec.LookPath("firefox-esr") // Debian's name
	if err != nil {
		program = "firefox"
	}
	cmd := exec.Command(program, "--headless", "--no-remote", "--profile", dir, "--remote-debugging-port", "0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	stopFirefox = func() error {
		_ = cmd.Process.Kill() // it has nothing to save
		_ = cmd.Wait()
		return os.RemoveAll(dir)
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		m := bidiAddress.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		go func() { _, _ = io.Copy(io.Discard, stderr) }() // until it ends
		return connectFirefox(m[1] + "/session")
	}
	return nil, fmt.Errorf("it ended without an address: %w", lines.Err())
}

func connectFirefox(url string) (*firefox, error) {
	conn, _, err := websocket.Dial(context.Background(), url, nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(64 << 20) // screenshots
	f := &firefox{conn: conn, answers: map[int]chan bidiMessage{}, watched: map[string]func(string){}}
	go f.read()
	if _, err := f.call(context.Background(), "session.new", object{"capabilities": object{}}); err != nil {
		return nil, err
	}
	_, err = f.call(context.Background(), "session.subscribe", object{"events": []string{"log.entryAdded"}})
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
		answer, entry := f.answers[m.ID], f.entry(m)
		if m.Type != "event" {
			delete(f.answers, m.ID)
		}
		f.mu.Unlock()
		switch {
		case entry != nil:
			entry()
		case m.Type != "event" && answer != nil:
			answer <- m
		}
	}
}

// entry returns what to do with a message of a console; nil for other messages. The caller
// holds mu.
func (f *firefox) entry(m bidiMessage) func() {
	if m.Method != "log.entryAdded" {
		return nil
	}
	var entry struct {
		Level, Text string
		Source      struct{ Context string }
	}
	if err := json.Unmarshal(m.Params, &entry); err != nil {
		return nil
	}
	watch := f.watched[entry.Source.Context]
	return func() {
		if watch != nil {
			watch(entry.Level + ": " + entry.Text)
		}
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
		_, _ = f.call(context.Background(), "browser.removeUserContext", object{"userContext": b.user}) // Firefox is about to end
	})
	b.create()
	return b
}
