package server

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"calling-an-api.example/devserver/internal/spa"
	"calling-an-api.example/devserver/internal/watch"
)

// watch returns a watcher of all that the site is made of.
func (s *site) watch() (*watch.Watcher, error) {
	w, err := watch.New()
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{s.cfg.Frontend, s.cfg.Problems} {
		if dir == "" {
			continue
		}
		if err := w.Tree(dir); err != nil {
			w.Close()
			return nil, err
		}
	}
	for _, file := range []string{s.cfg.ProxyConfig, s.cfg.TenantConfig} {
		if file == "" {
			continue
		}
		if err := w.File(file); err != nil {
			w.Close()
			return nil, err
		}
	}
	return w, nil
}

// changed brings edits of the files at paths into what is served. Builds are left
// to buildAgain, so that an edit can end one that it makes obsolete.
func (s *site) changed(paths []string) {
	var page []string
	rules, people, problems := false, false, false
	for _, path := range paths {
		switch {
		case same(path, s.cfg.ProxyConfig):
			rules = true
		case s.cfg.TenantConfig != "" && same(path, s.cfg.TenantConfig):
			people = true
		case s.cfg.Problems != "" && (same(path, s.cfg.Problems) || same(filepath.Dir(path), s.cfg.Problems)):
			problems = true
		default:
			page = append(page, path)
		}
	}
	if rules {
		s.reloadRules()
	}
	if people {
		s.reconfigureTenant()
	}
	if problems {
		s.readProblems()
	}
	if len(page) > 0 {
		if s.bundler != nil {
			s.bundler.Cancel() // before the next one can begin
		}
		s.note(page)
	}
}

// note has buildAgain look at paths.
func (s *site) note(paths []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = append(s.pending, paths...)
	select {
	case s.edited <- struct{}{}:
	default: // it is about to look
	}
}

// same reports whether absolute is the path given, which need not be.
func same(absolute, given string) bool {
	abs, err := filepath.Abs(given)
	return err == nil && abs == absolute
}

// buildAgain builds now and after each edit, and tells the pages what they have to
// load again, until ctx ends.
func (s *site) buildAgain(ctx context.Context) {
	var built contents // of a frontend that is built already
	if s.bundler != nil {
		s.build()
	} else {
		built = readContents(s.cfg.Frontend)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.edited:
		}
		if s.bundler == nil {
			s.settle(ctx)
		}
		s.mu.Lock()
		paths := s.pending
		s.pending = nil
		s.mu.Unlock()
		if s.bundler == nil {
			now := readContents(s.cfg.Frontend)
			s.tell(nil, now.differences(built))
			built = now
			continue
		}
		outputs, ok := s.build()
		if !ok {
			s.note(paths) // another edit made this build obsolete
			continue
		}
		s.tell(outputs, slices.DeleteFunc(paths, func(path string) bool { return !s.servedAsIs(path) }))
	}
}

// tell has the pages load again what has changed: outputs of the bundle, and files
// that are served as they are. Where that is styles alone, nothing else is.
func (s *site) tell(outputs, files []string) {
	if len(outputs) == 0 && len(files) == 0 {
		return
	}
	if err := spa.Check(s.cfg.Frontend); err != nil { // a page that loads again now would be lost
		s.hub.Report("index", err.Error())
		s.log.Error("the pages stay as they are", "err", err)
		return
	}
	s.hub.Report("index", "")
	if len(outputs) == 0 {
		s.log.Info("a static file changed", "file", files[0])
	}
	isStyle := func(name string) bool { return path.Ext(strings.TrimSuffix(filepath.ToSlash(name), ".map")) == ".css" }
	if slices.ContainsFunc(slices.Concat(outputs, files), func(name string) bool { return !isStyle(name) }) {
		s.hub.Reload()
	} else {
		s.hub.Restyle()
	}
}

// servedAsIs reports whether path is index.html or a file of public/.
func (s *site) servedAsIs(path string) bool {
	dir, err := filepath.Abs(s.cfg.Frontend)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(dir, path)
	return err == nil && (rel == "." || rel == "index.html" || rel == "public" || strings.HasPrefix(rel, "public"+string(filepath.Separator)))
}

// build builds the bundle. It returns which outputs the open pages have of another
// content, and false if the build was ended early.
func (s *site) build() (changed []string, ok bool) {
	report := s.bundler.Build()
	if report.Canceled {
		return nil, false
	}
	first := !s.tried // pages that are open already wait for it, so there is nothing to load again
	s.tried = true
	s.hub.Report("bundle", report.Problems)
	if report.Warnings != "" {
		s.log.Warn("the bundler warns\n" + report.Warnings)
	}
	switch {
	case report.Problems != "":
		s.log.Error("the build failed; the last good one stays\n" + report.Problems)
	case len(report.Changed) > 0:
		s.log.Info("built", "took", report.Took.Round(time.Millisecond))
		if !first {
			changed = report.Changed
		}
	case s.broken:
		s.log.Info("the build is good again; nothing changed")
	}
	s.broken = report.Problems != ""
	return changed, true
}
