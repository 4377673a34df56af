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
	script  string // URL path of what the edited file becomes a part of
	edited  string // path of that file
	command func(addr string) []string
}

// measureLoop prints the time from the start of a dev server to its first page, and from
// a save to the new content: with the project's own frontend, and with a generated one.
func measureLoop(ctx context.Context, dir string, rounds int) error {
	for _, project := range []struct {
		title  string
		write  func(to, peers string) error
		script string // that index.html names
		edited string
	}{
		{"This project's page", copyFrontend, "src/index.ts", "src/pages/home.ts"},
		{"500 modules with React", generate(`{"private": true, "type": "module"}`), "src/main.tsx", "src/part7/module3.tsx"},
		{"The same without a type in package.json", generate(`{"private": true}`), "src/main.tsx", "src/part7/module3.tsx"},
	} {
		fmt.Printf("\n#### %s\n\n| server | exec → first page | save → served | saves lost | resident |\n|---|---:|---:|---:|---:|\n", project.title)
		peers := filepath.Join(dir, "peers")
		versions, err := packageVersions(filepath.Join(peers, "package.json"))
		if err != nil {
			return err
		}
		rules := filepath.Join(dir, "none.json")
		if err := write(rules, "{}"); err != nil {
			return err
		}
		name := strings.ReplaceAll(project.title, " ", "-")
		ours, vite := filepath.Join(dir, "loop", name, "ours"), filepath.Join(dir, "loop", name, "vite")
		for _, s := range []loopServer{
			{"this dev server", ours, "/" + project.script + ".js", project.edited, func(addr string) []string {
				return []string{filepath.Join(dir, "devserver"), "--addr", addr, "--tenant-addr", "localhost:0", "--tenant-state", "", "--types=false", "--frontend", ours, "--proxy-config", rules}
			}},
			{"Vite " + versions["vite"], vite, "/" + project.edited, project.edited, func(addr string) []string {
				return []string{"node", filepath.Join(peers, "vite.mjs"), addr, "http://127.0.0.1:1", vite}
			}},
		} {
			if err := project.write(s.dir, peers); err != nil {
				return err
			}
			var starts, saves []time.Duration
			var memory float64
			lost := 0
			for range rounds {
				start, save, resident, err := s.round(ctx)
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				starts, saves, memory, lost = append(starts, start), append(saves, save...), resident, lost+edits-len(save)
			}
			slices.Sort(starts)
			slices.Sort(saves)
			fmt.Printf("| %s | %d ms | %d ms | %d of %d | %.0f MB |\n",
				s.name, starts[len(starts)/2].Milliseconds(), saves[len(saves)/2].Milliseconds(), lost, rounds*edits, memory)
		}
	}
	return nil
}

// generate returns what writes a frontend of 500 modules in 50 folders, each with a React component
// and every tenth with styles. manifest is its package.json. React is in the folder peers.
func generate(manifest string) func(dir, peers string) error {
	return func(dir, peers string) error { return generateIn(dir, peers, manifest) }
}

