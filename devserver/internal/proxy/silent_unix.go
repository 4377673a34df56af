//go:build unix

package proxy

import (
	"errors"
	"net"
	"syscall"
)

// canTell says that silent can tell.
const canTell = true

// silent reports whether the other end of an idle connection has neither closed it
// nor said anything. A server may say 408 before it closes one; taken for the
// answer to the next request it would be everybody's fault but its own.
func silent(conn net.Conn) bool {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	var peekErr error
	var buf [1]byte
	if err := raw.Control(func(fd uintptr) { _, _, peekErr = syscall.Recvfrom(int(fd), buf[:], syscall.MSG_PEEK) }); err != nil {
		return false
	}
	return errors.Is(peekErr, syscall.EAGAIN) // there is nothing to read, and no end
}
