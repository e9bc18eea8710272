package agent

import (
	"net"

	"golang.org/x/sys/unix"
)

// peer returns the user on the other side of a connection.
func peer(c *net.UnixConn) (uid int, known bool, err error) {
	err = control(c, func(fd int) error {
		cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err == nil {
			uid = int(cred.Uid)
		}
		return err
	})
	return uid, err == nil, err
}
