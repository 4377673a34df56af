//go:build !unix

package proxy

import "net"

// canTell says that silent can't tell here, so that no plainConn is used.
const canTell = false

func silent(net.Conn) bool { return false }
