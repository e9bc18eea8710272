package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// image is the last stage of deploy/Dockerfile.
type image struct {
	copies     [][]string // what COPY says, its options first
	env        []string
	user       string
	entrypoint []string
	command    []string
	health     []string
}

// lastStage reads the Dockerfile, which uses only instructions that are known here.
func lastStage(t *testing.T) (im image) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, stage, found := strings.Cut(string(text), "\nFROM scratch\n")
	if !found {
		t.Fatal("the image does not begin with nothing")
	}
	for line := range strings.Lines(stage) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "COPY":
			im.copies = append(im.copies, strings.Fields(rest))
		case "ENV":
			im.env = append(im.env, rest)
		case "USER":
			im.user = rest
		case "ENTRYPOINT":
			err = json.Unmarshal([]byte(rest), &im.entrypoint)
		case "CMD":
			err = json.Unmarshal([]byte(rest), &im.command)
		case "HEALTHCHECK":
			_, command, _ := strings.Cut(rest, "CMD ")
			err = json.Unmarshal([]byte(command), &im.health)
		case "VOLUME", "EXPOSE", "#", "":
		default:
			t.Fatalf("the Dockerfile has a %s, which this test does not know", word)
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return im
}

// build makes the image's root folder. Instead of the static program it has the test binary,
// which can run as the program, and the libraries that it needs.
func (im image) build(t *testing.T, root string) {
	t.Helper()
	for _, c := range im.copies {
		from, to := c[len(c)-2], filepath.Join(root, c[len(c)-1])
		if strings.HasSuffix(c[len(c)-1], "/") {
			to = filepath.Join(to, filepath.Base(from))
		}
		switch from {
		case "/out/syncmanager":
			program, err := os.Executable()
			check(t, err)
			copyFile(t, program, to)
			// For a static one, standard output is empty.
			libraries, _ := exec.Command("ldd", program).Output()
			for _, m := range regexp.MustCompile(`(/\S+) \(0x`).FindAllStringSubmatch(string(libraries), -1) {
				copyFile(t, m[1], filepath.Join(root, m[1]))
			}
		case "/out/data":
			check(t, os.Mkdir(to, 0o700))
		case "/out/tmp":
			check(t, os.Mkdir(to, 0o700))
			check(t, os.Chmod(to, 0o777|fs.ModeSticky))
		case "/etc/ssl/certs/ca-certificates.crt":
		default:
			t.Fatalf("the image has %s, which this test does not know", from)
		}
		for _, option := range c {
			if owner, ok := strings.CutPrefix(option, "--chown="); ok {
				uid, gid := ids(t, owner)
				check(t, os.Chown(to, int(uid), int(gid)))
			}
		}
	}
}

// runs returns a command in the image, run as its user.
func (im image) runs(t *testing.T, root string, args ...string) *exec.Cmd {
	t.Helper()
	uid, gid := ids(t, im.user)
	c := exec.Command(im.entrypoint[0], args...)
	c.Dir, c.Env = "/", im.env
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uid, Gid: gid}, Pdeathsig: syscall.SIGKILL}
	return c
}

func ids(t *testing.T, user string) (uid, gid uint32) {
	t.Helper()
	one, other, _ := strings.Cut(user, ":")
	u, err := strconv.ParseUint(one, 10, 32)
	check(t, err)
	g, err := strconv.ParseUint(other, 10, 32)
	check(t, err)
	return uint32(u), uint32(g)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	check(t, err)
	check(t, os.MkdirAll(filepath.Dir(to), 0o755))
	check(t, os.WriteFile(to, b, 0o755))
}

// In a root folder with only what the Dockerfile puts there, and as a user that is in no file,
// the server starts, can be managed, serves a device, and stops on request.
func TestContainer(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("left out: only root can change the root folder")
	}
	im := lastStage(t)
	root := t.TempDir()
	check(t, os.Chmod(root, 0o755))
	im.build(t, root)

	// The server is configured with environment variables alone.
	for i, variable := range im.env {
		im.env[i] = strings.Replace(variable, "0.0.0.0:5000", "127.0.0.1:0", 1)
	}
	im.env = append(im.env, "SYNCMANAGER_JSON=true", "SYNCMANAGER_SIGN_UP=open")
	server := im.runs(t, root, im.command...)
	out, err := server.StdoutPipe()
	check(t, err)
	var said strings.Builder
	server.Stderr = &said
	check(t, server.Start())
	t.Cleanup(func() { _ = server.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = server.Wait()
		t.Fatalf("the server did not start: %v; %s", err, &said)
	}
	var ready struct{ URL string }
	check(t, json.Unmarshal([]byte(line), &ready))

	device := exec.Command("syncmanager", "login", "--server", ready.URL, "--email", "ann@example.org", "--password-stdin", "--create")
	device.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_DATA_HOME=", "SYNCMANAGER_PROFILE=")
	device.Stdin = strings.NewReader("correct horse battery staple\n")
	if out, err := device.CombinedOutput(); err != nil {
		t.Fatalf("signing in: %v; %s", err, out)
	}
	sync := exec.Command("syncmanager", "sync")
	sync.Env = device.Env
	if out, err := sync.CombinedOutput(); err != nil {
		t.Errorf("the sync: %v; %s", err, out)
	}

	if out, err := im.runs(t, root, im.health[1:]...).CombinedOutput(); err != nil {
		t.Errorf("the health check: %v; %s", err, out)
	}
	users, err := im.runs(t, root, "server", "user", "list").CombinedOutput()
	if err != nil || !strings.Contains(string(users), "ann@example.org") {
		t.Errorf("'server user list' in the container: %v; %s", err, users)
	}
	check(t, server.Process.Signal(syscall.SIGTERM))
	if err := server.Wait(); err != nil {
		t.Errorf("the server ended with %v; %s", err, &said)
	}
	if out, err := im.runs(t, root, im.health[1:]...).CombinedOutput(); err == nil {
		t.Errorf("a server that has ended is healthy: %s", out)
	}
	found, err := os.Stat(filepath.Join(root, "data", "syncmanager", "server"))
	if err != nil || found.Mode().Perm() != 0o700 {
		t.Errorf("the data is not in the volume, for its user alone: %v", errors.Join(err, errors.New("mode "+strconv.FormatUint(uint64(found.Mode().Perm()), 8))))
	}
}
