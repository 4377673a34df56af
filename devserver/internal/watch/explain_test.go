package watch

import (
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// TestLimits names the setting of the system and the switch.
func TestLimits(t *testing.T) {
	t.Parallel()
	for err, want := range map[error][]string{
		syscall.ENOSPC:  {"fs.inotify.max_user_watches", "--poll 1s", "DEV_POLL=1s"},
		syscall.EMFILE:  {"fs.inotify.max_user_instances", "ulimit -n", "DEV_POLL=1s"},
		fs.ErrNotExist:  {"watch x: file does not exist"},
		syscall.ENOTDIR: {"watch x: "},
	} {
		for _, part := range want {
			if text := explain("watch x", err).Error(); !strings.Contains(text, part) {
				t.Errorf("%v: %s", err, text)
			}
		}
	}
}
