package pairing_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/account/pairing"
	"github.com/syncmanager/syncmanager/account/pairing/internal/channel"
)

// join connects to an authority's channel as a device that may send anything.
func (e *env) join(p *pairing.Authority) *channel.Channel {
	e.t.Helper()
	u, err := url.Parse(p.URL)
	if err != nil {
		e.t.Fatal(err)
	}
	q, err := url.ParseQuery(u.Fragment)
	if err != nil {
		e.t.Fatal(err)
	}
	key, err := base64.RawURLEncoding.DecodeString(q.Get("channel_key"))
	if err != nil {
		e.t.Fatal(err)
	}
	r := channel.Relay{URI: "ws://" + u.Host, HTTP: http.DefaultClient, Rand: rand.Reader}
	ch, err := channel.Join(e.t.Context(), r, q.Get("channel_id"), key)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { ch.Close(context.Background()) })
	return ch
}

// What a hostile device asks for does not get further than it should.
func TestHostileSupplicant(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.create()
	for name, test := range map[string]struct {
		message string
		data    any
		want    string
	}{
		"another message":  {"pair:supp:authorize", nil, `where "pair:supp:request" belongs`},
		"other data":       {"pair:supp:request", []int{1}, "malformed pair:supp:request"},
		"no scope":         {"pair:supp:request", map[string]string{"client_id": "a2270f727f45f648"}, "does not say what it asks for"},
		"to write":         {"pair:supp:request", map[string]string{"scope": "profile profile:write"}, `"profile:write", which pairing does not give`},
		"a very long one":  {"pair:supp:request", map[string]string{"scope": strings.Repeat("x", 10_000)}, "which pairing does not give"},
		"an unnamed thing": {"", map[string]string{}, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := e.show(a)
			ch := e.join(p)
			if err := ch.Send(t.Context(), test.message, test.data); err != nil {
				t.Fatal(err)
			}
			_, err := p.Wait(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 300 {
				t.Errorf("%.400v\nwant %s", err, test.want)
			}
		})
	}
	// These are refused when the user has allowed them.
	const sync = "https://identity.mozilla.com/apps/oldsync"
	challenge := strings.Repeat("A", 43)
	for name, test := range map[string]struct {
		data map[string]string
		want string
	}{
		"a key that is not one": {map[string]string{"client_id": "a2270f727f45f648", "scope": sync, "state": "x", "code_challenge": challenge,
			"code_challenge_method": "S256", "keys_jwk": "AAAA"}, "not a public key"},
		"an unknown client": {map[string]string{"client_id": "ffff", "scope": "profile", "state": "x", "code_challenge": challenge,
			"code_challenge_method": "S256"}, "refused"},
		"the client that ends the session which lets it in": {map[string]string{"client_id": "73796e636d616e61", "scope": "profile", "state": "x",
			"code_challenge": challenge, "code_challenge_method": "S256"}, "refused"},
		"no proof for the code": {map[string]string{"client_id": "a2270f727f45f648", "scope": "profile", "state": "x"}, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := e.show(a)
			ch := e.join(p)
			if err := ch.Send(t.Context(), "pair:supp:request", test.data); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := ch.Send(t.Context(), "pair:supp:authorize", nil); err != nil {
				t.Fatal(err)
			}
			if err := p.Allow(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nwant %s", err, test.want)
			}
		})
	}
}

// A device that sends without end, or nothing that is a message, ends the pairing.
func TestTooManyMessages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	p := e.show(e.create())
	ch := e.join(p)
	var err error
	for range 100 {
		if err = ch.Send(t.Context(), "pair:supp:request", nil); err != nil {
			break
		}
	}
	if err == nil {
		_, err = ch.Receive(t.Context())
	}
	if err == nil {
		t.Error("there is no end")
	}
}
