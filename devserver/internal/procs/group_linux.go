package procs

import "syscall"

// attributes puts a process into a group of its own, so that a signal reaches
// its children too and no terminal's signal comes before ours. It also ends with
// us, should we be killed outright.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
