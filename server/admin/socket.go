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

// socket is the socket's name in the data folder. Windows has Unix sockets too; there the
// folder's access list protects it.
const socket = "admin.sock"

// maxPath is the length of a socket's path that all systems allow, in bytes.
const maxPath = 100

// ErrNotRunning means that no server listens in the data folder.
var ErrNotRunning = errors.New("no server is running on this data folder")

// Listen listens on the socket in a data folder. The caller must hold the folder's lock, so
// an existing socket is left over from a server that ended.
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
		return nil, fmt.Errorf("cannot create the admin socket: %w", err)
	}
	// The folder usually has mode 0700; this protects the socket if its mode was changed.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot protect the admin socket: %w", err), l.Close())
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	return &listener{Listener: l, path: path}, nil
}

// listener removes its socket when it is closed.
type listener struct {
	net.Listener
	path string
	once sync.Once
	err  error
}

func (l *listener) Close() error {
	// Only once: later the socket may belong to another server.
	l.once.Do(func() {
		l.err = l.Listener.Close()
		if err := os.Remove(l.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.err = errors.Join(l.err, err)
		}
	})
	return l.err
}

// within calls f with a path of the folder's socket that is short enough: the address of a
// socket has space for about 100 bytes. On Linux a long path is replaced by one through an
// open file descriptor of the folder.
func within(dir string, f func(path string) error) error {
	path := filepath.Join(dir, socket)
	if len(path) <= maxPath {
		return f(path)
	}
	if runtime.GOOS != "linux" {
		return fmt.Errorf("the path %s is %d bytes too long for a socket: use a data folder with a shorter path", path, len(path)-maxPath)
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return f(fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), socket))
}

// Dial returns a client of the server that runs on a data folder. The error wraps
// [ErrNotRunning] if none does.
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
			return nil, fmt.Errorf("you may not administer the server on %s: run this as the server's user: %w", dir, err)
		}
		return nil, fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	conn.Close()
	return NewClient(&http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}), nil
}
