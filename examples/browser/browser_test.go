package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server"
)

const password = "correct horse battery"

// device runs commands on a folder of data, as a user does on a device.
type device struct {
	t   *testing.T
	dir string
}

// run carries out a command, and returns what it printed. in has the answers to its questions.
func (d device) run(in string, args ...string) (string, error) {
	d.t.Helper()
	var out bytes.Buffer
	err := run(d.t.Context(), d.dir, strings.NewReader(in), &out, args)
	return strings.TrimSuffix(out.String(), "\n"), err
}

// do carries out a command that must go well.
func (d device) do(args ...string) string {
	d.t.Helper()
	return d.answer("", args...)
}

// answer is do for a command that asks for something.
func (d device) answer(in string, args ...string) string {
	d.t.Helper()
	printed, err := d.run(in+"\n", args...)
	if err != nil {
		d.t.Fatalf("%s: browser %q: %v", filepath.Base(d.dir), args, err)
	}
	return printed
}

// shows carries out a command that must print a line, or the beginning of one.
func (d device) shows(line string, args ...string) {
	d.t.Helper()
	if printed := d.do(args...); !regexp.MustCompile(`(?m)^\s*` + line).MatchString(printed) {
		d.t.Errorf("%s: browser %q prints\n%s\nwant %s", filepath.Base(d.dir), args, printed, line)
	}
}

// hides carries out a command that must not print a text.
func (d device) hides(text string, args ...string) {
	d.t.Helper()
	if printed := d.do(args...); strings.Contains(printed, text) {
		d.t.Errorf("%s: browser %q prints\n%s\nwithout %s", filepath.Base(d.dir), args, printed, text)
	}
}

// fails carries out a command that must say what is wrong.
func (d device) fails(says string, args ...string) {
	d.t.Helper()
	if printed, err := d.run("", args...); err == nil || !strings.Contains(err.Error(), says) {
		d.t.Errorf("%s: browser %q: error %v, want %q; it prints\n%s", filepath.Base(d.dir), args, err, says, printed)
	}
}

// url is the server of the account that the device is signed in to.
func (d device) url(t *testing.T) string {
	t.Helper()
	b, err := open(t.Context(), d.dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.session.Load()
	if err := errors.Join(err, b.close()); err != nil {
		t.Fatal(err)
	}
	return s.Server
}

// pushService takes the messages for devices, in place of one on the internet.
type pushService chan []byte

func (s pushService) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s <- body
	return &http.Response{StatusCode: http.StatusCreated, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// serve starts a server with nothing on it, and returns its URL. push may be nil.
func serve(t *testing.T, push pushService) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	config := server.Config{
		Dir: t.TempDir(), PublicURL: url, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		PasswordCost: 4, // quick, and for tests alone
	}
	if push != nil {
		config.Push = &server.Push{Hosts: []string{"push.example"}, Transport: push}
	}
	s, err := server.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return url
}

// twoDevices are signed in to one account, and synced.
func twoDevices(t *testing.T) (laptop, phone device) {
	t.Helper()
	url := serve(t, nil)
	laptop, phone = device{t, filepath.Join(t.TempDir(), "laptop")}, device{t, filepath.Join(t.TempDir(), "phone")}
	laptop.answer(password, "create", url, "ann@example.org")
	laptop.do("sync")
	phone.answer(password, "login", url, "ann@example.org")
	phone.do("sync")
	laptop.do("sync")
	return laptop, phone
}
