//go:build unix

package procs

import (
	"os"
	"os/exec"
	"syscall"
)

// signalGroup sends sig to cmd's process and those that it started.
func signalGroup(cmd *exec.Cmd, sig os.Signal) {
	_ = syscall.Kill(-cmd.Process.Pid, sig.(syscall.Signal)) //nolint:forcetypeassert // as all signals here; the process may have ended
}
