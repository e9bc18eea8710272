package sendtab_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/ece"
	"github.com/syncmanager/syncmanager/internal/sendtab"
)

var syncKey = sendtab.SyncKey{ID: "1700000000000-AAEC-_8FBgcICQoLDA0ODw", Key: bytes.Repeat([]byte{7}, 64)}

func newKeys(t *testing.T) (*ece.Keys, string) {
	t.Helper()
	k, err := ece.GenerateKeys(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	value, err := sendtab.Publish(k, syncKey, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k, value
}

func TestWhatIsSentArrives(t *testing.T) {
	t.Parallel()
	k, value := newKeys(t)
	tab := sendtab.Tab{Title: "Ein Bär <b>", URL: "https://example.org/?a=1&b=2", Private: true}
	p, err := sendtab.SealTab(tab, value, syncKey, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := sendtab.OpenTab(p, k); err != nil || got != tab {
		t.Errorf("%+v, %v", got, err)
	}
	urls := []string{"https://a.example/", "https://b.example/"}
	if p, err = sendtab.SealURLs(urls, value, syncKey, rand.Reader); err != nil {
		t.Fatal(err)
	}
	if got, err := sendtab.OpenURLs(p, k); err != nil || !slices.Equal(got, urls) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := sendtab.OpenTab(p, k); !errors.Is(err, sendtab.ErrMessage) {
		t.Errorf("pages to close are a page to open: %v", err)
	}
}

// Firefox compares the key's ID as hex, without its time; the fingerprint may
// contain the separator.
func TestBundleNamesTheKey(t *testing.T) {
	t.Parallel()
	_, value := newKeys(t)
	var got map[string]string
	if err := json.Unmarshal([]byte(value), &got); err != nil {
		t.Fatal(err)
	}
	if got["kid"] != "000102fbff05060708090a0b0c0d0e0f" || got["IV"] == "" || got["hmac"] == "" || got["ciphertext"] == "" || len(got) != 4 {
		t.Errorf("the bundle is %v", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	k, value := newKeys(t)
	seal := func(value string, key sendtab.SyncKey, url string) error {
		_, err := sendtab.SealTab(sendtab.Tab{URL: url}, value, key, rand.Reader)
		return err
	}
	rotated := syncKey
	rotated.ID = "1700000000001-BAEC-_8FBgcICQoLDA0ODw"
	forged := syncKey
	forged.Key = bytes.Repeat([]byte{8}, 64)
	for name, err := range map[string]error{
		"a key of another time":  seal(value, rotated, "https://a.example"),
		"another's key":          seal(value, forged, "https://a.example"),
		"no bundle":              seal("", syncKey, "https://a.example"),
		"a bundle without keys":  seal(`{"kid":"000102fbff05060708090a0b0c0d0e0f"}`, syncKey, "https://a.example"),
		"a key ID without parts": seal(value, sendtab.SyncKey{ID: "x", Key: syncKey.Key}, "https://a.example"),
	} {
		if !errors.Is(err, sendtab.ErrBundle) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := seal(value, syncKey, "https://a.example/"+strings.Repeat("x", sendtab.MaxCleartext)); !errors.Is(err, sendtab.ErrTooLong) {
		t.Errorf("a long address: %v", err)
	}

	pub, err := ece.NewReceiver(k.Public(), k.Auth())
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{"", "[]", `{}`, `{"entries":[]}`, `{"entries":[{"title":"no address"}]}`,
		`{"entries":[{"url":"https://a.example"}],"current":1}`, `{"entries":[{"url":"https://a.example"}],"current":-1}`} {
		sealed, err := pub.Seal([]byte(message), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sendtab.OpenTab(sendtab.Payload{Encrypted: base64.RawURLEncoding.EncodeToString(sealed)}, k); !errors.Is(err, sendtab.ErrMessage) {
			t.Errorf("%s: %v", message, err)
		}
	}
	for _, p := range []string{"", "!", "AAAA"} {
		if _, err := sendtab.OpenURLs(sendtab.Payload{Encrypted: p}, k); !errors.Is(err, sendtab.ErrMessage) {
			t.Errorf("%q: %v", p, err)
		}
	}
}

// Android sends the tab's history, and which of it is shown.
func TestCurrentEntry(t *testing.T) {
	t.Parallel()
	k, _ := newKeys(t)
	r, err := ece.NewReceiver(k.Public(), k.Auth())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := r.Seal([]byte(`{"entries":[{"url":"https://a.example"},{"url":"https://b.example"}],"current":0}`), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := sendtab.OpenTab(sendtab.Payload{Encrypted: base64.RawURLEncoding.EncodeToString(sealed)}, k); err != nil || got.URL != "https://a.example" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestOnlyPagesOfTheWebGoBetweenDevices: an address that runs a script or reads a file is
// neither sent nor taken from another device.
func TestOnlyPagesOfTheWebGoBetweenDevices(t *testing.T) {
	t.Parallel()
	k, value := newKeys(t)
	r, err := ece.NewReceiver(k.Public(), k.Auth())
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"javascript:alert(1)", "JavaScript:alert(1)", "file:///etc/passwd", "data:text/html,x", "about:config",
		"https:", "https:///path", "//a.example", "a.example", " https://a.example", "https://a.example/" + strings.Repeat("x", 65536)} {
		if _, err := sendtab.SealTab(sendtab.Tab{URL: address}, value, syncKey, rand.Reader); !errors.Is(err, sendtab.ErrAddress) {
			t.Errorf("sending %.30q: %v", address, err)
		}
		sealed, err := r.Seal(fmt.Appendf(nil, `{"entries":[{"url":%q}]}`, address), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p := sendtab.Payload{Encrypted: base64.RawURLEncoding.EncodeToString(sealed)}
		if tab, err := sendtab.OpenTab(p, k); !errors.Is(err, sendtab.ErrAddress) || !errors.Is(err, sendtab.ErrMessage) || tab.URL != "" {
			t.Errorf("receiving %.30q: %+v, %v", address, tab, err)
		}
		for _, c := range []struct {
			message string
			want    []string
		}{
			{fmt.Sprintf(`{"urls":[%q,"https://a.example"]}`, address), []string{"https://a.example"}},
			{fmt.Sprintf(`{"urls":[%q]}`, address), nil},
		} {
			if sealed, err = r.Seal([]byte(c.message), rand.Reader); err != nil {
				t.Fatal(err)
			}
			p := sendtab.Payload{Encrypted: base64.RawURLEncoding.EncodeToString(sealed)}
			got, err := sendtab.OpenURLs(p, k)
			if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) || err != nil && !errors.Is(err, sendtab.ErrAddress) {
				t.Errorf("asked to close %.30q: %v, %v", address, got, err)
			}
		}
	}
}
