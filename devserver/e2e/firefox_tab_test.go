package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// foxTab is a page in Firefox.
type foxTab struct {
	testing.TB
	*firefox
	*system
	user    string // the user context, which has the cookies
	context string // the browsing context, which is the tab
}

// create opens the tab, in a window of its own, because pages in the background are slow.
func (b *foxTab) create() {
	b.Helper()
	var made struct{ Context string }
	b.must("browsingContext.create", object{"type": "window", "userContext": b.user}, &made)
	b.context = made.Context
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watched[b.context] = func(text string) {
		if strings.HasPrefix(text, "error") {
			b.Errorf("on the page's console: %s", text)
		}
	}
	b.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watched, b.context)
	})
}

// must calls a command, and decodes its result to a value unless that is nil.
func (b *foxTab) must(method string, params object, to any) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	result, err := b.call(ctx, method, params)
	if err == nil && to != nil {
		err = json.Unmarshal(result, to)
	}
	if err != nil {
		b.Fatalf("%v\n%s", err, b.describe())
	}
}

// bidiValue is what a script returns.
type bidiValue struct {
	Type   string `json:"type"` // success or exception
	Result struct {
		Value    any    `json:"value"`
		SharedID string `json:"sharedId"`
	} `json:"result"`
	Exception struct {
		Text string `json:"text"`
	} `json:"exceptionDetails"`
}

// evaluate returns what the promise becomes.
func (b *foxTab) evaluate(ctx context.Context, promise string) (v bidiValue, err error) {
	data, err := b.call(ctx, "script.evaluate", object{
		"expression": promise, "target": object{"context": b.context}, "awaitPromise": true, "userActivation": true,
	})
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, err
	}
	if v.Type == "exception" {
		return v, fmt.Errorf("%s: %s", promise, v.Exception.Text)
	}
	return v, nil
}

// describe says what the browser shows, for failures.
func (b *foxTab) describe() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	v, err := b.evaluate(ctx, `"at " + location.href + "\n" + document.body.innerText`)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(v.Result.Value)
}

func (b *foxTab) visit(url string) {
	b.Helper()
	b.must("browsingContext.navigate", object{"context": b.context, "url": url, "wait": "complete"}, nil)
}

func (b *foxTab) reload() {
	b.Helper()
	b.must("browsingContext.reload", object{"context": b.context, "wait": "complete"}, nil)
}

// await waits until the JavaScript expression is true, however many pages come and go before.
// A promise in the page would never be settled if the page went away.
func (b *foxTab) await(what, expression string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		v, err := b.evaluate(ctx, "Boolean("+expression+")")
		if isTrue, _ := v.Result.Value.(bool); err == nil && isTrue {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.Fatalf("%s: %v\n%s", what, err, b.describe())
		}
	}
}

func (b *foxTab) see(url, text string) {
	b.Helper()
	b.await(fmt.Sprintf("see %q at %s", text, url), seen(url, text))
}

// js returns what the promise resolves to, or what it is rejected with.
func (b *foxTab) js(promise string) string {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	v, err := b.evaluate(ctx, fmt.Sprintf("(async () => String(await (%s)))().catch((e) => `${e.error ?? e.name}: ${e.message}`)", promise))
	if err != nil {
		b.Fatalf("%v\n%s", err, b.describe())
	}
	return fmt.Sprint(v.Result.Value)
}

// clickOn clicks the visible element that the JavaScript expression finds.
func (b *foxTab) clickOn(what, element string) {
	b.Helper()
	b.await(what, element+"?.checkVisibility()")
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	v, err := b.evaluate(ctx, `(() => { const one = `+element+`; one.scrollIntoView({block: 'center', behavior: 'instant'}); return one })()`)
	if err != nil {
		b.Fatalf("%s: %v\n%s", what, err, b.describe())
	}
	b.must("input.performActions", object{"context": b.context, "actions": []object{{
		"type": "pointer", "id": "mouse", "actions": []object{
			{"type": "pointerMove", "x": 0, "y": 0, "origin": object{"type": "element", "element": object{"sharedId": v.Result.SharedID}}},
			{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0},
		},
	}}}, nil)
}

func (b *foxTab) click(selector string) {
	b.Helper()
	b.clickOn("click "+selector, fmt.Sprintf("document.querySelector(%q)", selector))
}

func (b *foxTab) press(text string) {
	b.Helper()
	b.clickOn("press "+text, fmt.Sprintf("[...document.querySelectorAll('a, button')].find((one) => one.innerText?.trim() === %q)", text))
}

func (b *foxTab) onEveryPage(source string) {
	b.Helper()
	b.must("script.addPreloadScript", object{"functionDeclaration": "() => {" + source + "}", "contexts": []string{b.context}}, nil)
}

func (b *foxTab) tab(url string) window {
	b.Helper()
	other := &foxTab{TB: b.TB, firefox: b.firefox, system: b.system, user: b.user}
	other.create()
	other.visit(url)
	return other
}
