package edits

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"calling-an-api.example/devserver/internal/bundle"
	"calling-an-api.example/devserver/internal/procs"
	"calling-an-api.example/devserver/internal/source"
	"calling-an-api.example/devserver/internal/typecheck"
)

// types runs the type checker and shows what it finds. All fields are owned by the loop
// of Edits, except the sending side of reports.
type types struct {
	edits   *Edits
	cancel  context.CancelFunc // stops the checker; nil if it does not run
	group   errgroup.Group     // the checker
	reports chan []typecheck.Problem
	found   []typecheck.Problem // by the last check
	shown   string              // what was logged of them
}

// bundlerFirst is how long a syntax error waits for the bundler, which reports it too, but
// may learn of the edit a moment later.
const bundlerFirst = 300 * time.Millisecond

func newTypes(e *Edits) *types { return &types{edits: e, reports: make(chan []typecheck.Problem)} }

// start starts the checker, unless it runs or is not wanted. ctx stops it.
func (t *types) start(ctx context.Context) {
	if t.cancel != nil || !t.edits.Types {
		return
	}
	ctx, t.cancel = context.WithCancel(ctx)
	t.group = errgroup.Group{}
	t.group.Go(func() error {
		err := typecheck.Run(ctx, typecheck.Options{
			Dir: t.edits.Frontend, Config: bundle.TSConfig(t.edits.Frontend), Isolate: procs.Isolate,
			Report: func(problems []typecheck.Problem) {
				if slices.ContainsFunc(problems, isSyntax) {
					select {
					case <-time.After(bundlerFirst):
					case <-ctx.Done():
					}
				}
				select {
				case t.reports <- problems:
				case <-ctx.Done():
				}
			},
		})
		if err != nil && ctx.Err() == nil {
			t.edits.Log.Warn("types are not checked until the dev server is restarted", "err", err)
			select {
			case t.reports <- nil: // the checker has ended, so it cannot remove them
			case <-ctx.Done():
			}
		}
		return nil
	})
}

// stop stops the checker, and removes what it has found.
func (t *types) stop() {
	if t.cancel == nil {
		return
	}
	t.cancel()
	_ = t.group.Wait() // it returns no error
	t.cancel = nil
	t.found, t.shown = nil, ""
	t.edits.Hub.Report("types", "", "")
}

// show logs and shows the type errors, except those that the bundler reports too.
func (t *types) show(bundled source.Problems) {
	text := typecheck.Text(slices.DeleteFunc(slices.Clone(t.found), func(p typecheck.Problem) bool { return isSame(p, bundled) }))
	t.edits.Hub.Report("types", text, "The page runs this code; fix the type to be sure that it is right.")
	switch {
	case text == t.shown:
	case text != "":
		t.edits.Log.Error("type errors\n" + text)
	case len(t.found) == 0:
		t.edits.Log.Info("no more type errors")
	}
	t.shown = text
}

// isSame reports whether the bundler has reported p in its own words: it is on the same
// line, or it is a syntax error of the same file.
func isSame(p typecheck.Problem, bundled source.Problems) bool {
	return slices.ContainsFunc(bundled, func(b source.Problem) bool {
		return b.File == p.File && (b.Line == p.Line || isSyntax(p))
	})
}

// isSyntax reports whether p is a syntax error.
func isSyntax(p typecheck.Problem) bool { return p.Code >= 1000 && p.Code < 2000 }
