package edits

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"calling-an-api.example/devserver/internal/source"
)

// packages tells whether the packages of the frontend are installed. It is owned by the
// loop of Edits.
type packages struct {
	dir   string
	state packageState
}

type packageState int

const (
	ready      packageState = iota // or none are needed
	missing                        // there is no node_modules
	installing                     // npm is filling node_modules
)

// installPause is how long nothing may be added to an incomplete node_modules that counts
// as one that is being filled. After that, npm has ended, or another tool has filled it
// that leaves none of the files below.
const installPause = time.Minute

// complete are the files in node_modules that npm, Yarn and pnpm write last.
var complete = []string{".package-lock.json", ".yarn-integrity", ".yarn-state.yml", ".modules.yaml"}

// look finds out the state, and reports whether it has changed.
func (p *packages) look() (changed bool) {
	before := p.state
	p.state = p.find()
	return p.state != before
}

// find returns the state of the folder now. The packages of a workspace are in a folder
// above.
func (p *packages) find() packageState {
	if !p.needed() {
		return ready
	}
	for _, dir := range p.folders() {
		modules := filepath.Join(dir, "node_modules")
		info, err := os.Stat(modules)
		if err != nil || !info.IsDir() {
			continue
		}
		for _, name := range complete {
			if source.Regular(filepath.Join(modules, name)) == nil {
				return ready
			}
		}
		if source.Regular(filepath.Join(dir, "package-lock.json")) == nil && time.Since(info.ModTime()) < installPause {
			return installing
		}
		return ready
	}
	return missing
}

// needed reports whether package.json names packages.
func (p *packages) needed() bool {
	data, err := source.ReadFile(filepath.Join(p.dir, "package.json"))
	if err != nil {
		return false
	}
	var names struct{ Dependencies, DevDependencies map[string]any }
	return json.Unmarshal(data, &names) == nil && len(names.Dependencies)+len(names.DevDependencies) > 0
}

// folders returns the frontend's folder and those above it.
func (p *packages) folders() (all []string) {
	dir, err := filepath.Abs(p.dir)
	for err == nil {
		all = append(all, dir)
		above := filepath.Dir(dir)
		if above == dir {
			break
		}
		dir = above
	}
	return all
}

// files returns the files that are written when the packages are complete.
func (p *packages) files() (all []string) {
	if !p.needed() {
		return nil
	}
	for _, dir := range p.folders() {
		if _, err := os.Stat(filepath.Join(dir, "package.json")); err == nil {
			for _, name := range complete {
				all = append(all, filepath.Join(dir, "node_modules", name))
			}
		}
	}
	return all
}

// message says what to do, in one line; runner is whether the runner can do it. It is ""
// if there is nothing to do.
func (p *packages) message(runner bool) string {
	folder := filepath.Base(p.dir)
	switch p.state {
	case ready:
		return ""
	case installing:
		return fmt.Sprintf("the packages in %s/node_modules are being installed", folder)
	case missing:
	}
	command := "npm install"
	if source.Regular(filepath.Join(p.dir, "package-lock.json")) == nil {
		command = "npm ci"
	}
	message := fmt.Sprintf("the packages of the page are not installed: run %s in %s", command, folder)
	if runner {
		message += ", or press n and Enter where make dev runs"
	}
	return message
}
