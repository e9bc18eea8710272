package syncmanager_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// pair are two devices in a bubble whose managers run until stop.
type pair struct {
	w      *testenv.Env
	a, b   *testenv.Device
	da, db *diary
	stop   func()
}

func newPair(t *testing.T, o syncmanager.RunOptions) *pair {
	p := &pair{w: testenv.InBubble(t)}
	p.a, p.b = p.w.Device("a", ann), p.w.Device("b", ann)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	run := func(d *testenv.Device) *diary {
		notes := &diary{began: time.Now()}
		watch := d.Manager.Watch(ctx)
		running.Go(func() {
			if err := d.Manager.Run(ctx, o); !errors.Is(err, context.Canceled) {
				t.Errorf("Run of %s ended with %v", d.Name, err)
			}
		})
		running.Go(func() {
			for r := range watch {
				notes.write(r)
			}
		})
		return notes
	}
	p.da = run(p.a)
	synctest.Wait()
	p.db = run(p.b)
	time.Sleep(time.Minute)
	p.quiet(t)
	p.stop = func() {
		cancel()
		running.Wait()
	}
	return p
}

// quiet forgets the syncs so far.
func (p *pair) quiet(t *testing.T) {
	t.Helper()
	synctest.Wait()
	p.da.read()
	p.db.read()
}

// arrives expects what a user adds on one device to be on the other within a second, without a call of Sync.
func (p *pair) arrives(t *testing.T, from, to *testenv.Device, site string) {
	t.Helper()
	from.Add("https://"+site, "ann", "secret")
	began := time.Now()
	for range 20 {
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		for at := range to.Logins() {
			if strings.Contains(at, site) {
				return
			}
		}
	}
	t.Errorf("%v after it was added, %s is not on the other device: %v", time.Since(began), site, to.Logins())
}

func TestAnEditReachesTheOtherDeviceInSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, syncmanager.RunOptions{})
		defer p.stop()
		p.arrives(t, p.a, p.b, "one.example.org") // the first one, which makes the collection
		time.Sleep(time.Minute)
		p.quiet(t)
		p.arrives(t, p.a, p.b, "more.example.org")
		time.Sleep(time.Minute)
		// The device that wrote hears of its own write, and does nothing.
		synctest.Wait()
		if a, b := p.da.read(), p.db.read(); len(a) != 1 || len(b) != 1 || !strings.Contains(a[0], "engine-change ok") || !strings.Contains(b[0], "push ok") {
			t.Errorf("the syncs were %v and %v", a, b)
		}
		p.w.Net.Asked()
		p.arrives(t, p.b, p.a, "two.example.org")
		time.Sleep(time.Minute)
		// Each asks what is new; one sends, the other gets.
		want := []string{"GET /storage/1.5/1/info/collections", "GET /storage/1.5/1/info/collections", "GET /storage/1.5/1/storage/passwords", "POST /storage/1.5/1/storage/passwords"}
		asked := p.w.Net.Asked()
		slices.Sort(asked)
		if !slices.Equal(asked, want) {
			t.Errorf("the requests were %q", asked)
		}
		// Also after hours, in which tokens ended.
		time.Sleep(10*time.Hour + 7*time.Minute)
		p.arrives(t, p.a, p.b, "three.example.org")
	})
}

// What another device changes again and again does not keep a full sync from its time.
func TestTheHourComesThoughOthersChangeThings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, syncmanager.RunOptions{})
		defer p.stop()
		for i := range 7 {
			time.Sleep(10 * time.Minute)
			p.arrives(t, p.a, p.b, string(rune('a'+i))+".example.org")
		}
		if all := strings.Join(p.db.read(), "\n"); strings.Count(all, "schedule ok") != 1 || strings.Count(all, "push ok") != 8 { // the first edit makes the collection
			t.Errorf("the syncs of the other device were\n%s", all)
		}
	})
}

