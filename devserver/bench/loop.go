package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// loopServer is a dev server whose edit loop is measured.
type loopServer struct {
	name    string
	dir     string // of the frontend, a copy of its own
	script  string // URL path of what src/pages/home.ts becomes a part of
	command func(addr string) []string
}

// measureLoop prints the time from the start of a dev server to its first page, and from
// a save to the new content, with the project's own frontend.
func measureLoop(ctx context.Context, dir string, rounds int) error {
	peers := filepath.Join(dir, "peers")
	versions, err := packageVersions(filepath.Join(peers, "package.json"))
	if err != nil {
		return err
	}
	ours, vite := filepath.Join(dir, "loop", "ours"), filepath.Join(dir, "loop", "page")
	for _, to := range []string{ours, vite} {
		if err := copyFrontend(to); err != nil {
			return err
		}
	}
	index := filepath.Join(vite, "index.html")
	page, err := os.ReadFile(index) //nolint:gosec // a copy that was just made
	if err != nil {
		return err
	}
	if err := write(index, strings.Replace(string(page), "/index.js", "/src/index.ts", 1)); err != nil {
		return err
	}
	rules := filepath.Join(dir, "none.json")
	if err := write(rules, "{}"); err != nil {
		return err
	}
	fmt.Printf("\n### The edit loop\n\n| server | exec → first page | save → served | resident |\n|---|---:|---:|---:|\n")
	for _, s := range []loopServer{
		{"this dev server", ours, "/index.js", func(addr string) []string {
			return []string{filepath.Join(dir, "devserver"), "--addr", addr, "--tenant-addr", "localhost:0", "--tenant-state", "", "--types=false", "--frontend", ours, "--proxy-config", rules}
		}},
		{"Vite " + versions["vite"], vite, "/src/pages/home.ts", func(addr string) []string {
			return []string{"node", filepath.Join(peers, "vite.mjs"), addr, "http://127.0.0.1:1", vite}
		}},
	} {
		var starts, saves []time.Duration
		var memory float64
		for range rounds {
			start, save, resident, err := s.round(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			starts, saves, memory = append(starts, start), append(saves, save...), resident
		}
		slices.Sort(starts)
		slices.Sort(saves)
		fmt.Printf("| %s | %d ms | %d ms | %.0f MB |\n", s.name, starts[len(starts)/2].Milliseconds(), saves[len(saves)/2].Milliseconds(), memory)
	}
	return nil
}

// round starts s, edits the page 20 times and stops s.
func (s loopServer) round(ctx context.Context) (start time.Duration, saves []time.Duration, resident float64, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, nil, 0, err
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		return 0, nil, 0, err
	}
	begin := time.Now()
	process, err := launch(s.name, s.dir, addr, s.command(addr))
	if err != nil {
		return 0, nil, 0, err
	}
	defer stopAll([]*server{process})
	for _, path := range []string{"/", s.script} {
		if err := process.await(ctx, path, ""); err != nil {
			return 0, nil, 0, err
		}
	}
	start = time.Since(begin)
	file := filepath.Join(s.dir, "src", "pages", "home.ts")
	source, err := os.ReadFile(file) //nolint:gosec // a copy that was made for this
	if err != nil {
		return 0, nil, 0, err
	}
	pace := time.NewTicker(300 * time.Millisecond) // Vite loses saves that follow more closely
	defer pace.Stop()
	for i := range 20 {
		<-pace.C
		marker := fmt.Sprintf("edit-%d-%d", begin.UnixNano(), i)
		begin := time.Now()
		if err := write(file, string(source)+fmt.Sprintf("\nconsole.log(%q)\n", marker)); err != nil {
			return 0, nil, 0, err
		}
		if err := process.await(ctx, s.script, marker); err != nil {
			return 0, nil, 0, err
		}
		saves = append(saves, time.Since(begin))
	}
	if err := write(file, string(source)); err != nil {
		return 0, nil, 0, err
	}
	resident, err = process.resident()
	return start, saves, resident, err
}

// await requests path until the answer is 200 and contains text.
func (s *server) await(ctx context.Context, path, text string) error {
	last := "nothing"
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; {
		resp, err := http.Get(s.url + path)
		if err != nil {
			continue // it does not listen yet
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close() // it was only read
		if err == nil && resp.StatusCode == http.StatusOK && strings.Contains(string(body), text) {
			return nil
		}
		last = resp.Status
		<-time.After(time.Millisecond) // polling without a pause would slow the server down
	}
	return fmt.Errorf("%s never answers with %q (%s)", path, text, last)
}

// copyFrontend copies the project's frontend to the folder to. Its packages are
// the installed ones.
func copyFrontend(to string) error {
	const from = "../../frontend"
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case relErr != nil:
			return relErr
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "dist"):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o750)
		}
		content, err := os.ReadFile(path) //nolint:gosec // of the project
		if err != nil {
			return err
		}
		return write(filepath.Join(to, rel), string(content))
	})
	if err != nil {
		return err
	}
	modules, err := filepath.Abs(filepath.Join(from, "node_modules"))
	if err != nil {
		return err
	}
	return os.Symlink(modules, filepath.Join(to, "node_modules"))
}
