package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/syncmanager/syncmanager/internal/sealedfile"
)

const (
	socketName = "agent.sock"
	// elsewhereName is a file in the profile's folder with the path of a socket that is elsewhere.
	elsewhereName = "agent.path"
	// longestSocket bounds the path of a socket, in bytes, on every system.
	longestSocket = 103
)

// socketPath returns the path of the socket of the profile in dir, an absolute path, and whether
// it is in dir itself. runtimeDir is the folder for one that would be too long there, or else /tmp.
func socketPath(dir, runtimeDir string) (path string, inDir bool) {
	if path = filepath.Join(dir, socketName); len(path) <= longestSocket {
		return path, true
	}
	sum := sha256.Sum256([]byte(dir))
	below := filepath.Join("syncmanager-"+hex.EncodeToString(sum[:8]), socketName)
	if path = filepath.Join(runtimeDir, below); len(path) > longestSocket {
		path = filepath.Join("/tmp", below)
	}
	return path, false
}

// listen listens for the profile in dir, whose lock the caller holds: a socket that is there was left
// over by an agent that was killed.
func listen(dir, runtimeDir string) (net.Listener, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for commands: %w", err)
	}
	path, inDir := socketPath(dir, runtimeDir)
	elsewhere := filepath.Join(dir, elsewhereName)
	if !inDir {
		if err := privateFolder(filepath.Dir(path)); err != nil {
			return nil, fmt.Errorf("cannot listen for commands: %w", err)
		}
	}
	for _, left := range []string{path, elsewhere} {
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot replace what an earlier agent left over: %w", err)
		}
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("cannot listen for commands: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot protect the agent's socket: %w", err), l.Close())
	}
	if !inDir {
		if err := sealedfile.Write(elsewhere, []byte(path+"\n")); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return &userListener{l}, nil
}

// privateFolder makes a folder for this user alone. One that is there must be that already: another
// user may have made it, in a folder for all.
func privateFolder(path string) error {
	err := os.Mkdir(path, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if owner, known := ownerOf(info); !info.IsDir() || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 || known && owner != os.Getuid() {
		return fmt.Errorf("%s is not a folder of this user alone; remove it", path)
	}
	return nil
}

// userListener accepts connections of this user and of root alone.
type userListener struct{ *net.UnixListener }

// Accept implements [net.Listener]. The connections are of type *net.UnixConn.
func (l *userListener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		uid, known, err := peer(c)
		if err == nil && (!known || uid == os.Getuid() || uid == 0) {
			return c, nil
		}
		_ = c.Close()
	}
}

// Client is a connection to the agent of a profile. Each is good for one request.
type Client struct{ conn *net.UnixConn }

// Dial connects to the agent of the profile in dir. The error wraps [ErrNone] if none runs.
func Dial(ctx context.Context, dir string) (*Client, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, socketName)
	if b, err := os.ReadFile(filepath.Join(dir, elsewhereName)); err == nil {
		path = strings.TrimSuffix(string(b), "\n")
	}
	if len(path) > longestSocket {
		return nil, ErrNone
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	conn := c.(*net.UnixConn)
	if err := checkServer(conn, dir); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &Client{conn}, nil
}

// checkServer refuses a server of another user than the owner of the profile's folder, since it gets
// passwords.
func checkServer(c *net.UnixConn, dir string) error {
	uid, known, err := peer(c)
	if err != nil || !known {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if owner, known := ownerOf(info); known && owner != uid && uid != 0 {
		return fmt.Errorf("the socket of the agent in %s belongs to another user", dir)
	}
	return nil
}

// Close closes the connection.
func (c *Client) Close() error { return c.conn.Close() }
