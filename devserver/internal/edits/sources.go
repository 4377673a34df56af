package edits

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"calling-an-api.example/devserver/internal/bundle"
)

// sources is a frontend that the dev server bundles. At most one build runs; an edit
// cancels it and starts another. All fields are owned by the loop of Edits.
type sources struct {
	edits    *Edits
	cancel   context.CancelFunc // cancels the build in progress; nil if there is none
	done     chan struct{}      // receives when that build has ended
	report   bundle.Report      // of that build, valid after done
	building []string           // edited paths that the build in progress contains
	pending  []string           // edited paths that no build contains yet
	built    bool               // a build has ended
	broken   bool               // the last one has failed
}

func (s *sources) start(ctx context.Context) {
	s.done = make(chan struct{}, 1)
	s.build(ctx)
}

// stop cancels the build in progress and waits for its end.
func (s *sources) stop() {
	if s.cancel != nil {
		s.cancel()
		<-s.done
	}
}

func (s *sources) ready() <-chan struct{} { return s.done }

// build starts a build, which ctx cancels.
func (s *sources) build(ctx context.Context) {
	ctx, s.cancel = context.WithCancel(ctx)
	s.building, s.pending = append(s.building, s.pending...), nil
	go func() {
		s.report = s.edits.Bundler.Build(ctx)
		s.done <- struct{}{}
	}()
}

// edited cancels the build in progress and starts one that contains its edits too.
func (s *sources) edited(ctx context.Context, paths []string) {
	s.pending = append(s.pending, paths...)
	if s.cancel != nil {
		s.cancel() // finish starts the next build
		return
	}
	s.build(ctx)
}

// finish reports the build that has ended, and starts the next if there are new edits.
func (s *sources) finish(ctx context.Context) {
	s.cancel()
	s.cancel = nil
	if !s.report.Canceled {
		files := slices.DeleteFunc(s.building, func(path string) bool { return !s.isStatic(path) })
		s.building = nil
		s.edits.notifyPages(s.changedOutputs(), files)
	}
	if ctx.Err() == nil && len(s.building)+len(s.pending) > 0 {
		s.build(ctx)
	}
}

// changedOutputs logs and shows the report, and returns the outputs that open pages
// have in an older version.
func (s *sources) changedOutputs() []string {
	report, log := s.report, s.edits.Log
	first, wasBroken := !s.built, s.broken
	s.built, s.broken = true, report.Problems != ""
	s.edits.Hub.Report("bundle", report.Problems)
	if report.Warnings != "" {
		log.Warn("the bundler warns\n" + report.Warnings)
	}
	switch {
	case report.Problems != "":
		log.Error("the build failed; the last successful one stays in use\n" + report.Problems)
	case len(report.Changed) > 0:
		log.Info("built", "took", round(report.Took))
	case wasBroken:
		log.Info("the build succeeds again; nothing changed")
	}
	if first { // pages that are already open wait for the first build
		return nil
	}
	return report.Changed
}

// isStatic reports whether path is index.html or a file of public/, which are served
// as they are.
func (s *sources) isStatic(path string) bool {
	dir, err := filepath.Abs(s.edits.Frontend)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(dir, path)
	return err == nil && (rel == "." || rel == "index.html" || rel == "public" || strings.HasPrefix(rel, "public"+string(filepath.Separator)))
}
