package bundle

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"calling-an-api.example/devserver/internal/source"
)

// tsconfig is what matters here of a tsconfig.json. esbuild reads the compiler's options
// itself.
type tsconfig struct {
	Extends    any                     `json:"extends"` // a string, or a list of them
	Files      []string                `json:"files"`
	References []struct{ Path string } `json:"references"`
	Options    map[string]any          `json:"compilerOptions"`
}

// TSConfig returns the configuration of the page's code, "" if dir has none. It is
// tsconfig.json, unless that only refers to others, as Vite's templates do: then the
// first of these whose name is not that of the tools' configuration. esbuild and tsc do
// not follow such references.
func TSConfig(dir string) string {
	file := filepath.Join(dir, "tsconfig.json")
	config, ok := readTSConfig(file)
	if !ok {
		if file = filepath.Join(dir, "jsconfig.json"); isRegular(file) {
			return file
		}
		return ""
	}
	if len(config.References) == 0 || config.Files == nil || len(config.Files) > 0 || len(config.Options) > 0 && config.Options["jsx"] != nil {
		return file
	}
	for _, reference := range config.References {
		other := filepath.Join(dir, filepath.FromSlash(reference.Path))
		if info, err := os.Stat(other); err == nil && info.IsDir() {
			other = filepath.Join(other, "tsconfig.json")
		}
		if _, ok := readTSConfig(other); ok && !strings.Contains(filepath.Base(other), "node") {
			return other
		}
	}
	return file
}

func readTSConfig(file string) (config tsconfig, ok bool) {
	data, err := source.ReadFile(file)
	if err != nil {
		return config, false
	}
	if data, err = hujson.Standardize(data); err != nil {
		return config, true // esbuild and tsc say what is wrong
	}
	_ = json.Unmarshal(data, &config) // likewise
	return config, true
}

// tsconfigFiles returns file and the files that it extends.
func tsconfigFiles(file string) (files []string) {
	queue := []string{file}
	for len(queue) > 0 && len(files) < 50 {
		file, queue = queue[0], queue[1:]
		if file == "" || slices.Contains(files, file) {
			continue
		}
		config, ok := readTSConfig(file)
		if !ok {
			continue
		}
		files = append(files, file)
		bases, _ := config.Extends.([]any)
		if len(bases) == 0 {
			bases = []any{config.Extends}
		}
		for _, base := range bases {
			if name, ok := base.(string); ok {
				queue = append(queue, findBase(filepath.Dir(file), name))
			}
		}
	}
	return files
}

// findBase returns the file that "extends": name in a file of dir refers to, "" if there
// is none.
func findBase(dir, name string) string {
	if filepath.IsAbs(name) || strings.HasPrefix(name, ".") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, filepath.FromSlash(name))
		}
		return firstFile(name, name+".json", filepath.Join(name, "tsconfig.json"))
	}
	for {
		path := filepath.Join(dir, "node_modules", filepath.FromSlash(name))
		if found := firstFile(path, path+".json", filepath.Join(path, "tsconfig.json")); found != "" {
			return found
		}
		above := filepath.Dir(dir)
		if above == dir {
			return ""
		}
		dir = above
	}
}

// firstFile returns the first path that is a regular file, "" if none is.
func firstFile(paths ...string) string {
	for _, path := range paths {
		if isRegular(path) {
			return path
		}
	}
	return ""
}

func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
