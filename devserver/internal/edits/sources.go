package edits

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"calling-an-api.example/devserver/internal/bundle"
	"calling-an-api.example/devserver/internal/source"
	"calling-an-api.example/devserver/internal/typecheck"
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
	good     bool               // a build has succeeded
	inputs   []string           // of the last successful build
	watched  map[string]bool    // inputs that are watched
	problems source.Problems    // of the last build
	canceled time.Time          // since when each build was canceled by an edit; zero if the last was not
	packages packages
	recheck  *time.Timer // for the end of an installation that leaves no sign
	types    *types
	cleanup  errgroup.Group // calls of Built
}

func (s *sources) start(ctx context.Context) {
	s.done = make(chan struct{}, 1)
	s.types = newTypes(s.edits)
	s.packages.dir = s.edits.Frontend
	s.recheck = time.NewTimer(installPause)
	s.recheck.Stop()
	s.look(ctx)
	s.build(ctx)
}

// stop cancels the build in progress and waits for its end.
func (s *sources) stop() {
	if s.cancel != nil {
		s.cancel()
		<-s.done
	}
	s.types.stop()
	s.recheck.Stop()
	_ = s.cleanup.Wait() // it returns no error
}

// look looks for the packages. While they are incomplete, nobody wants to know what is
// wrong with them, so types are not checked.
func (s *sources) look(ctx context.Context) {
	changed := s.packages.look()
	switch s.packages.state {
	case ready:
		s.types.start(ctx)
	case installing:
		s.recheck.Reset(installPause)
		s.types.stop()
	case missing:
		s.types.stop()
	}
	if !changed {
		return
	}
	if s.packages.state == ready {
		s.edits.Log.Info("the packages are installed")
	} else {
		s.edits.Log.Warn(s.packages.message(s.edits.Problems != ""))
	}
}

func (s *sources) ready() <-chan struct{} { return s.done }

func (s *sources) due() <-chan time.Time { return s.recheck.C }

func (s *sources) checked() <-chan []typecheck.Problem { return s.types.reports }

// found shows type errors. While packages are being installed or removed, they have none
// that matter.
func (s *sources) found(ctx context.Context, problems []typecheck.Problem) {
	if s.look(ctx); s.packages.state == ready {
		s.types.found = problems
		s.types.show(s.problems)
	}
}

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
	s.look(ctx)
	s.pending = append(s.pending, paths...)
	switch {
	case s.cancel != nil && s.canceled.IsZero():
		s.canceled = time.Now()
		s.cancel() // finish starts the next build
	case s.cancel != nil && time.Since(s.canceled) < longestCancel:
		s.cancel()
	case s.cancel != nil: // a program that writes all the time must not prevent all builds
	case s.packages.state == installing && s.built && !slices.ContainsFunc(paths, func(path string) bool { return !isPackage(path) }):
		// There is a build when the packages are complete.
	default:
		s.build(ctx)
	}
}

// longestCancel is how long edits cancel one build after the other.
const longestCancel = time.Second

// isPackage reports whether path is in node_modules.
func isPackage(path string) bool {
	return slices.Contains(strings.Split(filepath.ToSlash(path), "/"), "node_modules")
}

// finish reports the build that has ended, and starts the next if there are new edits.
func (s *sources) finish(ctx context.Context) {
	s.cancel()
	s.cancel = nil
	if !s.report.Canceled {
		s.canceled = time.Time{}
		files := slices.DeleteFunc(s.building, func(path string) bool { return !s.isPublic(path) })
		s.building = nil
		s.follow()
		changed := s.changedOutputs()
		s.edits.notifyPages(needsReload(changed) || len(files) > 0, len(changed) > 0)
		if len(changed) == 0 && len(files) > 0 {
			s.edits.Log.Info("a static file changed", "file", files[0])
		}
		s.types.show(s.problems)
		s.cleanup.Go(func() error { s.edits.Built(); return nil })
	}
	if ctx.Err() == nil && len(s.building)+len(s.pending) > 0 {
		s.build(ctx)
	}
}

// follow watches what the build has read. After a failure it may have read less than
// before, but what the last successful one has read can still mend it.
func (s *sources) follow() {
	inputs, watched := s.report.Inputs, s.watched
	if len(s.report.Problems) == 0 {
		s.inputs = inputs
	} else {
		inputs = slices.Concat(inputs, s.inputs)
	}
	if err := s.edits.watcher.Inputs(append(slices.Clip(inputs), s.packages.files()...)); err != nil {
		s.edits.Log.Error("some edits will be missed", "err", err)
	}
	s.watched = map[string]bool{}
	for _, file := range inputs {
		s.watched[file] = true
		if watched[file] {
			continue
		}
		if info, err := os.Stat(file); err == nil && info.ModTime().After(s.report.Began.Add(-clockTick)) {
			s.pending = append(s.pending, file) // it was edited before it was watched
		}
	}
}

// clockTick is the resolution of the times of files.
const clockTick = 10 * time.Millisecond

// changedOutputs logs and shows the report, and returns the outputs that open pages
// have in an older version.
func (s *sources) changedOutputs() []string {
	report, log := s.report, s.edits.Log
	first, wasBroken := !s.built, len(s.problems) > 0
	s.built, s.problems = true, report.Problems
	text := s.text(report.Problems)
	hint := "The last successful build keeps running until this is fixed."
	if s.good = s.good || text == ""; !s.good {
		hint = "There is no successful build yet."
	}
	s.edits.Hub.Report("bundle", text, hint)
	s.warn(report.Warnings)
	switch {
	case text != "" && text == s.packages.message(s.edits.Problems != ""): // look has logged it
	case text != "":
		log.Error(strings.ToLower(hint[:1]) + strings.TrimSuffix(hint[1:], ".") + "\n" + text)
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

// text returns the problems of a build. Those that come from packages that are not
// installed are one line.
func (s *sources) text(problems source.Problems) string {
	if s.packages.state == ready || len(problems) == 0 {
		return problems.Error()
	}
	message := s.packages.message(s.edits.Problems != "")
	others := slices.DeleteFunc(slices.Clone(problems), func(p source.Problem) bool {
		return strings.HasPrefix(p.Message, "Could not resolve") || s.packages.state == installing && isPackage(p.File)
	})
	if len(others) == len(problems) {
		return others.Error()
	}
	return strings.TrimSpace(message + "\n" + others.Error())
}

// warn logs the warnings that the last build did not have.
func (s *sources) warn(warnings source.Problems) {
	var news source.Problems
	for _, w := range warnings {
		if !slices.Contains(s.edits.warned, w) {
			news = append(news, w)
		}
	}
	if s.edits.warned = warnings; len(news) > 0 {
		s.edits.Log.Warn("warnings\n" + news.Error())
	}
}

// needsReload reports whether a page must be reloaded after a change of these outputs. A
// picture in assets/ has another name after a change, which styles and scripts refer to.
func needsReload(outputs []string) bool {
	return slices.ContainsFunc(outputs, func(name string) bool {
		switch path.Ext(name) {
		case ".css", ".map":
			return false
		case ".js":
			return true
		}
		return !strings.HasPrefix(name, "/assets/")
	})
}

// isPublic reports whether path is a file of public/, or that folder, which is served as
// it is.
func (s *sources) isPublic(path string) bool {
	dir, err := filepath.Abs(s.edits.Frontend)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(dir, path)
	return err == nil && (rel == "public" || strings.HasPrefix(rel, "public"+string(filepath.Separator)))
}
