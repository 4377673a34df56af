package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"calling-an-api.example/devserver/internal/browse"
	"calling-an-api.example/devserver/internal/config"
)

const keys = "o open the page, r restart, t print a token, q quit, h this help; each with Enter"

// readKeys does what a person at the terminal asks for. Keys take effect with
// Enter, so that the terminal stays as it is, with its own Ctrl+C.
func (r *runner) readKeys(ctx context.Context, stdin *os.File, signals chan<- os.Signal) {
	lines := bufio.NewScanner(stdin)
	for lines.Scan() && ctx.Err() == nil {
		switch key := strings.TrimSpace(lines.Text()); key {
		case "":
		case "o":
			if err := browse.Open(ctx, config.LocalOrigin(r.settings.Load().cfg.Addr)); err != nil {
				r.printf("%v", err)
			}
		case "r":
			r.printf("restarting")
			for _, p := range r.processes() {
				r.restart(p)
			}
		case "t":
			token := exec.CommandContext(ctx, "go", "run", "./devserver/cmd/token")
			token.Env = r.settings.Load().env
			output, err := token.CombinedOutput()
			if r.out.Print(string(output)); err != nil {
				r.printf("no token: %v", err)
			}
		case "q":
			signals <- syscall.SIGTERM
			return
		default:
			r.printf("%s", keys)
		}
	}
}
