package e2e

import "syscall"

// endsWithParent has a process end when this one ends in whatever way.
func endsWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
