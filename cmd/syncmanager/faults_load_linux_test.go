package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/hawk"
)

// load writes records of several users at once, each user from two devices, and notes what was acknowledged.
type load struct {
	t     *testing.T
	users []*loadUser
	stop  context.CancelFunc
	group sync.WaitGroup
	// acked and failed count the answers; changed is signalled at each.
	mu            sync.Mutex
	changed       *sync.Cond
	acked, failed int
	codes         map[int]int
}

// loadUser is a storage, and what it must have.
type loadUser struct {
	http  *http.Client
	token func(context.Context) (*http.Request, error) // the request for one
	// access is what the last token gives.
	access atomic.Pointer[loadAccess]
	// latest is the largest time of an acknowledged write.
	latest atomic.Int64

	mu    sync.Mutex
	times map[string]string // of each collection: what got that time
	// acked has the last acknowledged payload and time of each record, and maybe what was
	// sent since then without an answer.
	acked map[string]ackedRecord
	maybe map[string][]string
}

type loadAccess struct {
	creds    hawk.Credentials
	endpoint string
}

type ackedRecord struct {
	payload string
	at      bso.Timestamp
}

const (
	loadUsers   = 4
	loadDevices = 2
)

// newLoad makes the users, and begins to write.
func newLoad(t *testing.T, url string) *load {
	t.Helper()
	l := &load{t: t, codes: make(map[int]int)}
	l.changed = sync.NewCond(&l.mu)
	for i := range loadUsers {
		l.users = append(l.users, newLoadUser(t, url, i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	l.stop = cancel
	t.Cleanup(func() {
		cancel()
		l.group.Wait()
	})
	for _, u := range l.users {
		for device := range loadDevices {
			l.group.Go(func() { l.write(ctx, u, fmt.Sprint("d", device)) })
		}
	}
	return l
}

func newLoadUser(t *testing.T, url string, i int) *loadUser {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: loadDevices}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := account.New(account.Config{Server: url, Transport: transport, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	check(t, err)
	a, err := c.CreateAccount(t.Context(), fmt.Sprintf("load-%d@example.org", i), "a password for nothing")
	check(t, err)
	kid, _, err := a.SyncKey(t.Context())
	check(t, err)
	u := &loadUser{
		http:  &http.Client{Transport: transport, Timeout: 20 * time.Second},
		times: make(map[string]string), acked: make(map[string]ackedRecord), maybe: make(map[string][]string),
	}
	u.token = func(ctx context.Context) (*http.Request, error) {
		access, err := a.AccessToken(ctx, false)
		if err != nil {
			return nil, err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.TokenServer()+"/1.0/sync/1.5", nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+access)
		r.Header.Set("X-KeyID", kid)
		return r, nil
	}
	check(t, u.renew(t.Context()))
	return u
}

// renew gets a token.
func (u *loadUser) renew(ctx context.Context) error {
	r, err := u.token(ctx)
	if err != nil {
		return err
	}
	answer, err := u.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var token struct {
		ID, Key  string
		Endpoint string `json:"api_endpoint"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("a token request was answered with %s: %w", answer.Status, err)
	}
	u.access.Store(&loadAccess{hawk.Credentials{ID: token.ID, Key: []byte(token.Key)}, token.Endpoint})
	return nil
}

// do sends a signed request, with headers, each a name and a value.
func (u *loadUser) do(ctx context.Context, method, path, body string, headers ...string) (code int, answer []byte, header http.Header, err error) {
	access := u.access.Load()
	r, err := http.NewRequestWithContext(ctx, method, access.endpoint+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	nonce, err := hawk.Nonce(rand.Reader)
	if err != nil {
		return 0, nil, nil, err
	}
	hawk.Sign(r, access.creds, time.Now().Unix(), nonce, "")
	response, err := u.http.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, response.Header, err
}

// write sends one write after another: a record alone, several at once, and several as a batch.
func (l *load) write(ctx context.Context, u *loadUser, device string) {
	for n := 0; ctx.Err() == nil; n++ {
		collection := []string{"bookmarks", "history"}[n%2]
		records := make(map[string]string)
		for i := range 1 + 2*(n%3) {
			records[fmt.Sprintf("%s-%d", device, (n+i)%40)] = fmt.Sprintf("%s write %d of %d %s", device, n, i, strings.Repeat("x", 200))
		}
		// The answer is awaited also when the load ends: it says what must be there.
		l.send(context.WithoutCancel(ctx), u, collection, records, n)
	}
}

func (l *load) send(ctx context.Context, u *loadUser, collection string, records map[string]string, n int) {
	var body bytes.Buffer
	method, path := http.MethodPost, "/storage/"+collection
	if n%6 == 5 {
		path += "?batch=true&commit=true"
	}
	for id, payload := range records {
		fmt.Fprintf(&body, `%c{"id":%q,"payload":%q}`, ",["[min(1, max(0, 1-body.Len()))], id, payload)
		if len(records) == 1 {
			method, path = http.MethodPut, path+"/"+id
			body.Reset()
			fmt.Fprintf(&body, `{"payload":%q}`, payload)
		}
	}
	if method == http.MethodPost {
		body.WriteByte(']')
	}
	before := u.latest.Load()
	code, answer, header, err := u.do(ctx, method, path, body.String())
	if code == http.StatusUnauthorized { // the user is on another node
		_ = u.renew(ctx) // the next write tries again
	}
	l.note(u, collection, records, before, code, answer, header, err)
}

// note files an answer.
func (l *load) note(u *loadUser, collection string, records map[string]string, before int64, code int, answer []byte, header http.Header, err error) {
	var at bso.Timestamp
	if err == nil && code == http.StatusOK {
		if at, err = bso.ParseTimestamp(header.Get("X-Last-Modified")); err != nil {
			l.t.Errorf("a write was answered with the time %q: %s", header.Get("X-Last-Modified"), answer)
		}
	}
	u.mu.Lock()
	for id, payload := range records {
		key := collection + "/" + id
		if at == 0 {
			u.maybe[key] = append(u.maybe[key], payload)
		} else {
			u.acked[key], u.maybe[key] = ackedRecord{payload, at}, nil
		}
	}
	if at != 0 {
		what := fmt.Sprint(records)
		if other, twice := u.times[at.String()]; twice {
			l.t.Errorf("two writes got the time %v: %.80s and %.80s", at, what, other)
		}
		u.times[at.String()] = what
		if int64(at) <= before {
			l.t.Errorf("a write got the time %v, after one at %v", at, bso.Timestamp(before))
		}
		for old := u.latest.Load(); int64(at) > old && !u.latest.CompareAndSwap(old, int64(at)); old = u.latest.Load() {
			continue
		}
	}
	u.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	// What a fault of the database makes impossible is asked for again later.
	if l.codes[code]++; code == http.StatusInternalServerError {
		l.t.Errorf("a write was answered with %d: %s", code, answer)
	}
	if code == http.StatusServiceUnavailable && header.Get("Retry-After") == "" {
		l.t.Errorf("a write was answered with %d without Retry-After: %s", code, answer)
	}
	if at != 0 {
		l.acked++
	} else {
		l.failed++
	}
	l.changed.Broadcast()
}

// awaitAcked waits until n more writes are acknowledged, and awaitFailed until n more are not.
func (l *load) awaitAcked(n int)  { l.await(&l.acked, n) }
func (l *load) awaitFailed(n int) { l.await(&l.failed, n) }

func (l *load) await(counter *int, n int) {
	l.mu.Lock()
	want := *counter + n
	l.mu.Unlock()
	l.until(func() bool { return *counter >= want })
}

// awaitAt waits until all users write to the server with the root url.
func (l *load) awaitAt(url string) {
	l.until(func() bool {
		return !slices.ContainsFunc(l.users, func(u *loadUser) bool { return !strings.HasPrefix(u.access.Load().endpoint, url+"/") })
	})
}

func (l *load) until(is func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !is() && l.t.Context().Err() == nil {
		l.changed.Wait()
	}
}
