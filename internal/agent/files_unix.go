//go:build unix

package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownerOf returns the user who owns a file.
func ownerOf(info fs.FileInfo) (uid int, known bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(s.Uid), true
}

// control calls f with the descriptor of a connection.
func control(c *net.UnixConn, f func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// streams is how many files a command has: stdin, stdout and stderr.
const streams = 3

// sendFiles passes files to the other side.
func sendFiles(c *net.UnixConn, files [streams]*os.File) error {
	var fds [streams]int
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	_, _, err := c.WriteMsgUnix([]byte{0}, unix.UnixRights(fds[:]...), nil)
	return err
}

// receiveFiles receives what sendFiles passed. The caller closes them.
func receiveFiles(c *net.UnixConn) (files [streams]*os.File, err error) {
	oob := make([]byte, unix.CmsgSpace(streams*4))
	_, n, flags, _, err := c.ReadMsgUnix(make([]byte, 1), oob)
	if err != nil {
		return files, err
	}
	var fds []int
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	for i := range messages {
		some, parseErr := unix.ParseUnixRights(&messages[i])
		err = errors.Join(err, parseErr)
		fds = append(fds, some...)
	}
	if err != nil || len(fds) != streams || flags&unix.MSG_CTRUNC != 0 {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
		return files, errors.Join(fmt.Errorf("the command passed %d files", len(fds)), err)
	}
	for i, name := range []string{"stdin", "stdout", "stderr"} {
		unix.CloseOnExec(fds[i])
		files[i] = os.NewFile(uintptr(fds[i]), name)
	}
	return files, nil
}

// input is the stdin of a command, whose Read ends with the command: what stays behind must not take
// what the user types next.
type input struct {
	*os.File
	ended, end *os.File // a pipe whose end is closed when the command has ended

	mu      sync.Mutex
	reading int  // how many Reads use the files
	over    bool // the command has ended; who reads last closes the files
}

// Read implements [io.Reader].
func (in *input) Read(p []byte) (int, error) {
	if !in.enter() {
		return 0, os.ErrClosed
	}
	defer in.leave()
	fds := []unix.PollFd{{Fd: int32(in.Fd()), Events: unix.POLLIN}, {Fd: int32(in.ended.Fd()), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, err
		case fds[1].Revents != 0:
			return 0, os.ErrClosed
		}
		return in.File.Read(p)
	}
}

// enter reports whether the files may be used, until leave.
func (in *input) enter() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.over {
		in.reading++
	}
	return !in.over
}

func (in *input) leave() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.reading--; in.over && in.reading == 0 {
		in.closeFiles()
	}
}

// Close ends each Read. A number of a file that a Read still waits for is not given to another file
// before.
func (in *input) Close() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.over {
		return nil
	}
	in.over = true
	err := in.end.Close()
	if in.reading == 0 {
		in.closeFiles()
	}
	return err
}

func (in *input) closeFiles() { _, _ = in.File.Close(), in.ended.Close() }

// openInput returns the stdin of a command in f, which belongs to it.
func openInput(f *os.File) (*input, error) {
	r, w, err := os.Pipe()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &input{File: f, ended: r, end: w}, nil
}
