package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
)

// listen listens on addr: HOST:PORT, or unix:PATH for a socket file with this mode.
func listen(ctx context.Context, addr, mode string) (net.Listener, error) {
	bits, err := strconv.ParseUint(mode, 8, 9)
	if err != nil {
		return nil, usage.Errorf("--socket-mode %q is not a mode: write it like 660", mode)
	}
	path, isSocket := strings.CutPrefix(addr, "unix:")
	if !isSocket {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("cannot listen on %s: %w", addr, err)
		}
		return l, nil
	}
	if path == "" {
		return nil, usage.Errorf("--addr unix: needs a path, like unix:/run/syncmanager.sock")
	}
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	if err := os.Chmod(path, fs.FileMode(bits)); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot set the mode of %s: %w", path, err), l.Close())
	}
	return l, nil
}

// removeStale removes a socket file on which no program listens.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("cannot examine %s: %w", path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s exists and is not a socket: choose another path for --addr", path)
	}
	if conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path); err == nil {
		conn.Close()
		return fmt.Errorf("another program listens on %s: stop it, or choose another path for --addr", path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("cannot remove the old socket %s: %w", path, err)
	}
	return nil
}
