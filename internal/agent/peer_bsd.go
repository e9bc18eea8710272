//go:build darwin || freebsd

package agent

import (
	"net"

	"golang.org/x/sys/unix"
)

// solLocal is the level of the options of Unix sockets, which unix.SOL_LOCAL names on Darwin alone.
const solLocal = 0

// peer returns the user on the other side of a connection.
func peer(c *net.UnixConn) (uid int, known bool, err error) {
	err = control(c, func(fd int) error {
		cred, err := unix.GetsockoptXucred(fd, solLocal, unix.LOCAL_PEERCRED)
		if err == nil {
			uid = int(cred.Uid)
		}
		return err
	})
	return uid, err == nil, err
}
