//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// roleVariable makes this program one of the processes that it measures.
const roleVariable = "SYNCMANAGER_BENCH_ROLE"

// used is what a process used until its end.
type used struct {
	CPU time.Duration
	// Peak is the largest resident set, in bytes.
	Peak int64
}

// process is a running role. It reads its task as JSON from standard input; what
// it writes to standard output is its answer.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(ctx context.Context, role string, task any) (*process, error) {
	return startBy(ctx, role, task, nil)
}

// startBy starts a process by another program, whose words are around, with more variables.
func startBy(ctx context.Context, role string, task any, around []string, variables ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	words := append(slices.Clone(around), self)
	p := &process{cmd: exec.CommandContext(ctx, words[0], words[1:]...)}
	p.cmd.Env = append(append(os.Environ(), roleVariable+"="+role), variables...)
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	return p, json.NewEncoder(p.in).Encode(task)
}

// answer reads one line of JSON from the process.
func (p *process) answer(into any) error {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return errors.Join(fmt.Errorf("a process ended early: %w", err), p.cmd.Wait())
	}
	return json.Unmarshal(line, into)
}

// end closes the process's input, which ends it, and tells what it used.
func (p *process) end() (used, error) {
	_ = p.in.Close()
	_, _ = io.Copy(io.Discard, p.out)
	if err := p.cmd.Wait(); err != nil {
		return used{}, err
	}
	u := used{CPU: p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()}
	if r, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.Peak = r.Maxrss << 10
	}
	return u, nil
}

// cpu is what this process has used so far.
func cpu() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// run is a process that does its task and ends.
func run(ctx context.Context, role string, task, into any) (used, error) {
	p, err := start(ctx, role, task)
	if err != nil {
		return used{}, err
	}
	if err := p.answer(into); err != nil {
		return used{}, err
	}
	return p.end()
}

// play is a process's side.
func play(ctx context.Context, role string) error {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	roles := map[string]func(context.Context, []byte) (any, error){"serve": serve, "serve storage": serve, "fill engines": fillEngines, "sync": syncDevice, "work": work, "run": runDevice}
	f, ok := roles[role]
	if !ok {
		return fmt.Errorf("no role is called %s", role)
	}
	result, err := f(ctx, line)
	if err != nil {
		return fmt.Errorf("%s: %w", role, err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		return err
	}
	// A server works until its input ends.
	_, err = io.Copy(io.Discard, in)
	return errors.Join(err, stop(ctx))
}
