//go:build unix && !linux

package procs

import "syscall"

// attributes puts a process into a group of its own, so that a signal reaches
// its children too and no terminal's signal comes before ours.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
