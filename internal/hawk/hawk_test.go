package hawk_test

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
)

type vector struct {
	Method, URL, Authorization, Key string
	Body, ContentType               *string
}

func vectors(t testing.TB) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/firefox-esr-153.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Hawk []vector }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Hawk) != 16 {
		t.Fatalf("%d vectors, want 16", len(file.Hawk))
	}
	return file.Hawk
}

func (v vector) key(t testing.TB) []byte {
	t.Helper()
	if text, ok := strings.CutPrefix(v.Key, "utf8:"); ok {
		return []byte(text)
	}
	raw, err := hex.DecodeString(strings.TrimPrefix(v.Key, "hex:"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (v vector) body() (contentType string, body []byte) {
	if v.Body == nil {
		return "", nil
	}
	return *v.ContentType, []byte(*v.Body)
}

// What Firefox sent verifies here, and signing the same request gives the very
// same header.
func TestFirefoxHeaders(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		h, err := hawk.Parse(v.Authorization)
		if err != nil {
			t.Fatalf("%s %s: %v", v.Method, v.URL, err)
		}
		r := httptest.NewRequest(v.Method, v.URL, nil)
		if err := h.Verify(v.key(t), hawk.RequestOf(r, nil)); err != nil {
			t.Errorf("%s %s: %v", v.Method, v.URL, err)
		}
		if contentType, body := v.body(); body != nil {
			if err := h.VerifyPayload(contentType, body); err != nil {
				t.Errorf("%s %s: %v", v.Method, v.URL, err)
			}
			if err := h.VerifyPayload(contentType, append(body, ' ')); !errors.Is(err, hawk.ErrPayload) {
				t.Errorf("%s %s: a changed body gave %v", v.Method, v.URL, err)
			}
		}
		c := hawk.Credentials{ID: h.ID, Key: v.key(t)}
		u, err := url.Parse(v.URL)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Authorization(v.Method, u, h.TS, h.Nonce, h.Hash); got != v.Authorization {
			t.Errorf("%s %s:\n got %s\nwant %s", v.Method, v.URL, got, v.Authorization)
		}
	}
}

// Whatever the MAC covers cannot be changed.
func TestVerifyRefusesChanges(t *testing.T) {
	t.Parallel()
	key := []byte("the key")
	u, _ := url.Parse("https://sync.example.org/storage/1.5/7/storage/forms?ids=/Dxr+b,c")
	header := hawk.Credentials{ID: "me", Key: key}.Authorization("POST", u, 1_700_000_000, "n0nce", "aGFzaA==")
	h, err := hawk.Parse(header)
	if err != nil {
		t.Fatal(err)
	}
	good := hawk.Request{Method: "POST", URI: "/storage/1.5/7/storage/forms?ids=/Dxr+b,c", Host: "sync.example.org", Port: "443"}
	if err := h.Verify(key, good); err != nil {
		t.Fatal(err)
	}
	changes := map[string]func(h *hawk.Header, r *hawk.Request, key *[]byte){
		"method": func(_ *hawk.Header, r *hawk.Request, _ *[]byte) { r.Method = "PUT" },
		"uri":    func(_ *hawk.Header, r *hawk.Request, _ *[]byte) { r.URI = strings.Replace(r.URI, "+", "%2B", 1) },
		"host":   func(_ *hawk.Header, r *hawk.Request, _ *[]byte) { r.Host = "evil.example.org" },
		"port":   func(_ *hawk.Header, r *hawk.Request, _ *[]byte) { r.Port = "80" },
		"ts":     func(h *hawk.Header, _ *hawk.Request, _ *[]byte) { h.TS++ },
		"nonce":  func(h *hawk.Header, _ *hawk.Request, _ *[]byte) { h.Nonce = "other" },
		"hash":   func(h *hawk.Header, _ *hawk.Request, _ *[]byte) { h.Hash = "b3RoZXI=" },
		"ext":    func(h *hawk.Header, _ *hawk.Request, _ *[]byte) { h.Ext = "more" },
		"mac":    func(h *hawk.Header, _ *hawk.Request, _ *[]byte) { h.MAC = strings.ToLower(h.MAC) },
		"key":    func(_ *hawk.Header, _ *hawk.Request, key *[]byte) { *key = []byte("other") },
	}
	for name, change := range changes {
		h, r, k := h, good, key
		change(&h, &r, &k)
		if err := h.Verify(k, r); !errors.Is(err, hawk.ErrMAC) {
			t.Errorf("another %s: %v, want ErrMAC", name, err)
		}
	}
}

// Behind a proxy the server sees another Host header than the client signed.
func TestRequestOfPublicURL(t *testing.T) {
	t.Parallel()
	public, _ := url.Parse("https://sync.example.org")
	r := httptest.NewRequest("GET", "http://10.0.0.7:8000/token/1.0/sync/1.5", nil)
	got := hawk.RequestOf(r, public)
	if got.Host != "sync.example.org" || got.Port != "443" {
		t.Errorf("got %s port %s", got.Host, got.Port)
	}
}

func TestIPv6WithAndWithoutBrackets(t *testing.T) {
	t.Parallel()
	key := []byte("k")
	r := httptest.NewRequest("GET", "http://[::1]:8000/x", nil)
	hawk.Sign(r, hawk.Credentials{ID: "a", Key: key}, 1, "n", "")
	h, err := hawk.Parse(r.Header.Get("Authorization"))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Verify(key, hawk.RequestOf(r, nil)); err != nil {
		t.Error("with brackets:", err)
	}
	if err := h.Verify(key, hawk.Request{Method: "GET", URI: "/x", Host: "::1", Port: "8000"}); !errors.Is(err, hawk.ErrMAC) {
		t.Error("a server that lost the brackets:", err)
	}
	// Firefox's form: the MAC is over the bare address.
	bare := hawk.Credentials{ID: "a", Key: key}.Authorization("GET", &url.URL{Scheme: "http", Host: "::1:8000", Path: "/x"}, 1, "n", "")
	if h, err = hawk.Parse(bare); err != nil {
		t.Fatal(err)
	}
	if err := h.Verify(key, hawk.RequestOf(r, nil)); err != nil {
		t.Error("without brackets:", err)
	}
}

func TestBodyWithoutHash(t *testing.T) {
	t.Parallel()
	var h hawk.Header
	if err := h.VerifyPayload("application/json", []byte("{}")); !errors.Is(err, hawk.ErrPayload) {
		t.Errorf("got %v, want ErrPayload", err)
	}
	if err := h.VerifyPayload("", nil); err != nil {
		t.Errorf("no body and no hash: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]string{
		"nothing":       "",
		"scheme":        `Bearer id="a", ts="1", nonce="n", mac="m"`,
		"only scheme":   "Hawk",
		"missing id":    `Hawk ts="1", nonce="n", mac="m"`,
		"missing mac":   `Hawk id="a", ts="1", nonce="n"`,
		"twice":         `Hawk id="a", id="b", ts="1", nonce="n", mac="m"`,
		"unknown":       `Hawk id="a", ts="1", nonce="n", mac="m", evil="1"`,
		"empty value":   `Hawk id="a", ts="1", nonce="n", mac="m", ext=""`,
		"backslash":     `Hawk id="a\n", ts="1", nonce="n", mac="m"`,
		"control":       "Hawk id=\"a\nb\", ts=\"1\", nonce=\"n\", mac=\"m\"",
		"unclosed":      `Hawk id="a", ts="1", nonce="n", mac="m`,
		"no comma":      `Hawk id="a" ts="1", nonce="n", mac="m"`,
		"hanging comma": `Hawk id="a", ts="1", nonce="n", mac="m",`,
		"ts negative":   `Hawk id="a", ts="-1", nonce="n", mac="m"`,
		"ts not plain":  `Hawk id="a", ts="01", nonce="n", mac="m"`,
		"ts float":      `Hawk id="a", ts="1.5", nonce="n", mac="m"`,
		"ts huge":       `Hawk id="a", ts="99999999999999999999", nonce="n", mac="m"`,
		"too long":      `Hawk id="` + strings.Repeat("a", 5000) + `", ts="1", nonce="n", mac="m"`,
	} {
		if _, err := hawk.Parse(s); !errors.Is(err, hawk.ErrHeader) {
			t.Errorf("%s: %v, want ErrHeader", name, err)
		}
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	w := hawk.Window{Skew: time.Minute}
	h := hawk.Header{ID: "a", TS: now.Unix(), Nonce: "n"}
	if err := w.Use(h, now); err != nil {
		t.Fatal(err)
	}
	if err := w.Use(h, now.Add(59*time.Second)); !errors.Is(err, hawk.ErrReplay) {
		t.Errorf("the same again: %v, want ErrReplay", err)
	}
	other := h
	other.ID = "b"
	if err := w.Use(other, now); err != nil {
		t.Errorf("somebody else's nonce: %v", err)
	}
	for _, off := range []time.Duration{-61 * time.Second, 61 * time.Second} {
		if err := w.Use(hawk.Header{ID: "a", TS: now.Add(off).Unix(), Nonce: "x"}, now); !errors.Is(err, hawk.ErrStale) {
			t.Errorf("%v off: %v, want ErrStale", off, err)
		}
	}
}

// A header from a clock that is ahead stays refused for as long as it is fresh,
// also when the memory turns over in between.
func TestWindowTurnsOver(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_700_000_000, 0)
	w := hawk.Window{Skew: time.Minute}
	if err := w.Use(hawk.Header{ID: "a", TS: start.Unix(), Nonce: "first"}, start); err != nil {
		t.Fatal(err)
	}
	late := start.Add(119 * time.Second)
	ahead := hawk.Header{ID: "a", TS: late.Unix() + 60, Nonce: "n"}
	if err := w.Use(ahead, late); err != nil {
		t.Fatal(err)
	}
	if err := w.Use(hawk.Header{ID: "a", TS: late.Unix() + 2, Nonce: "turns"}, late.Add(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := w.Use(ahead, late.Add(2*time.Minute)); !errors.Is(err, hawk.ErrReplay) {
		t.Errorf("got %v, want ErrReplay", err)
	}
}

func TestNonce(t *testing.T) {
	t.Parallel()
	a, err := hawk.Nonce(rand.Reader)
	if err != nil || len(a) != 12 {
		t.Fatalf("%q, %v", a, err)
	}
	if _, err := hawk.Nonce(strings.NewReader("short")); err == nil {
		t.Error("no error without randomness")
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.Authorization)
	}
	f.Add(`Hawk id="a", ts="1", nonce="n", mac="m", ext="e"`)
	f.Fuzz(func(t *testing.T, s string) {
		h, err := hawk.Parse(s)
		if err != nil {
			if !errors.Is(err, hawk.ErrHeader) {
				t.Fatalf("%v does not wrap ErrHeader", err)
			}
			return
		}
		for _, v := range []string{h.ID, h.Nonce, h.Hash, h.Ext, h.MAC} {
			if strings.ContainsAny(v, "\"\\\n\r") {
				t.Fatalf("%q got through", v)
			}
		}
		if h.TS < 0 || h.ID == "" || h.Nonce == "" || h.MAC == "" {
			t.Fatalf("%+v got through", h)
		}
	})
}

func BenchmarkAuthorization(b *testing.B) {
	c := hawk.Credentials{ID: strings.Repeat("i", 250), Key: []byte(strings.Repeat("k", 43))}
	u, _ := url.Parse("http://127.0.0.1:8000/storage/1.5/1/storage/passwords?full=1&newer=1795372560.22")
	b.ReportAllocs()
	for b.Loop() {
		if c.Authorization(http.MethodGet, u, 1_795_372_559, "qvgd/kwrNIg=", "") == "" {
			b.Fatal("empty")
		}
	}
}

// A body that is read through is held against its hash at its end, however often that
// is read.
func TestVerifiedPayload(t *testing.T) {
	t.Parallel()
	h := hawk.Header{Hash: hawk.PayloadHash("application/json", []byte("{}"))}
	for body, want := range map[string]error{"{}": nil, "{ }": hawk.ErrPayload, "": hawk.ErrPayload} {
		r := h.VerifiedPayload("application/json; charset=utf-8", io.NopCloser(strings.NewReader(body)))
		if _, err := io.ReadAll(r); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", body, err, want)
		}
		if _, err := io.ReadAll(r); !errors.Is(err, want) {
			t.Errorf("%q again: %v, want %v", body, err, want)
		}
	}
	if text, err := io.ReadAll(hawk.Header{}.VerifiedPayload("", io.NopCloser(strings.NewReader("x")))); string(text) != "x" || err != nil {
		t.Errorf("without a hash: %q, %v", text, err)
	}
}
