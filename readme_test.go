package syncmanager_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// inYourApp is README's example, without error handling.
func inYourApp(ctx context.Context, dir, server, email, password string) (syncmanager.Result, error) {
	type Note struct {
		ID   collection.ID `json:"id"`
		Text string        `json:"text"`
	}
	key, err := syncmanager.LocalKey(ctx, dir) // made on the first call; it never leaves the device
	if err != nil {
		return syncmanager.Result{}, err
	}
	notes, err := collection.Open(ctx, "example-notes", collection.Options[Note]{Path: filepath.Join(dir, "notes.db"), Key: key})
	if err != nil {
		return syncmanager.Result{}, err
	}
	defer notes.Close()
	_, err = notes.Add(ctx, Note{Text: "buy milk"})
	if err != nil {
		return syncmanager.Result{}, err
	}

	client, err := account.New(account.Config{Server: server})
	if err != nil {
		return syncmanager.Result{}, err
	}
	acct, err := client.Login(ctx, email, password) // account.SessionFile keeps it for the next run
	if err != nil {
		return syncmanager.Result{}, err
	}
	m, err := syncmanager.New(ctx, syncmanager.Config{
		Account: acct, State: syncmanager.FileState(filepath.Join(dir, "state")), Key: key,
		Device: syncmanager.Device{Name: "Ann's laptop", Type: "desktop", Application: "Notes"},
	})
	if err != nil {
		return syncmanager.Result{}, err
	}
	err = m.Register(notes) // and passwords.Open(…), tabs.Open(…), or an engine of your own
	if err != nil {
		return syncmanager.Result{}, err
	}
	result, err := m.Sync(ctx, syncmanager.Options{})
	return result, err
}

func TestREADMEsExampleWorks(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	w.SignIn(ann)
	dir := filepath.Join(t.TempDir(), "notes")
	result, err := inYourApp(t.Context(), dir, w.URL, ann, testenv.Password)
	if got := result.Engines["example-notes"]; err != nil || got.Uploaded != 1 {
		t.Errorf("the sync gives %+v, %v", got, err)
	}
	info, err := os.Stat(filepath.Join(dir, "state"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state is kept as %v, %v", info, err)
	}
	key, err := syncmanager.LocalKey(t.Context(), dir)
	again, err2 := syncmanager.LocalKey(t.Context(), dir)
	if err != nil || err2 != nil || key != again || key == [32]byte{} {
		t.Errorf("the local key does not stay: %v, %v", err, err2)
	}
}

func TestREADMEShowsTheExample(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	check(t, err)
	source, err := os.ReadFile("readme_test.go")
	check(t, err)
	_, body, _ := strings.Cut(string(source), "(syncmanager.Result, error) {\n")
	body, _, _ = strings.Cut(body, "\treturn result, err\n")
	body = regexp.MustCompile(`(?m)^\tif err != nil \{\n.*\n\t\}\n`).ReplaceAllString(body, "")
	body = strings.ReplaceAll("\n"+body, "\n\t", "\n")
	if body = strings.TrimSpace(body); body == "" || !strings.Contains(string(readme), "```go\n"+body+"\n```") {
		t.Errorf("README does not show the example; it is\n%s", body)
	}
}
