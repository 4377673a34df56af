// Package browse opens a URL in the user's browser.
package browse

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
)

// Open opens url, one of this project's own. It returns when the system's opener has
// finished; the error contains its output.
func Open(ctx context.Context, url string) error {
	command := []string{"xdg-open"}
	switch runtime.GOOS {
	case "darwin":
		command = []string{"open"}
	case "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	command = append(command, url)
	opener := exec.CommandContext(ctx, command[0], command[1:]...)
	if output, err := opener.CombinedOutput(); err != nil {
		return fmt.Errorf("open %s in a browser: %w\n%s", url, err, output)
	}
	return nil
}
