package agent

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

// upgrade is the protocol that a connection speaks while a command runs on it: lines of JSON, after
// one byte that carries the command's files.
const upgrade = "syncmanager-command"

// maxCommand bounds a command, in bytes.
const maxCommand = 8 << 20

// Command is a command line, as the program has it that the user started.
type Command struct {
	// Version and Protocol are those of that program.
	Version  string `json:"version"`
	Protocol int    `json:"protocol"`
	// Args are its arguments, without its name.
	Args []string `json:"args"`
	// Dir is the folder that relative paths are in.
	Dir string `json:"dir"`
	// Env are the environment variables that commands read.
	Env map[string]string `json:"env"`
}

// Streams are what a command reads and writes: those of the program that the user started.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// Browse opens a page in the user's browser.
	Browse func(url string) error
}

// A line is what the two sides say to each other while a command runs. One field is set.
type line struct {
	// Cancel is sent when the user interrupts the command.
	Cancel bool `json:"cancel,omitempty"`
	// Browse is sent to open a page, and Browsed answers it.
	Browse  string `json:"browse,omitempty"`
	Browsed *bool  `json:"browsed,omitempty"`
	// Exit ends the connection.
	Exit *int `json:"exit,omitempty"`
}

// command serves a command.
func (a *Agent) command(agent context.Context, w http.ResponseWriter, r *http.Request) {
	var c Command
	if err := json.NewDecoder(io.LimitReader(r.Body, maxCommand)).Decode(&c); err != nil {
		writeJSON(w, http.StatusBadRequest, failure{"the command cannot be read: " + err.Error()})
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxCommand))
	if c.Protocol != Protocol || c.Version != a.cfg.Version {
		writeJSON(w, http.StatusConflict, failure{fmt.Sprintf(
			"the agent that holds this profile is version %s, and this program is version %s: restart the agent", a.cfg.Version, c.Version)})
		return
	}
	if r.Header.Get("Upgrade") != upgrade {
		writeJSON(w, http.StatusUpgradeRequired, failure{"a command needs the protocol " + upgrade})
		return
	}
	hijacked, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, failure{err.Error()})
		return
	}
	defer hijacked.Close()
	conn, ok := hijacked.(*net.UnixConn)
	if !ok {
		return
	}
	a.running.Add(1)
	defer a.running.Done()
	if err := a.run(agent, conn, c); err != nil {
		a.cfg.Log.WarnContext(agent, "a command could not be run", "err", err)
	}
	giveMemoryBack()
}

// run runs a command whose connection was taken over.
func (a *Agent) run(ctx context.Context, conn *net.UnixConn, c Command) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+upgrade+"\r\n\r\n"); err != nil {
		return err
	}
	files, err := receiveFiles(conn)
	if err != nil {
		return err
	}
	defer files[1].Close()
	defer files[2].Close()
	in, err := openInput(files[0])
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	browsed := make(chan bool)
	go func() { // ends with the connection
		defer cancel() // who asked is gone
		lines := json.NewDecoder(conn)
		for {
			var l line
			switch err := lines.Decode(&l); {
			case err != nil:
				return
			case l.Cancel:
				cancel()
			case l.Browsed != nil:
				select {
				case browsed <- *l.Browsed:
				case <-ctx.Done():
				}
			}
		}
	}()
	code := a.cfg.Command(ctx, c, Streams{In: in, Out: files[1], Err: files[2], Browse: func(url string) error {
		if err := json.NewEncoder(conn).Encode(line{Browse: url}); err != nil {
			return err
		}
		select {
		case ok := <-browsed:
			if !ok {
				return errors.New("no browser opened")
			}
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}})
	_ = in.Close()
	return json.NewEncoder(conn).Encode(line{Exit: &code})
}

// Run runs a command in the agent, with the files of this program, and returns its exit code. If
// ctx ends, it is cancelled there. browse opens a page in the browser.
func (c *Client) Run(ctx context.Context, command Command, in, out, errs *os.File, browse func(url string) error) (code int, err error) {
	command.Protocol = Protocol
	answers, err := c.upgrade(ctx, command)
	if err != nil {
		return 0, err
	}
	if err := sendFiles(c.conn, [streams]*os.File{in, out, errs}); err != nil {
		return 0, fmt.Errorf("cannot hand the command to the agent: %w", err)
	}
	say := json.NewEncoder(c.conn) // each line is one Write
	stop := context.AfterFunc(ctx, func() { _ = say.Encode(line{Cancel: true}) })
	defer stop()
	lines := json.NewDecoder(answers)
	for {
		var l line
		if err := lines.Decode(&l); err != nil {
			return 0, errors.New("the agent ended while it ran this command; run it again")
		}
		switch {
		case l.Exit != nil:
			return *l.Exit, nil
		case l.Browse != "":
			ok := browse(l.Browse) == nil
			if err := json.NewEncoder(c.conn).Encode(line{Browsed: &ok}); err != nil {
				return 0, err
			}
		}
	}
}

// upgrade sends a command, and returns what the agent says next.
func (c *Client) upgrade(ctx context.Context, command Command) (*bufio.Reader, error) {
	body, err := json.Marshal(command)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent/v1/command", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", upgrade)
	answers, resp, err := c.send(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, refusal(resp)
	}
	return answers, nil
}

// Info asks the agent who it is.
func (c *Client) Info(ctx context.Context) (i Info, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://agent/v1/agent", http.NoBody)
	if err != nil {
		return i, err
	}
	_, resp, err := c.send(r)
	if err != nil {
		return i, err
	}
	if resp.StatusCode != http.StatusOK {
		return i, refusal(resp)
	}
	defer resp.Body.Close()
	return i, json.NewDecoder(resp.Body).Decode(&i)
}

func (c *Client) send(r *http.Request) (*bufio.Reader, *http.Response, error) {
	stop := context.AfterFunc(r.Context(), func() { _ = c.conn.CloseRead() })
	defer stop()
	if err := r.Write(c.conn); err != nil {
		return nil, nil, fmt.Errorf("cannot ask the agent: %w", err)
	}
	answers := bufio.NewReader(c.conn)
	resp, err := http.ReadResponse(answers, r)
	if err != nil {
		return nil, nil, fmt.Errorf("the agent does not answer: %w", err)
	}
	return answers, resp, nil
}

// refusal is the error of an answer.
func refusal(resp *http.Response) error {
	defer resp.Body.Close()
	var f failure
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&f); err != nil || f.Error == "" {
		return fmt.Errorf("the agent answers %s: restart it, if it is of another version", strings.ToLower(resp.Status))
	}
	return errors.New(f.Error)
}