func TestWhatWasMissedIsHeardOnTheNextConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, syncmanager.RunOptions{})
		defer p.stop()
		// The device's network is gone: nothing comes, and nothing ends.
		p.w.Net.Before(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/info/events") {
				return nil, errors.New("the network is unreachable")
			}
			return nil, nil
		})
		p.b.Manager.NetworkChanged()
		synctest.Wait()
		p.a.Add("https://one.example.org", "ann", "secret")
		time.Sleep(3 * time.Minute)
		if have := p.b.Logins(); len(have) != 0 {
			t.Fatalf("without a connection came %v", have)
		}
		p.w.Net.Before(nil)
		p.b.Manager.NetworkChanged()
		time.Sleep(5 * time.Minute) // the longest pause between two tries
		synctest.Wait()
		if have := p.b.Logins(); len(have) != 1 {
			t.Errorf("after the connection was back, the device has %v", have)
		}
	})
}

// A server that is restarted is listened to again, and what was written before the device is back is heard.
func TestAServerThatIsRestartedIsHeardAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, syncmanager.RunOptions{})
		defer p.stop()
		p.arrives(t, p.a, p.b, "one.example.org")
		p.w.Restart(func() { time.Sleep(10 * time.Minute) })
		p.a.Add("https://two.example.org", "ann", "secret")
		time.Sleep(6 * time.Minute) // the longest pause between two tries
		synctest.Wait()
		if have := p.b.Logins(); len(have) != 2 {
			t.Errorf("the other device has %v", have)
		}
		p.arrives(t, p.b, p.a, "three.example.org")
	})
}

func TestAServiceThatTellsNothingIsPolled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := testenv.InBubble(t)
		inner := inproc.New(w.Server.Handler())
		w.Net.Before(func(r *http.Request) (*http.Response, error) { // as Mozilla's server answers
			res, err := inner.RoundTrip(r)
			if err == nil {
				res.Header.Del("X-Sync-Events")
			}
			return res, err
		})
		a := w.Device("a", ann)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Manager.Run(ctx, syncmanager.RunOptions{}) }()
		time.Sleep(10*time.Hour + time.Minute)
		a.Manager.Changed("passwords")
		time.Sleep(4 * time.Second)
		synctest.Wait()
		count := func(what string) (n int) {
			for _, asked := range w.Net.Asked() {
				if strings.HasSuffix(asked, what) {
					n++
				}
			}
			return n
		}
		if n := count("/info/events"); n != 0 {
			t.Errorf("it was asked %d times for events", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := count("/info/collections"); n != 1 {
			t.Errorf("%d syncs five seconds after a change", n)
		}
		cancel()
		_ = <-ended // the context's
	})
}

// A server, or what is in its way, that ends each connection at once, or sends nonsense, is asked less and less often.
func TestAServerThatSendsNonsenseIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(r *http.Request) *http.Response{
		"an answer that ends":       func(r *http.Request) *http.Response { return testenv.Answer(r, 200, "text/event-stream", "") },
		"a refusal":                 func(r *http.Request) *http.Response { return testenv.Answer(r, 500, "text/html", "<h1>Oops</h1>") },
		"too many":                  func(r *http.Request) *http.Response { return testenv.Answer(r, 429, "application/json", "0") },
		"a token that is not taken": func(r *http.Request) *http.Response { return testenv.Answer(r, 401, "application/json", "0") },
		"a page":                    func(r *http.Request) *http.Response { return testenv.Answer(r, 200, "text/html", "<h1>Hello</h1>") },
		"no JSON": func(r *http.Request) *http.Response {
			return testenv.Answer(r, 200, "text/event-stream", "data: {\n\n")
		},
		"a list": func(r *http.Request) *http.Response {
			return testenv.Answer(r, 200, "text/event-stream", "data: [1]\n\n")
		},
		"a long line": func(r *http.Request) *http.Response {
			return testenv.Answer(r, 200, "text/event-stream", "data: "+strings.Repeat("x", 1<<20))
		},
		"a line without an end": func(r *http.Request) *http.Response {
			res := testenv.Answer(r, 200, "text/event-stream", "")
			res.Body = io.NopCloser(endless{})
			return res
		},
		"unknown collections": func(r *http.Request) *http.Response {
			return testenv.Answer(r, 200, "text/event-stream", `data: {"martians":99999999999.99,"../x":5,"":1}`+"\n\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPair(t, syncmanager.RunOptions{})
				defer p.stop()
				p.w.Net.Before(func(r *http.Request) (*http.Response, error) {
					if strings.HasSuffix(r.URL.Path, "/info/events") {
						return answer(r), nil
					}
					return nil, nil
				})
				p.a.Manager.NetworkChanged()
				p.b.Manager.NetworkChanged()
				p.w.Net.Asked()
				time.Sleep(6 * time.Hour)
				synctest.Wait()
				events, syncs := 0, 0
				for _, asked := range p.w.Net.Asked() {
					switch {
					case strings.HasSuffix(asked, "/info/events"):
						events++
					case strings.HasSuffix(asked, "/info/collections"):
						syncs++
					}
				}
				// Every five minutes, of two devices, and a few more in the beginning.
				if events == 0 || events > 2*(6*20) || syncs < 2*6 || syncs > 2*7 {
					t.Errorf("in six hours, two devices listened %d times and synced %d times", events, syncs)
				}
				// Edits still go up, and come with the next sync.
				p.a.Add("https://one.example.org", "ann", "secret")
				time.Sleep(time.Hour + time.Minute)
				synctest.Wait()
				if have := p.b.Logins(); len(have) != 1 {
					t.Errorf("the other device has %v", have)
				}
			})
		})
	}
}

