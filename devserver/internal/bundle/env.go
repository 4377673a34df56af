package bundle

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/joho/godotenv"

	"calling-an-api.example/devserver/internal/source"
)

// Modes, as import.meta.env.MODE and NODE_ENV have them.
const (
	development = "development"
	production  = "production"
)

// envPrefix is the prefix of the variables that a page may read. Others may be secret.
const envPrefix = "VITE_"

// envFiles are the files in the frontend's folder that may set such variables, in the
// order in which Vite reads them. A later one overrides an earlier one, and the
// environment overrides all.
func envFiles(mode string) []string {
	return []string{".env", ".env.local", ".env." + mode, ".env." + mode + ".local"}
}

// readEnv returns the page's variables: those of environ ("NAME=value" each), and of the
// files in dir.
func readEnv(dir, mode string, environ []string) (map[string]string, error) {
	env := map[string]string{}
	for _, name := range envFiles(mode) {
		data, err := source.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		settings, err := godotenv.UnmarshalBytes(data)
		if err != nil { // whose text has a part of the file, which may be secret
			return nil, source.New(filepath.Join(filepath.Base(dir), name), "", 0, "a line of this file is not NAME=value")
		}
		keepPublic(env, settings)
	}
	settings := map[string]string{}
	for _, setting := range environ {
		name, value, _ := strings.Cut(setting, "=")
		settings[name] = value
	}
	keepPublic(env, settings)
	return env, nil
}

// keepPublic copies the variables that a page may read from settings to env.
func keepPublic(env, settings map[string]string) {
	for name, value := range settings {
		if strings.HasPrefix(name, envPrefix) {
			env[name] = value
		}
	}
}

// defines returns the expressions that esbuild replaces, with their values as JSON.
func defines(mode string, env map[string]string) map[string]string {
	all := map[string]any{"MODE": mode, "DEV": mode == development, "PROD": mode == production, "SSR": false, "BASE_URL": "/"}
	for name, value := range env {
		all[name] = value
	}
	text := func(value any) string {
		data, err := json.Marshal(value)
		if err != nil {
			panic(err) // impossible for strings and booleans
		}
		return string(data)
	}
	out := map[string]string{"process.env.NODE_ENV": text(mode), "import.meta.hot": "undefined", "import.meta.env": text(all)}
	for name, value := range all {
		if isIdentifier(name) {
			out["import.meta.env."+name] = text(value)
		}
	}
	return out
}

// isIdentifier reports whether name can follow a dot in JavaScript.
func isIdentifier(name string) bool {
	return name != "" && strings.IndexFunc(name, func(c rune) bool {
		return c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}) < 0
}

// fillIn replaces %NAME% in index.html by the variable's value, as Vite does.
func fillIn(index []byte, mode string, env map[string]string) []byte {
	pairs := []string{"%MODE%", mode, "%BASE_URL%", "/"}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		pairs = append(pairs, "%"+name+"%", env[name])
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(index)))
}
