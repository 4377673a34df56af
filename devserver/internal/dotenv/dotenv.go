// Package dotenv reads a .env file, whose settings the environment overrides.
package dotenv

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/joho/godotenv"
)

// Load returns environ, "NAME=value" each, with the settings of file added that environ
// does not have. names are all names in file. If file does not exist, env is environ.
// The error has the file and line, but not its content, which may be secret.
func Load(file string, environ []string) (env, names []string, err error) {
	data, err := os.ReadFile(file) //nolint:gosec // the project's own file
	if errors.Is(err, fs.ErrNotExist) {
		return environ, nil, nil
	} else if err != nil {
		return nil, nil, err
	}
	settings, ok := parse(data)
	if !ok {
		return nil, nil, fmt.Errorf("%s:%d: this line is not NAME=value", file, invalidLine(data))
	}
	env = slices.Clone(environ)
	names = slices.Sorted(maps.Keys(settings))
	for _, name := range names {
		if _, ok := Lookup(environ)(name); !ok {
			env = append(env, name+"="+settings[name])
		}
	}
	return env, names, nil
}

var nameRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parse returns data's settings. ok is false if data is invalid; the library accepts
// names that are not valid in an environment.
func parse(data []byte) (settings map[string]string, ok bool) {
	settings, err := godotenv.UnmarshalBytes(data)
	for name := range settings {
		if !nameRE.MatchString(name) {
			return nil, false
		}
	}
	return settings, err == nil
}

// invalidLine returns the number of the first line that makes data invalid.
func invalidLine(data []byte) int {
	lines := bytes.SplitAfter(data, []byte("\n"))
	for n := len(lines) - 1; n > 0; n-- {
		if _, ok := parse(bytes.Join(lines[:n], nil)); ok {
			return n + 1
		}
	}
	return 1
}

// Lookup is os.LookupEnv for env, "NAME=value" each. If a name is there twice, the last
// value is used, as in a new process.
func Lookup(env []string) func(name string) (string, bool) {
	return func(name string) (string, bool) {
		for _, setting := range slices.Backward(env) {
			if value, ok := strings.CutPrefix(setting, name+"="); ok {
				return value, true
			}
		}
		return "", false
	}
}
