package examples_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha1" // what authenticator apps compute
	"database/sql"
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys" // signs in often
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/internal/test/testpage"
)

// TestSignInsOfTheBrowser shows the two ways to sign in that need more of the server than its
// public API: its pages, and a second step.
func TestSignInsOfTheBrowser(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "browser.exe")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = "browser"
	build.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	w := testenv.Listen(t)
	session := w.SignIn("ann@example.org").Session()

	// In a browser: the page sends it back to the program.
	running := exec.CommandContext(t.Context(), program, "-dir", filepath.Join(t.TempDir(), "laptop"), "login-browser", w.URL)
	out, err := running.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	printed := bufio.NewScanner(out)
	printed.Scan()
	address, found := strings.CutPrefix(printed.Text(), "open ")
	if !found {
		t.Fatalf("it prints %q", printed.Text())
	}
	end, err := testpage.Finish(http.DefaultTransport, address, session.Token, testpage.Keys(session.KeyID, session.Key))
	if err != nil {
		t.Fatal(err)
	}
	visit(t, end)
	printed.Scan()
	if err := running.Wait(); err != nil || printed.Text() != "signed in as ann@example.org" {
		t.Errorf("after the browser returned it prints %q and ends with %v", printed.Text(), err)
	}

	// With a second step: the program asks again after a wrong code.
	secret := []byte("0123456789abcdefghij")
	requireSecondStep(t, filepath.Join(w.Dir, "accounts.sqlite"), secret)
	login := exec.CommandContext(t.Context(), program, "-dir", filepath.Join(t.TempDir(), "phone"), "login", w.URL, "ann@example.org")
	login.Stdin = strings.NewReader(testenv.Password + "\n000000x\n" + code(secret) + "\n")
	text, err := login.CombinedOutput()
	if want := "the code is wrong\nsigned in as ann@example.org\n"; err != nil || string(text) != want {
		t.Errorf("with a second step it prints %q and ends with %v; want %q", text, err, want)
	}
}

// visit is what a browser does with the address that a page sends it to.
func visit(t *testing.T, address string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
}

// requireSecondStep turns the second step on for all accounts.
func requireSecondStep(t *testing.T, database string, secret []byte) {
	t.Helper()
	db, err := sql.Open("sqlite", database)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO totp (uid, secret, enabled, used_step) SELECT uid, ?, 1, 0 FROM accounts", secret); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// code is what an authenticator app shows now (RFC 6238).
func code(secret []byte) string {
	m := hmac.New(sha1.New, secret)
	_ = binary.Write(m, binary.BigEndian, time.Now().Unix()/30)
	sum := m.Sum(nil)
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[sum[19]&15:])&(1<<31-1))%1_000_000)
}
