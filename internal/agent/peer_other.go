//go:build !linux && !darwin && !freebsd

package agent

import "net"

// peer returns the user on the other side of a connection, who is not known here: the mode of the
// socket and of its folder decide.
func peer(*net.UnixConn) (uid int, known bool, err error) { return 0, false, nil }
