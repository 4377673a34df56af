package tenant

import "context"

// observerKey is the key of the observer in a context.
type observerKey struct{}

// WithObserver returns a context for a request to a Tenant whose events observe is called with, in
// the request's goroutine. The dashboard shows them too.
func WithObserver(ctx context.Context, observe func(Event)) context.Context {
	return context.WithValue(ctx, observerKey{}, observe)
}

// observerOf returns the observer in ctx, nil if there is none.
func observerOf(ctx context.Context) func(Event) {
	observe, _ := ctx.Value(observerKey{}).(func(Event))
	return observe
}
