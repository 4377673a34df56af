package runner

import (
	"bufio"
	"context"
	"strings"
)

const keyHelp = "o open the page, i open the inspector, r restart, n install the page's packages, t print a token, q quit, h this help; each with Enter"

// readKeys sends the user's lines to the loop. It reads lines instead of single keys,
// so that the terminal keeps its mode and its own Ctrl+C.
func (r *runner) readKeys(ctx context.Context) {
	lines := bufio.NewScanner(r.Keys)
	for lines.Scan() && ctx.Err() == nil {
		key := strings.TrimSpace(lines.Text())
		select {
		case r.keys <- key:
		case <-r.over:
			return
		}
	}
}

// open opens a path of the page in the browser.
func (r *runner) open(ctx context.Context, path string) {
	if err := r.Tools.Open(ctx, r.settings.cfg.Origin(r.settings.cfg.Addr)+path); err != nil {
		r.printf("%v", err)
	}
}

// key runs the command of a key. An unknown key prints the help.
func (r *runner) key(ctx context.Context, key string) {
	switch key {
	case "":
	case "o":
		r.open(ctx, "")
	case "i":
		if !r.settings.cfg.Inspect {
			r.printf("the inspector is off: DEV_INSPECT is false")
			return
		}
		r.open(ctx, "/@dev/")
	case "r":
		r.printf("restarting")
		for _, p := range r.processes() {
			r.restart(p)
		}
	case "n":
		r.install(ctx, "installing the page's packages")
	case "t":
		output, err := r.Tools.Token(ctx, r.settings.env)
		r.out.Print(string(output))
		if err != nil {
			r.printf("cannot get a token: %v", err)
		}
	case "q":
		r.stop()
	default:
		r.printf("%s", keyHelp)
	}
}
