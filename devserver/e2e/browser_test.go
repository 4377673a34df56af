package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// tab is a page in a browser of its own: no cookie is shared with other tests.
type tab struct {
	testing.TB
	ctx context.Context
	*system
	popups []target.ID // that this page has opened
}

func open(tb testing.TB, s *system) *tab {
	tb.Helper()
	b := openUnwatched(tb, s)
	b.watchPage()
	return b
}

// openUnwatched is open for pages that may say and throw what they want.
func openUnwatched(tb testing.TB, s *system) *tab {
	tb.Helper()
	return openWith(tb, s, chromedp.WithNewBrowserContext())
}

// openWith is openUnwatched with options. Without WithNewBrowserContext, which is like a private
// window, cookies are shared with other tests that do so.
func openWith(tb testing.TB, s *system, options ...chromedp.ContextOption) *tab {
	tb.Helper()
	if browser == nil {
		tb.Skip("no browser; TestMain says so, and fails where CI is true")
	}
	ctx, cancel := chromedp.NewContext(browser, options...)
	tb.Cleanup(cancel)
	b := &tab{TB: tb, ctx: ctx, system: s}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 800)); err != nil {
		tb.Fatal(err)
	}
	return b
}

// watchPage fails the test if a page throws, says something on the console, or is
// refused something by its Content-Security-Policy.
func (b *tab) watchPage() {
	b.Helper()
	if err := chromedp.Listen(b.ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.Errorf("the page throws: %s", e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if b.talks && e.Type != runtime.ConsoleAPICalledTypeError {
				return
			}
			for _, arg := range e.Args {
				b.Errorf("on the page's console (%s): %s", e.Type, arg.Value)
			}
		}
	}); err != nil {
		b.Fatal(err)
	}
	b.onEveryPage(`addEventListener('securitypolicyviolation', (e) => console.error('policy', e.violatedDirective, e.blockedURI, e.sourceFile))`)
}

// onEveryPage runs the JavaScript on each page before anything of the page's own.
func (b *tab) onEveryPage(source string) {
	b.Helper()
	b.do("add a script", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source})
		return err
	}))
}

// patience is how long one step in the browser may take.
const patience = 20 * time.Second

func (b *tab) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.Fatalf("%s: %v\n%s", what, err, b.describe())
	}
}

// ask returns what the JavaScript expression is in the page.
func ask[T any](b *tab, expression string) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatalf("%s: %v\n%s", expression, err, b.describe())
	}
	return value
}

// describe says what the browser shows, for failures.
func (b *tab) describe() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`"at " + location.href + "\n" + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}

func (b *tab) visit(url string) {
	b.Helper()
	b.do("visit "+url, chromedp.Navigate(url))
}

// see waits until the page at url, a query apart, has loaded and shows text.
func (b *tab) see(url, text string) {
	b.Helper()
	b.await(fmt.Sprintf("see %q at %s", text, url), seen(url, text))
}

// await waits until the JavaScript expression is true, however many pages come
// and go before.
func (b *tab) await(what, expression string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression))
		switch {
		case err == nil:
			return
		case ctx.Err() != nil:
			b.Fatalf("%s: %v\n%s", what, err, b.describe())
		} // else the page went away while it was asked
	}
}

// click clicks the visible element that the CSS selector names.
func (b *tab) click(selector string) {
	b.Helper()
	b.do("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// press clicks the button or link that reads text.
func (b *tab) press(text string) {
	b.Helper()
	b.do("press "+text, chromedp.Click(
		fmt.Sprintf(`//*[self::a or self::button][normalize-space()=%q]`, text), chromedp.NodeVisible))
}

// absent fails if the page has an element that the CSS selector names.
func (b *tab) absent(selector string) {
	b.Helper()
	if ask[bool](b, fmt.Sprintf(`document.querySelector(%q) !== null`, selector)) {
		b.Errorf("the page has %s, which it should not", selector)
	}
}

// signIn opens a guarded page and goes through login and consent back to it.
func (b *tab) signIn(path, email string) {
	b.Helper()
	b.visit(b.page + path)
	b.agreeAs(email)
	b.await("back at "+path, fmt.Sprintf("document.readyState === 'complete' && location.href === %q", b.page+path))
}

// agreeAs goes through the tenant's login and consent pages.
func (b *tab) agreeAs(email string) {
	b.Helper()
	b.see(b.tenant+"/u/login", "Log in")
	b.pick(email)
	b.see(b.tenant+"/u/consent", "Authorize")
	b.press("Accept")
}

// decline opens the profile page and declines what the consent page asks.
func (b *tab) decline() {
	b.Helper()
	b.visit(b.page + "/profile")
	b.see(b.tenant+"/u/login", "Log in")
	b.pick("ada@example.com")
	b.see(b.tenant+"/u/consent", "Authorize")
	b.press("Decline")
	b.see(b.page+"/callback", "access_denied")
}

// enter fills in the tenant's login form and sends it.
func (b *tab) enter(email, password string) {
	b.Helper()
	b.do("fill in the login form",
		chromedp.SetValue(chromedp.CSS(`input[name=username]`), email),
		chromedp.SendKeys(chromedp.CSS(`input[name=password]`), password+"\r"))
}

func (b *tab) url() string {
	b.Helper()
	return ask[string](b, `location.href`)
}

// pick clicks the user in the login page's list.
func (b *tab) pick(email string) {
	b.Helper()
	b.click(fmt.Sprintf("button[value=%q]", email))
}

// tokens are what the token endpoint answers.
type tokens struct {
	Access string `json:"access_token"`
	ID     string `json:"id_token"`
}

// tokens returns the answer of the token endpoint to the login that act finishes.
func (b *tab) tokens(act func()) (answer tokens) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	received := chromedp.Events(ctx, network.ResponseReceived)
	finished := chromedp.Events(ctx, network.LoadingFinished)
	act()
	var id network.RequestID
	for event, err := range received {
		if err != nil {
			b.Fatal(err)
		}
		if event.Response.URL == b.tenant+"/oauth/token" && event.Type != network.ResourceTypePreflight {
			id = event.RequestID
			break
		}
	}
	for event, err := range finished {
		if err != nil {
			b.Fatal(err)
		}
		if event.RequestID == id {
			break
		}
	}
	result, err := chromedp.Call(ctx, network.GetResponseBody, network.GetResponseBodyParams{RequestID: id})
	if err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal(result.Body, &answer); err != nil {
		b.Fatal(err)
	}
	return answer
}