func generateIn(dir, peers, manifest string) error {
	index := `<!doctype html><html><head><title>Generated</title><script type="module" src="/src/main.tsx"></script></head><body><div id="root"></div></body></html>`
	files := map[string]string{
		"index.html": index, "tsconfig.json": `{"compilerOptions": {"jsx": "react-jsx", "target": "ES2022", "module": "ESNext", "moduleResolution": "bundler"}}`,
		"package.json": manifest,
	}
	var imports, uses strings.Builder
	for part := range 50 {
		for module := range 10 {
			name := fmt.Sprintf("Part%dModule%d", part, module)
			style := ""
			if module == 0 {
				style = fmt.Sprintf("import './part%d.css'\n", part)
				files[fmt.Sprintf("src/part%d/part%d.css", part, part)] = fmt.Sprintf(".part%d { padding: %dpx }\n", part, part)
			}
			files[fmt.Sprintf("src/part%d/module%d.tsx", part, module)] = fmt.Sprintf(`import { useState } from 'react'
%s
interface Props { title: string; items?: string[] }

export function %s({ title, items = ['a', 'b', 'c'] }: Props) {
  const [open, setOpen] = useState(false)
  const shown = items.filter((item) => open || item.length < %d).map((item, i) => <li key={i}>{item}</li>)
  return (
    <section className="part%d">
      <h2 onClick={() => setOpen(!open)}>{title}</h2>
      <ul>{shown}</ul>
    </section>
  )
}
`, style, name, module+2, part)
			fmt.Fprintf(&imports, "import { %s } from './part%d/module%d'\n", name, part, module)
			fmt.Fprintf(&uses, "      <%s title=%q />\n", name, name)
		}
	}
	files["src/main.tsx"] = "import { createRoot } from 'react-dom/client'\n" + imports.String() +
		"\ncreateRoot(document.getElementById('root')!).render(\n    <>\n" + uses.String() + "    </>,\n)\n"
	for name, content := range files {
		if err := write(filepath.Join(dir, filepath.FromSlash(name)), content); err != nil {
			return err
		}
	}
	return linkModules(dir, peers)
}

const (
	edits    = 20               // in a round
	forStart = 20 * time.Second // a first page may take so long
	forSave  = 3 * time.Second  // after that, a save is lost
)

// round starts s, edits the page and stops s. It returns the time from each save until it was
// served, but not those that were lost: Vite misses one now and then.
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
		if err := process.await(ctx, path, "", forStart); err != nil {
			return 0, nil, 0, err
		}
	}
	start = time.Since(begin)
	file := filepath.Join(s.dir, filepath.FromSlash(s.edited))
	source, err := os.ReadFile(file) //nolint:gosec // a copy that was made for this
	if err != nil {
		return 0, nil, 0, err
	}
	pace := time.NewTicker(300 * time.Millisecond) // Vite loses more that follow more closely
	defer pace.Stop()
	for i := range edits {
		<-pace.C
		marker := fmt.Sprintf("edit-%d-%d", begin.UnixNano(), i)
		begin := time.Now()
		if err := write(file, string(source)+fmt.Sprintf("\nconsole.log(%q)\n", marker)); err != nil {
			return 0, nil, 0, err
		}
		if process.await(ctx, s.script, marker, forSave) == nil {
			saves = append(saves, time.Since(begin))
		}
	}
	if len(saves) < edits/2 {
		return 0, nil, 0, fmt.Errorf("only %d of %d saves were served", len(saves), edits)
	}
	if err := write(file, string(source)); err != nil {
		return 0, nil, 0, err
	}
	resident, err = process.resident()
	return start, saves, resident, err
}

// await requests path until the answer is 200 and contains text. As a browser does, it
// asks for what it has already only if that has changed.
func (s *server) await(ctx context.Context, path, text string, patience time.Duration) error {
	last, tag := "nothing", ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && ctx.Err() == nil; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
		if err != nil {
			return err
		}
		if tag != "" {
			req.Header.Set("If-None-Match", tag)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			continue // it does not listen yet
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close() // it was only read
		if err == nil && resp.StatusCode == http.StatusOK && strings.Contains(string(body), text) {
			return nil
		}
		last, tag = resp.Status, resp.Header.Get("ETag")
		<-time.After(3 * time.Millisecond) // polling without a pause would slow the server down
	}
	return fmt.Errorf("%s never answers with %q (%s)", path, text, last)
}

// copyFrontend copies the project's frontend to the folder to. Its packages are
// the installed ones.
func copyFrontend(to, _ string) error {
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
	return linkModules(to, from)
}

// linkModules makes the packages that are installed in from those of the frontend in to.
func linkModules(to, from string) error {
	modules, err := filepath.Abs(filepath.Join(from, "node_modules"))
	if err != nil {
		return err
	}
	return os.Symlink(modules, filepath.Join(to, "node_modules"))
}