// endless is a body of one line that does not end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte("x"), len(p))), nil
}

// A server that tells of changes that there are not causes fewer and fewer syncs.
func TestChangesThatThereAreNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, syncmanager.RunOptions{})
		p.w.Net.Before(func(r *http.Request) (*http.Response, error) {
			if !strings.HasSuffix(r.URL.Path, "/info/events") {
				return nil, nil
			}
			res := testenv.Answer(r, 200, "text/event-stream", "")
			pr, pw := io.Pipe()
			res.Body = pr
			go func() {
				for {
					if _, err := io.WriteString(pw, `data: {"passwords":99999999999.99,"clients":99999999999.99,"meta":99999999999.99}`+"\n\n"); err != nil {
						return
					}
					time.Sleep(100 * time.Millisecond)
				}
			}()
			return res, nil
		})
		p.b.Manager.NetworkChanged()
		time.Sleep(time.Second)
		p.quiet(t)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(p.db.read()); n > 70 {
			t.Errorf("%d syncs in an hour", n)
		}
		p.stop()
		time.Sleep(time.Second) // what sends notices it
	})
}

func TestRunListensOnlyWhenSyncingIsWelcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := testenv.InBubble(t)
		a, b := w.Device("a", ann), w.Device("b", ann)
		var mu sync.Mutex
		open := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ready := func(ctx context.Context) error {
			mu.Lock()
			gate := open
			mu.Unlock()
			select {
			case <-gate:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		ended := make(chan error, 1)
		go func() { ended <- b.Manager.Run(ctx, syncmanager.RunOptions{Ready: ready}) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		if asked := w.Net.Asked(); slices.ContainsFunc(asked, func(s string) bool { return strings.Contains(s, "/storage/") }) {
			t.Errorf("while syncing is not welcome, it asked %v", asked)
		}
		close(open)
		time.Sleep(time.Minute)
		synctest.Wait()
		shut := make(chan struct{})
		mu.Lock()
		open = shut
		mu.Unlock()
		a.Sync()
		a.Add("https://one.example.org", "ann", "secret")
		a.Sync()
		time.Sleep(time.Hour)
		synctest.Wait()
		if have := b.Logins(); len(have) != 0 {
			t.Errorf("while syncing is not welcome came %v", have)
		}
		close(shut)
		time.Sleep(time.Second)
		synctest.Wait()
		if have := b.Logins(); len(have) != 1 {
			t.Errorf("once it is welcome, the device has %v", have)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	})
}

func TestADeviceThatIsSignedOutElsewhereNoticesInSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := testenv.InBubble(t)
		a := w.Device("a", ann)
		ended := make(chan error, 1)
		go func() { ended <- a.Manager.Run(t.Context(), syncmanager.RunOptions{}) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		check(t, w.Client().Resume(a.Account.Session()).SignOut(t.Context()))
		check(t, w.Server.CheckListeners(t.Context())) // Serve does this every two seconds
		time.Sleep(5 * time.Second)
		synctest.Wait()
		select {
		case err := <-ended:
			if !errors.As(err, new(*syncmanager.AuthError)) {
				t.Errorf("Run ended with %v", err)
			}
		default:
			t.Error("Run goes on")
		}
	})
}
