package e2e

import (
	"fmt"
	"testing"
)

// BenchmarkSaveToReload is the time from a save until a page that is open in a
// browser shows it.
func BenchmarkSaveToReload(b *testing.B) {
	page := open(b, workspace(b))
	page.visit(page.page)
	page.see(page.page+"/", "Log in to begin")
	text := "Log in to begin"
	for b.Loop() {
		next := fmt.Sprintf("Begin %d", b.Elapsed())
		page.edit(b, "frontend/src/pages/home.ts", text, next)
		page.await("the edit", fmt.Sprintf(`document.body?.innerText.includes(%q)`, next))
		text = next
	}
}

// BenchmarkSaveToRestyle is the time from a save of styles until such a page has them.
func BenchmarkSaveToRestyle(b *testing.B) {
	page := open(b, workspace(b))
	page.visit(page.page)
	page.see(page.page+"/", "Log in to begin")
	before := "h1 {\n  margin"
	for i := 0; b.Loop(); i++ {
		next := fmt.Sprintf("h1 {\n  letter-spacing: %dpx; margin", 1+i%9)
		page.edit(b, "frontend/styles.css", before, next)
		page.await("the style", fmt.Sprintf(`getComputedStyle(document.querySelector('h1') ?? document.body).letterSpacing === '%dpx'`, 1+i%9))
		before = next
	}
}

// BenchmarkFirstPaint is the time from a navigation until the first paint, as
// the browser says it.
func BenchmarkFirstPaint(b *testing.B) {
	page := open(b, newSystem(b, ""))
	const paint = `performance.getEntriesByName('first-contentful-paint')`
	total, visits := 0.0, 0
	for b.Loop() {
		page.visit(page.page)
		page.await("the paint", paint+`.length > 0`)
		total += ask[float64](page, paint+`[0].startTime`)
		visits++
	}
	b.ReportMetric(total/float64(visits), "ms/paint")
}
