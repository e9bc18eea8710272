package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"
)

// background are the servers of the stories that run, by their addresses.
var background sync.Map

// serve NAME [ARGS…] starts 'syncmanager serve' on a free port, with its data in
// the folder NAME, and sets $NAME to its address once it answers, and
// $NAME_invitation to the invitation for its first account, if it makes one.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: serve NAME [ARGS…]")
	}
	c := exec.Command("syncmanager", append([]string{"serve", "--json", "--addr", "127.0.0.1:0", "--data", ts.MkAbs(args[0])}, args[1:]...)...)
	c.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"))
	for _, name := range []string{"SYNCMANAGER_CONFIG", "SYNCMANAGER_SIGN_UP"} {
		c.Env = append(c.Env, name+"="+ts.Getenv(name))
	}
	c.Dir = ts.MkAbs(".")
	out, err := c.StdoutPipe()
	ts.Check(err)
	errs := &strings.Builder{}
	c.Stderr = errs
	ts.Check(c.Start())
	ts.Defer(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = c.Wait()
		ts.Fatalf("the server did not start: %v\n%s", err, errs)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	var ready struct {
		URL        string `json:"url"`
		Listen     string `json:"listen"`
		Invitation string `json:"invitation"`
	}
	ts.Check(json.Unmarshal([]byte(line), &ready))
	ts.Setenv(args[0], ready.URL)
	ts.Setenv(args[0]+"_listen", ready.Listen)
	ts.Setenv(args[0]+"_invitation", ready.Invitation)
	// With a front, the public URL is that of the front.
	background.Store("http://"+ready.Listen, c)
}

// halt URL asks a server to stop, as Ctrl-C does, and checks that it exits successfully.
func cmdHalt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: halt URL")
	}
	c, ok := background.LoadAndDelete(args[0])
	if !ok {
		ts.Fatalf("no server at %s", args[0])
	}
	ts.Check(c.(*exec.Cmd).Process.Signal(os.Interrupt))
	ts.Check(c.(*exec.Cmd).Wait())
}

// front is a proxy between a device and its server that misbehaves on demand.
type front struct {
	to   atomic.Pointer[httputil.ReverseProxy]
	mode atomic.Value // string
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch mode, _ := f.mode.Load().(string); {
	case mode == "page":
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><p>Welcome to the hotel's network")
	case mode == "busy" && strings.HasPrefix(r.URL.Path, "/storage/"):
		w.Header().Set("Retry-After", "3600")
		http.Error(w, "0", http.StatusServiceUnavailable)
	case mode == "gone" || f.to.Load() == nil:
		panic(http.ErrAbortHandler) // the connection breaks without an answer
	default:
		f.to.Load().ServeHTTP(w, r)
	}
}

// front NAME               sets $NAME to the address of a new proxy
// front URL to ADDRESS     lets it pass everything on
// front URL page           every answer is a web page
// front URL busy           the storage says 503 and Retry-After
// front URL gone           connections break
func cmdFront(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 1 && !neg {
		f := &front{}
		s := httptest.NewServer(f)
		ts.Defer(s.Close)
		ts.Setenv(args[0], s.URL)
		background.Store(s.URL, f)
		return
	}
	if neg || len(args) < 2 {
		ts.Fatalf("usage: front NAME | front URL to ADDRESS|page|busy|gone")
	}
	known, ok := background.Load(args[0])
	if !ok {
		ts.Fatalf("no proxy at %s", args[0])
	}
	f := known.(*front)
	f.mode.Store(args[1])
	if args[1] == "to" {
		target := &url.URL{Scheme: "http", Host: args[2]}
		// The Host header stays the one that the requests were signed for.
		f.to.Store(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
		}})
	}
}

// nodes SERVER NAME… adds a storage node to the server whose data is in the folder SERVER, for 5 users each, starts it with
// its data in the folder NAME, and sets $NAME to its address.
func cmdNodes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: nodes SERVER NAME…")
	}
	for _, name := range args[1:] {
		l, err := net.Listen("tcp", "127.0.0.1:0") // a free port, which the node listens on next
		ts.Check(err)
		address := l.Addr().String()
		ts.Check(l.Close())
		secret := ts.MkAbs(name + ".secret")
		ts.Check(ts.Exec("syncmanager", "server", "node", "add", "http://"+address, "--capacity", "5", "--secret", secret, "--data", ts.MkAbs(args[0])))
		cmdServe(ts, false, []string{name, "--addr", address, "--node-secret", secret})
	}
}
