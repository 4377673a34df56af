package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// screenshots writes what the page shows, on a desktop, a tablet and a phone, light
// and dark, to e2e/screenshots, and holds it against axe-core's rules.
func (b *tab) screenshots(name string) {
	b.Helper()
	for _, view := range []struct {
		width  int64
		scheme string
	}{{1280, "light"}, {1280, "dark"}, {768, "light"}, {390, "light"}, {390, "dark"}} {
		b.screen(view.width, 800, view.scheme)
		b.screen(view.width, max(800, ask[int64](b, `document.documentElement.scrollHeight`)), view.scheme) // all of it
		b.accessible(fmt.Sprintf("%s at %d px, %s", name, view.width, view.scheme))
		b.save(fmt.Sprintf("%s-%d-%s", name, view.width, view.scheme))
		if ask[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
			b.Errorf("%s scrolls sideways at %d px", name, view.width)
		}
	}
	b.screen(1280, 800, "light")
}

// screen sets the size of the screen, and whether it is light or dark.
func (b *tab) screen(width, height int64, scheme string) {
	b.Helper()
	b.do("set the screen", chromedp.EmulateViewport(width, height))
	b.prefer("prefers-color-scheme", scheme)
}

// prefer sets a media feature that a user has chosen, in place of any before it.
func (b *tab) prefer(feature, value string) {
	b.Helper()
	b.do("set "+feature, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
		})
		return err
	}))
}

// save writes what the page shows to e2e/screenshots.
func (b *tab) save(name string) {
	b.Helper()
	dir := filepath.Join(repo, "devserver", "e2e", "screenshots")
	if err := errors.Join(os.MkdirAll(dir, 0o750), os.WriteFile(filepath.Join(dir, name+".png"), b.screenshot(), 0o600)); err != nil {
		b.Fatal(err)
	}
}

// readmePicture writes a picture of the README, of what the page shows from the element on that
// the CSS selector names: no more of it than looks the same on every machine.
func (b *tab) readmePicture(name, selector string, height int64) {
	b.Helper()
	b.screen(1280, height, "light")
	ask[any](b, fmt.Sprintf(`void document.querySelector(%q).scrollIntoView()`, selector))
	b.save(name)
	b.screen(1280, 800, "light")
}

// screenshot returns what the page shows as a PNG. Chromium draws one page at a
// time, and can wait for ever for one that is behind another.
func (b *tab) screenshot() []byte {
	b.Helper()
	drawing.Lock()
	defer drawing.Unlock()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.Fatalf("screenshot: %v", err)
	}
	return png
}

var drawing sync.Mutex
