package storage_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/syncmanager/syncmanager/server/storage"
)

// startChild starts a server of its own on a folder, and returns the URL of its storages.
func startChild(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return child, "http://" + strings.TrimSpace(line) + "/storage/1.5/"
}

// answers are the writes of all users that a server answered with 200.
type answers struct {
	mu  sync.Mutex
	ids map[int][]string
	all int
}

// write writes records of one user, one after the other, until the server is gone, and calls
// enough when all users together have so many answers.
func (a *answers) write(ctx context.Context, client *http.Client, endpoint string, uid, most int, enough func()) error {
	for i := 0; ; i++ {
		id := fmt.Sprintf("%05d", i)
		r, err := http.NewRequestWithContext(ctx, http.MethodPut, fmt.Sprintf("%s%d/storage/c/%s", endpoint, uid, id), strings.NewReader(`{"payload":"x"}`))
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", fmt.Sprint(uid))
		r.Header.Set("Content-Type", "application/json")
		res, err := client.Do(r)
		if err != nil {
			return nil // killed
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("user %d: %s", uid, res.Status)
		}
		a.mu.Lock()
		a.ids[uid] = append(a.ids[uid], id)
		if a.all++; a.all == most {
			enough()
		}
		a.mu.Unlock()
	}
}

// A server is killed while many users write, three times as many as files are open. What it
// answered is there, nobody has more than one write that was not answered, and the sizes that the
// operator sees are right.
func TestAKillUnderLoadLosesNothingThatWasAnswered(t *testing.T) {
	t.Parallel()
	const users, most = 24, 400
	dir := t.TempDir()
	child, endpoint := startChild(t, dir)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: users}}
	defer client.CloseIdleConnections()
	answered := &answers{ids: make(map[int][]string)}
	failed := make(chan error)
	for uid := range users {
		go func() {
			failed <- answered.write(t.Context(), client, endpoint, uid, most, func() { _ = child.Process.Kill() })
		}()
	}
	var errs []error
	for range users {
		errs = append(errs, <-failed)
	}
	_ = child.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *config) { c.files.Dir = dir })
	stored := make(map[int64]int64)
	for uid, ids := range answered.ids {
		list := s.raw("GET", fmt.Sprintf("/storage/1.5/%d/storage/c", uid), "", header{"Authorization": fmt.Sprint(uid)}).want(200)
		got := decode[[]string](list)
		slices.Sort(got)
		if len(got) > len(ids)+1 || !slices.Equal(got[:min(len(got), len(ids))], ids) {
			t.Errorf("user %d has %d records, and was answered %d", uid, len(got), len(ids))
		}
		stored[int64(uid)] = int64(len(got))
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Error(err)
	}
	err := s.States(t.Context(), func(st storage.State) error {
		if want, known := stored[st.UID]; st.Err != nil || known && st.Bytes != want {
			t.Errorf("%+v, want %d bytes", st, want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
