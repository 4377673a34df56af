// Package browse shows a URL in the browser of the person at this machine.
package browse

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
)

// Open shows url, one of this project's own. It returns once the browser has taken
// it over, or with what its opener says.
func Open(ctx context.Context, url string) error {
	command := []string{"xdg-open"}
	switch runtime.GOOS {
	case "darwin":
		command = []string{"open"}
	case "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	command = append(command, url)
	opener := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the caller's own URL
	if output, err := opener.CombinedOutput(); err != nil {
		return fmt.Errorf("open %s in a browser: %w\n%s", url, err, output)
	}
	return nil
}
