package e2e

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/chromedp/chromedp"
)

var axe = sync.OnceValues(func() (string, error) {
	source, err := os.ReadFile(filepath.Join(repo, "devserver", "e2e", "clients", "node_modules", "axe-core", "axe.min.js"))
	return string(source), err
})

// accessible fails the test for each rule of axe-core's that what the page shows
// breaks.
func (b *tab) accessible(what string) {
	b.Helper()
	source, err := axe()
	if err != nil {
		b.Fatal(err)
	}
	if !ask[bool](b, `typeof axe !== 'undefined'`) {
		b.do("bring in axe", chromedp.EvaluateAsDevTools[chromedp.Void](source))
	}
	for _, violation := range b.list(`axe.run(document, {resultTypes: ['violations']}).then(({violations}) =>
		violations.flatMap(({id, help, nodes}) => nodes.map((node) => id + ': ' + help + '\n' + node.html + '\n' + node.failureSummary)))`) {
		b.Errorf("%s: %s", what, violation)
	}
}

// list returns the texts that the promise resolves to.
func (b *tab) list(promise string) []string {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	list, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](promise, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v", promise, err)
	}
	return list
}
