package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// logins is the content of README's logins.csv: its third record has no web address.
const logins = `"url","username","password","httpRealm","formActionOrigin","guid","timeCreated","timeLastUsed","timePasswordChanged"
"https://example.com","ann@example.com","one","","https://example.com","{8a6f0000-0000-4000-8000-000000000001}","1795305600000","1795305600000","1795305600000"
"https://example.org","ann","two","","https://example.org","{8a6f0000-0000-4000-8000-000000000002}","1795305600000","1795305600000","1795305600000"
"not an address","x","three","","","{8a6f0000-0000-4000-8000-000000000003}","1795305600000","1795305600000","1795305600000"
`

// exported is the content of README's bookmarks.html.
const exported = `<!DOCTYPE NETSCAPE-Bookmark-file-1>
<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">
<TITLE>Bookmarks</TITLE>
<H1>Bookmarks Menu</H1>
<DL><p>
    <DT><H3>Go</H3>
    <DL><p>
        <DT><A HREF="https://go.dev/" TAGS="code,go">The Go Programming Language</A>
        <DT><A HREF="https://pkg.go.dev/">Packages</A>
        <HR>
        <DT><A HREF="https://go.dev/doc/effective_go">Effective Go</A>
    </DL><p>
    <DT><H3 PERSONAL_TOOLBAR_FOLDER="true">Bookmarks Toolbar</H3>
    <DL><p>
        <DT><A HREF="https://news.example/">News</A>
        <DT><A HREF="no-scheme">Broken</A>
    </DL><p>
</DL><p>
`

// TestREADMESessions runs the sessions that README shows, and compares what they print.
// IDs and dates are others each time.
func TestREADMESessions(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	s := &readmeRun{t: t, dir: t.TempDir()}
	for name, text := range map[string]string{"logins.csv": logins, "bookmarks.html": exported} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first := s.session(section(t, readme, "A first session"))
	if first < 7 {
		t.Errorf("the first session has %d commands", first)
	}
	blocks := section(t, readme, "Bookmarks")
	s.prepare(loginAs("A")+" --create", "syncmanager --profile A engines")
	s.session(blocks[:1])
	// The text between the two: B moves one bookmark and renames another.
	s.prepare(loginAs("B"), "syncmanager --profile B sync")
	s.prepare("syncmanager --profile B bookmarks mv "+s.guid("News")+" menu", "syncmanager --profile B bookmarks edit "+s.guid("Packages")+" --title Go+packages",
		"syncmanager --profile B sync", "syncmanager --profile A sync")
	s.session(blocks[1:])
}

func loginAs(profile string) string {
	return "syncmanager --profile " + profile + " login --server http://127.0.0.1:5000 --email bo@example.org --device-name " + profile
}

// section returns the console blocks of a section.
func section(t *testing.T, readme []byte, title string) (blocks []string) {
	t.Helper()
	_, text, ok := strings.Cut(string(readme), "\n## "+title+"\n")
	if !ok {
		t.Fatalf("README has no section %q", title)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	for {
		_, rest, ok := strings.Cut(text, "```console\n")
		if !ok {
			return blocks
		}
		block, after, _ := strings.Cut(rest, "```\n")
		blocks, text = append(blocks, block), after
	}
}

// readmeRun runs what README shows, in a folder of its own.
type readmeRun struct {
	t       *testing.T
	dir     string
	address string // of the server that README has on port 5000
}

// session runs the commands of some blocks, and returns how many there were.
func (s *readmeRun) session(blocks []string) (n int) {
	s.t.Helper()
	for _, block := range blocks {
		for _, part := range strings.Split("\n"+block, "\n$ ")[1:] {
			command, want, _ := strings.Cut(part, "\n")
			got := s.run(command)
			if want, got := s.comparable(want), s.comparable(got); want != got {
				s.t.Errorf("README shows of %q:\n%s\nbut it prints:\n%s", command, want, got)
			}
			n++
		}
	}
	return n
}

// prepare runs commands that README only mentions.
func (s *readmeRun) prepare(commands ...string) {
	s.t.Helper()
	for _, c := range commands {
		s.run(c)
	}
}

// run runs a command and returns what it printed. A command that ends in & keeps running.
func (s *readmeRun) run(command string) string {
	s.t.Helper()
	args, stays := strings.CutSuffix(command, " &")
	fields := strings.Fields(args)
	for i, f := range fields {
		fields[i] = strings.ReplaceAll(f, "+", " ") // an ID has no plus
		if f == "http://127.0.0.1:5000" {
			fields[i] = s.address
		}
	}
	if stays {
		return s.serve(fields)
	}
	if slices.Contains(fields, "login") {
		fields = append(fields, "--password-stdin")
	}
	c := s.command(fields)
	c.Stdin = strings.NewReader("correct horse\n")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		s.t.Fatalf("%s: %v\n%s", command, err, &out)
	}
	return out.String()
}

func (s *readmeRun) command(fields []string) *exec.Cmd {
	c := exec.Command(fields[0], fields[1:]...)
	c.Dir = s.dir
	c.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "SYNCMANAGER_") || strings.HasPrefix(v, "XDG_DATA_HOME=")
	}), "HOME="+s.dir, "LocalAppData="+s.dir, "TZ=UTC")
	return c
}

// serve starts the server, on a free port, and returns the first lines that it prints.
func (s *readmeRun) serve(fields []string) string {
	s.t.Helper()
	c := s.command(append(fields, "--addr", "127.0.0.1:0"))
	r, w, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	c.Stdout, c.Stderr = w, w
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	_ = w.Close()
	s.t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		_ = r.Close()
	})
	lines := bufio.NewReader(r)
	var text strings.Builder
	for !strings.Contains(text.String(), "its menu\n") { // its last line
		line, err := lines.ReadString('\n')
		text.WriteString(line)
		if err != nil {
			s.t.Fatalf("the server does not start: %v\n%s", err, &text)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	s.address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(text.String())
	return text.String()
}

// guid returns the GUID of a bookmark in B.
func (s *readmeRun) guid(title string) string {
	s.t.Helper()
	for line := range strings.Lines(s.run("syncmanager --profile B bookmarks search " + title)) {
		if f := strings.Fields(line); len(f) > 1 && f[1] == title {
			return f[0]
		}
	}
	s.t.Fatalf("B has no bookmark %q", title)
	return ""
}

var changing = regexp.MustCompile(`(?m)^[\w-]{8}( {2})|\d{4}-\d\d-\d\d|\d\d:\d\d$|Undid [\w-]{8}`)

// progress is a line of what takes longer than a second, as it may on a busy machine.
var progress = regexp.MustCompile(`(?m)^[a-z-]+ (sending|receiving) [\d,]+\n`)

// comparable leaves out what differs each time: the questions on a terminal, progress, IDs, dates,
// times and the server's port.
func (s *readmeRun) comparable(text string) string {
	text = strings.NewReplacer("Password:\n", "", "Password again:\n", "", s.address, "http://127.0.0.1:5000").Replace(text)
	text = progress.ReplaceAllString(text, "")
	text = changing.ReplaceAllStringFunc(text, func(string) string { return "·" })
	if strings.Contains(text, "Ctrl-C stops") {
		text = strings.Join(strings.Fields(text), " ") // its lines break where the port lets them
	}
	return strings.TrimSpace(regexp.MustCompile(` \d\d:\d\d `).ReplaceAllString(text, " · "))
}
