package procs

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// attributes puts a process into a group of its own, so that Ctrl+C reaches us alone.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// signalGroup ends cmd's process and those that it started. Windows has no signal
// that asks a console program of another group to stop, so it is killed.
func signalGroup(cmd *exec.Cmd, _ os.Signal) {
	kill := exec.Command("taskkill", "/t", "/f", "/pid", strconv.Itoa(cmd.Process.Pid)) //nolint:gosec // a number
	_ = kill.Run()                                                                      // it may have ended
}
