package jwe

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func newKey(t testing.TB) *ecdh.PrivateKey {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestKeyIsDerivedAsTheRFCShows is the example of RFC 7518, appendix C.
func TestKeyIsDerivedAsTheRFCShows(t *testing.T) {
	t.Parallel()
	shared := []byte{
		158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156,
		251, 49, 110, 163, 218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
	}
	got := base64.RawURLEncoding.EncodeToString(derive(shared, "A128GCM", 16, []byte("Alice"), []byte("Bob")))
	if want := "VqqN6vgjbSBcIijNcacQGg"; got != want {
		t.Errorf("derived %s, want %s", got, want)
	}
}

func TestAnotherLibraryOpensWhatIsSealed(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	raw, err := MarshalKey(key.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	var theirs jose.JSONWebKey
	if err := json.Unmarshal(raw, &theirs); err != nil || !theirs.IsPublic() {
		t.Fatalf("the key %s: public %v, %v", raw, theirs.IsPublic(), err)
	}
	to, err := ParseKey(raw)
	if err != nil || !to.Equal(key.PublicKey()) {
		t.Fatalf("the key comes back as %v, %v", to, err)
	}
	compact, err := Seal([]byte("hello"), to, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := jose.ParseEncryptedCompact(compact, []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		t.Fatal(err)
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), key.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := sealed.Decrypt(private); err != nil || string(got) != "hello" {
		t.Errorf("it opens as %q, %v", got, err)
	}
	if got, err := Open(compact, key); err != nil || string(got) != "hello" {
		t.Errorf("here it opens as %q, %v", got, err)
	}
}

// byJose seals as another library does.
func byJose(t testing.TB, key *ecdh.PrivateKey, cleartext string, enc jose.ContentEncryption, o *jose.EncrypterOptions) string {
	t.Helper()
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), key.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := jose.NewEncrypter(enc, jose.Recipient{Algorithm: jose.ECDH_ES, Key: private.Public()}, o)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := sealer.Encrypt([]byte(cleartext))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := sealed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func TestWhatAnotherLibrarySealedOpens(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	for _, cleartext := range []string{"", "hello", strings.Repeat("long", 5000)} {
		if got, err := Open(byJose(t, key, cleartext, jose.A256GCM, nil), key); err != nil || string(got) != cleartext {
			t.Errorf("%d bytes open as %d bytes, %v", len(cleartext), len(got), err)
		}
	}
}

func TestWhatIsNotOfThisKindIsRefused(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	good := byJose(t, key, "hello", jose.A256GCM, nil)
	parts := strings.Split(good, ".")
	with := func(i int, part string) string {
		changed := append([]string{}, parts...)
		changed[i] = part
		return strings.Join(changed, ".")
	}
	head := func(change func(map[string]any)) string {
		raw, err := base64.RawURLEncoding.DecodeString(parts[0])
		if err != nil {
			t.Fatal(err)
		}
		var h map[string]any
		if err := json.Unmarshal(raw, &h); err != nil {
			t.Fatal(err)
		}
		change(h)
		if raw, err = json.Marshal(h); err != nil {
			t.Fatal(err)
		}
		return with(0, base64.RawURLEncoding.EncodeToString(raw))
	}
	epk := func(change func(map[string]any)) string {
		return head(func(h map[string]any) { change(h["epk"].(map[string]any)) })
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"nothing":            {"", ErrFormat},
		"three parts":        {"a.b.c", ErrFormat},
		"six parts":          {good + ".", ErrFormat},
		"too long":           {with(3, strings.Repeat("A", MaxSize)), ErrFormat},
		"not base64":         {with(2, "****"), ErrFormat},
		"not JSON":           {with(0, "AAAA"), ErrFormat},
		"an encrypted key":   {with(1, "AAAA"), ErrFormat},
		"a short nonce":      {with(2, "AAAA"), ErrFormat},
		"a short tag":        {with(4, "AAAA"), ErrFormat},
		"another encryption": {byJose(t, key, "hello", jose.A128GCM, nil), ErrFormat},
		"compressed":         {byJose(t, key, "hello", jose.A256GCM, &jose.EncrypterOptions{Compression: jose.DEFLATE}), ErrFormat},
		"another agreement":  {head(func(h map[string]any) { h["alg"] = "ECDH-ES+A256KW" }), ErrFormat},
		"critical fields":    {head(func(h map[string]any) { h["crit"] = []string{"exp"} }), ErrFormat},
		"no epk":             {head(func(h map[string]any) { delete(h, "epk") }), ErrFormat},
		"another curve":      {epk(func(k map[string]any) { k["crv"] = "P-384" }), ErrFormat},
		"off the curve":      {epk(func(k map[string]any) { k["x"] = k["y"] }), ErrFormat},
		"a short coordinate": {epk(func(k map[string]any) { k["x"] = "AAAA" }), ErrFormat},
		"apu not base64":     {head(func(h map[string]any) { h["apu"] = "*" }), ErrFormat},
		"a party added":      {head(func(h map[string]any) { h["apu"] = "QWxpY2U" }), ErrOpen},
		"the header changed": {head(func(h map[string]any) { h["cty"] = "x" }), ErrOpen},
		"for another key":    {byJose(t, newKey(t), "hello", jose.A256GCM, nil), ErrOpen},
		"the text changed":   {with(3, "AAAAAAA"), ErrOpen},
	} {
		if got, err := Open(c.text, key); !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: %q, %v; want %v", name, got, err, c.want)
		}
	}
}

func TestKeysOfOtherKindsAreRefused(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		``, `null`, `[]`, `{}`, `{"kty":"oct","k":"AAAA"}`, `{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}`,
		`{"kty":"EC","crv":"P-256","x":"*","y":"*"}`,
	} {
		if _, err := ParseKey([]byte(raw)); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", raw, err)
		}
	}
	other, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := MarshalKey(other.PublicKey()); !errors.Is(err, ErrKey) {
		t.Errorf("a key of another curve is written: %v", err)
	}
	if _, err := Seal(nil, other.PublicKey(), rand.Reader); !errors.Is(err, ErrKey) {
		t.Errorf("it is sealed for a key of another curve: %v", err)
	}
	if _, err := Seal(nil, newKey(t).PublicKey(), bytes.NewReader(nil)); err == nil {
		t.Error("it is sealed without randomness")
	}
}

func FuzzOpen(f *testing.F) {
	key := newKey(f)
	f.Add(byJose(f, key, "hello", jose.A256GCM, nil))
	f.Add("....")
	f.Fuzz(func(t *testing.T, compact string) {
		if _, err := Open(compact, key); err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrOpen) {
			t.Errorf("an error of another kind: %v", err)
		}
	})
}
