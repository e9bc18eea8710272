package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// socket is the socket's name in the data folder. There are Unix sockets on
// Windows too, where the folder's access list protects this one.
const socket = "admin.sock"

// maxPath is how long a socket's path may be on all systems, in bytes.
const maxPath = 100

// ErrNotRunning means that no server listens in the folder.
var ErrNotRunning = errors.New("no server is running on this data folder")

// Listen listens in a data folder. The caller holds the folder's lock, so a
// socket that is there was left by a server that is no more.
func Listen(ctx context.Context, dir string) (net.Listener, error) {
	path := filepath.Join(dir, socket)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot remove an old admin socket: %w", err)
	}
	var l net.Listener
	err := within(dir, func(short string) (err error) {
		l, err = (&net.ListenConfig{}).Listen(ctx, "unix", short)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot make the admin socket: %w", err)
	}
	// The folder is 0700 already; this is for one that somebody opened up.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot protect the admin socket: %w", err), l.Close())
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	return &listener{Listener: l, path: path}, nil
}

// listener takes its socket with it.
type listener struct {
	net.Listener
	path string
	once sync.Once
	err  error
}

func (l *listener) Close() error {
	// Once: later the socket may be another server's.
	l.once.Do(func() {
		l.err = l.Listener.Close()
		if err := os.Remove(l.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.err = errors.Join(l.err, err)
		}
	})
	return l.err
}

// within calls f with a path of the folder's socket that is short enough: a
// socket's address holds just some 100 bytes. On Linux an open folder is another
// way to it.
func within(dir string, f func(path string) error) error {
	path := filepath.Join(dir, socket)
	if len(path) <= maxPath {
		return f(path)
	}
	if runtime.GOOS != "linux" {
		return fmt.Errorf("the path %s is too long for a socket, by %d bytes", path, len(path)-maxPath)
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return f(fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), socket))
}

// Dial makes a client of the server that runs on a data folder. The error wraps
// ErrNotRunning if none does.
func Dial(ctx context.Context, dir string) (*Client, error) {
	dial := func(ctx context.Context) (conn net.Conn, err error) {
		err = within(dir, func(path string) error {
			conn, err = (&net.Dialer{}).DialContext(ctx, "unix", path)
			return err
		})
		return conn, err
	}
	conn, err := dial(ctx)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("you may not administer the server on %s; be its user: %w", dir, err)
		}
		return nil, fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	conn.Close()
	return NewClient(&http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}), nil
}
