package main

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// findNginx is the nginx to test with, or "".
func findNginx() string {
	for _, name := range []string{cmp.Or(os.Getenv("SYNCMANAGER_NGINX"), "nginx"), "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// nginxConf returns deploy/nginx.conf with the test's addresses and certificate. nginx writes
// its own files into dir.
func nginxConf(dir, listen, to, cert, key string) (string, error) {
	text, err := os.ReadFile(filepath.FromSlash("../../deploy/nginx.conf"))
	if err != nil {
		return "", err
	}
	conf := string(text)
	for _, change := range []struct {
		from, to string
		times    int
	}{
		{`listen 443 ssl;`, "listen " + listen + " ssl;", 1},
		{`listen \[::\]:443 ssl;`, "", 1},
		{`ssl_certificate  .*;`, "ssl_certificate " + cert + ";", 1},
		{`ssl_certificate_key .*;`, "ssl_certificate_key " + key + ";", 1},
		{`proxy_pass http://127.0.0.1:5000;`, "proxy_pass http://" + to + ";", 2}, // the second for WebSocket
	} {
		expr := regexp.MustCompile(change.from)
		if n := len(expr.FindAllString(conf, -1)); n != change.times {
			return "", fmt.Errorf("deploy/nginx.conf has %q %d times", change.from, n)
		}
		conf = expr.ReplaceAllLiteralString(conf, change.to)
	}
	main := "pid " + dir + "/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"
	if os.Geteuid() == 0 {
		main = "user root root;\n" + main // its workers write into dir
	}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		main += kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	return main + conf + "}\n", nil
}

// startNginx starts an nginx on l, which passes everything on. The returned function stops it.
func startNginx(l net.Listener, dir, to, cert, key string) (stop func(), err error) {
	conf, err := nginxConf(dir, l.Addr().String(), to, cert, key)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		return nil, err
	}
	if out, err := exec.Command(findNginx(), "-t", "-q", "-e", "stderr", "-p", dir, "-c", path).CombinedOutput(); err != nil || len(out) > 0 {
		return nil, fmt.Errorf("nginx refuses its configuration: %w\n%s", err, out)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c := exec.Command(findNginx(), "-e", "stderr", "-p", dir, "-c", path, "-g", "daemon off;")
	// nginx passes its sockets to another nginx in this variable, so that the test need not
	// wait until it listens.
	c.ExtraFiles, c.Env = []*os.File{file}, append(os.Environ(), "NGINX=3;")
	var said strings.Builder
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		return nil, err
	}
	return func() {
		_ = c.Process.Signal(syscall.SIGTERM) // its workers end with it
		_ = c.Wait()
	}, nil
}

// fronts are the sockets of the nginxes of the stories, by their addresses.
var fronts sync.Map

// nginx NAME                      sets $NAME to the address of an nginx to be
// nginx URL to ADDRESS CERT KEY   lets it pass everything on
func cmdNginx(ts *testscript.TestScript, neg bool, args []string) {
	switch {
	case len(args) == 1 && !neg:
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Defer(func() { _ = l.Close() })
		address := "https://" + l.Addr().String()
		ts.Setenv(args[0], address)
		fronts.Store(address, l)
	case len(args) == 5 && args[1] == "to" && !neg:
		l, ok := fronts.Load(args[0])
		if !ok {
			ts.Fatalf("no nginx at %s", args[0])
		}
		stop, err := startNginx(l.(net.Listener), ts.MkAbs("."), args[2], ts.MkAbs(args[3]), ts.MkAbs(args[4]))
		ts.Check(err)
		ts.Defer(stop)
	default:
		ts.Fatalf("usage: nginx NAME | nginx URL to ADDRESS CERT KEY")
	}
}
