package httpapi

import (
	"fmt"
	"net/http"
	"path"
	"runtime"
	"strings"
)

// module is the prefix of the import paths of the project's packages.
const module = "calling-an-api.example/"

// panicError is a recovered panic of a handler.
type panicError struct {
	value any
	stack []runtime.Frame // from the function that panicked to the server's
}

// Error returns the value and the place in the project where it happened.
func (e *panicError) Error() string {
	for _, f := range e.stack {
		if isOurs(f) {
			return fmt.Sprintf("panic at %s: %v", place(f), e.value)
		}
	}
	return fmt.Sprintf("panic: %v", e.value)
}

// trace returns the stack in one line, for logs, up to the code that calls handlers.
func (e *panicError) trace() string {
	var calls []string
	for _, f := range e.stack {
		if f.Function == module+"api/internal/httpapi.call" {
			break
		}
		calls = append(calls, fmt.Sprintf("%s (%s)", path.Base(f.Function), place(f)))
	}
	return strings.Join(calls, " < ")
}

func isOurs(f runtime.Frame) bool { return strings.HasPrefix(f.Function, module) }

// place returns file:line of f. Files of the project are named from the repository's top
// folder, and others by their package.
func place(f runtime.Frame) string {
	dir := path.Dir(f.Function) // import path of the package without its last element
	last, _, _ := strings.Cut(path.Base(f.Function), ".")
	return fmt.Sprintf("%s:%d", strings.TrimPrefix(path.Join(dir, last, path.Base(f.File)), module), f.Line)
}

// call calls next and turns a panic into an error.
func call(next handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = &panicError{p, callers()}
		}
	}()
	return next(w, r)
}

// callers returns the stack of the function that panicked. Its caller is a deferred
// function. The runtime's own frames are left out.
func callers() (stack []runtime.Frame) {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			stack = append(stack, f)
		}
		if !more {
			return stack
		}
	}
}
