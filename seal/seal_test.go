package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/rawjson"
	"github.com/syncmanager/syncmanager/seal"
)

// firefox is what a real Firefox ESR 153.7 uploaded.
type firefox struct {
	ScopedKeyHex string
	Records      []struct {
		Collection string
		BSO        struct{ ID, Payload string }
		Cleartext  json.RawMessage
	}
}

func loadFirefox(t testing.TB) (firefox, seal.Keys) {
	t.Helper()
	raw, err := os.ReadFile("testdata/firefox-esr-153.json")
	if err != nil {
		t.Fatal(err)
	}
	var f firefox
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	scoped, _ := hex.DecodeString(f.ScopedKeyHex)
	sync, err := seal.SyncBundle(scoped)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range f.Records {
		if r.Collection == "crypto" {
			keys, err := seal.OpenKeys([]byte(r.BSO.Payload), sync)
			if err != nil {
				t.Fatalf("open crypto/keys: %v", err)
			}
			return f, keys
		}
	}
	t.Fatal("no crypto/keys among the records")
	return f, seal.Keys{}
}

func TestOpensWhatFirefoxSealed(t *testing.T) {
	t.Parallel()
	f, keys := loadFirefox(t)
	opened := 0
	for _, r := range f.Records {
		if r.Collection == "crypto" || r.Collection == "meta" {
			continue
		}
		clear, err := keys.For(r.Collection).Open(nil, []byte(r.BSO.Payload))
		if err != nil {
			t.Errorf("%s/%s: %v", r.Collection, r.BSO.ID, err)
			continue
		}
		var got, want any
		if err := json.Unmarshal(clear, &got); err != nil {
			t.Errorf("%s/%s: %v", r.Collection, r.BSO.ID, err)
		}
		_ = json.Unmarshal(r.Cleartext, &want)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s/%s is %s, want %s", r.Collection, r.BSO.ID, clear, r.Cleartext)
		}
		opened++
	}
	if opened < 25 {
		t.Errorf("only %d records opened", opened)
	}
}

func TestWhatIsSealedOpensAgain(t *testing.T) {
	t.Parallel()
	b, _ := seal.RandomBundle(rand.Reader)
	for n := range 70 {
		clear := bytes.Repeat([]byte("ü"), n)
		payload, err := b.Seal(nil, clear, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if len(payload) != seal.SealedSize(len(clear)) {
			t.Errorf("%d bytes seal into %d, SealedSize says %d", len(clear), len(payload), seal.SealedSize(len(clear)))
		}
		got, err := b.Open([]byte("before"), payload)
		if err != nil || string(got) != "before"+string(clear) {
			t.Fatalf("%d bytes: %q, %v", len(clear), got, err)
		}
		again, _ := b.Seal(nil, clear, rand.Reader)
		if bytes.Equal(payload, again) {
			t.Fatal("two seals of one text are the same: the IV was not fresh")
		}
	}
}

func TestEveryFlippedCharacterIsNoticed(t *testing.T) {
	t.Parallel()
	b, _ := seal.RandomBundle(rand.Reader)
	payload, _ := b.Seal(nil, []byte(`{"id":"aaaaaaaaaaaa","secret":true}`), rand.Reader)
	ivFrom := bytes.Index(payload, []byte(`"IV":"`)) + len(`"IV":"`)
	for i := range payload {
		bad := bytes.Clone(payload)
		bad[i] ^= 1
		clear, err := b.Open(nil, bad)
		inIV := i >= ivFrom && i < ivFrom+24
		switch {
		case inIV:
			// The format does not sign the IV: the first block may turn into noise,
			// which is then no JSON. It must not panic.
		case err == nil && bytes.EqualFold(bad, payload):
			// The hex signature in capitals is the same signature.
		case err == nil:
			t.Errorf("a change at byte %d (%q) opens as %q", i, payload[i], clear)
		case !errors.Is(err, seal.ErrHMAC) && !errors.Is(err, seal.ErrPayload):
			t.Errorf("a change at byte %d: %v", i, err)
		}
	}
}

func TestAnotherKeyIsAWrongSignature(t *testing.T) {
	t.Parallel()
	a, _ := seal.RandomBundle(rand.Reader)
	b, _ := seal.RandomBundle(rand.Reader)
	payload, _ := a.Seal(nil, []byte("{}"), rand.Reader)
	if _, err := b.Open(nil, payload); !errors.Is(err, seal.ErrHMAC) {
		t.Errorf("opened with another key: %v", err)
	}
	if a.Equal(b) || !a.Equal(a) || a.Fingerprint() == b.Fingerprint() {
		t.Error("bundles are not told apart")
	}
}

func TestMalformedPayloadsAreNamed(t *testing.T) {
	t.Parallel()
	b, _ := seal.RandomBundle(rand.Reader)
	good, _ := b.Seal(nil, []byte("{}"), rand.Reader)
	signed := func(ciphertext, iv string) string {
		var keys seal.Keys
		keys.Default = b
		raw, _ := keys.MarshalJSON()
		var r struct{ Default [][]byte }
		_ = json.Unmarshal(raw, &r)
		m := hmac.New(sha256.New, r.Default[1])
		m.Write([]byte(ciphertext))
		return fmt.Sprintf(`{"ciphertext":%q,"IV":%q,"hmac":"%x"}`, ciphertext, iv, m.Sum(nil))
	}
	iv := base64.StdEncoding.EncodeToString(make([]byte, 16))
	for name, payload := range map[string]string{
		"empty":            "",
		"HTML":             "<html>502</html>",
		"truncated":        string(good[:len(good)/2]),
		"an array":         "[]",
		"no fields":        "{}",
		"a number":         `{"ciphertext":1,"IV":"","hmac":""}`,
		"short IV":         signed("AAAAAAAAAAAAAAAAAAAAAA==", "AAAA"),
		"huge IV":          signed("AAAAAAAAAAAAAAAAAAAAAA==", strings.Repeat("A", 4096)),
		"no blocks":        signed("", iv),
		"half a block":     signed("AAAAAAAAAAA=", iv),
		"not base64":       signed("****", iv),
		"padding of noise": signed("AAAAAAAAAAAAAAAAAAAAAA==", iv),
	} {
		if got, err := b.Open([]byte("x"), []byte(payload)); !errors.Is(err, seal.ErrPayload) || string(got) != "x" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestKeysTravelRoundAndRefuseWhatIsNone(t *testing.T) {
	t.Parallel()
	sync, _ := seal.RandomBundle(rand.Reader)
	keys, _ := seal.NewKeys(rand.Reader)
	own, _ := seal.RandomBundle(rand.Reader)
	keys.Collections = map[string]*seal.Bundle{"tabs": own}
	payload, err := seal.SealKeys(keys, sync, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	back, err := seal.OpenKeys(payload, sync)
	if err != nil || !back.For("tabs").Equal(own) || !back.For("passwords").Equal(keys.Default) {
		t.Fatalf("keys did not come back: %v", err)
	}
	for _, bad := range []string{`[]`, `{}`, `{"default":[]}`, `{"default":["AA==","AA=="]}`, `{"default":["?","?"]}`, `{"default":7}`} {
		p, _ := sync.Seal(nil, []byte(bad), rand.Reader)
		if _, err := seal.OpenKeys(p, sync); !errors.Is(err, seal.ErrKey) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if s := fmt.Sprintf("%v %+v %s", keys.Default, keys, own); strings.Contains(s, fmt.Sprint(keys)) && !strings.Contains(s, "secret") {
		t.Error("keys show in formatted text")
	}
}

func FuzzOpen(f *testing.F) {
	b, _ := seal.RandomBundle(rand.Reader)
	good, _ := b.Seal(nil, []byte(`{"id":"x"}`), rand.Reader)
	f.Add(good)
	f.Add([]byte(`{"ciphertext":"","IV":"","hmac":""}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if _, err := b.Open(nil, payload); err == nil && !bytes.Contains(payload, []byte("ciphertext")) && !bytes.Contains(payload, []byte(`\u`)) {
			t.Errorf("opened %q", payload)
		}
	})
}

// sample is a cleartext of 500 bytes, as a login is.
func sample() []byte {
	head := `{"id":"{8a6f0000-0000-4000-8000-000000000000}","hostname":"https://accounts.example.org","formSubmitURL":"https://accounts.example.org","httpRealm":null,"username":"somebody@example.org","password":"`
	tail := `","usernameField":"email","passwordField":"password","timeCreated":1795372558946,"timePasswordChanged":1795372558946}`
	return []byte(head + strings.Repeat("p", 500-len(head)-len(tail)) + tail)
}

// BenchmarkOpen measures the way of a record from the bytes of the response to
// its cleartext fields, against the cryptography alone over the same bytes.
func BenchmarkOpen(b *testing.B) {
	bundle, _ := seal.RandomBundle(rand.Reader)
	payload, _ := bundle.Seal(nil, sample(), rand.Reader)
	line := append(rawjson.AppendQuoted([]byte(`{"id":"{8a6f0000-0000-4000-8000-000000000000}","modified":1795372560.22,"payload":`), payload), '}')

	b.Run("record", func(b *testing.B) {
		var text, clear []byte
		b.ReportAllocs()
		for b.Loop() {
			fields := 0
			_ = rawjson.Object(line, func(key, value []byte) error {
				if string(key) == "payload" {
					text, _ = rawjson.AppendUnquoted(text[:0], value)
				}
				return nil
			})
			var err error
			if clear, err = bundle.Open(clear[:0], text); err != nil {
				b.Fatal(err)
			}
			_ = rawjson.Object(clear, func(_, _ []byte) error { fields++; return nil })
			if fields != 10 {
				b.Fatal(fields)
			}
		}
	})
	b.Run("crypto", func(b *testing.B) { benchCryptoOpen(b, payload) })
	b.Run("encoding-json", func(b *testing.B) {
		for b.Loop() {
			var env struct{ ID, Payload string }
			if err := json.Unmarshal(line, &env); err != nil {
				b.Fatal(err)
			}
			var p struct{ Ciphertext, IV, HMAC string }
			if err := json.Unmarshal([]byte(env.Payload), &p); err != nil {
				b.Fatal(err)
			}
			clear, err := bundle.Open(nil, payload)
			if err != nil {
				b.Fatal(err)
			}
			var m map[string]any
			if err := json.Unmarshal(clear, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// benchCryptoOpen is the least anyone has to do: HMAC, base64, AES-CBC.
func benchCryptoOpen(b *testing.B, payload []byte) {
	var p struct{ Ciphertext, IV, HMAC string }
	_ = json.Unmarshal(payload, &p)
	key := make([]byte, 32)
	block, _ := aes.NewCipher(key)
	iv, _ := base64.StdEncoding.DecodeString(p.IV)
	text := []byte(p.Ciphertext)
	raw := make([]byte, len(text))
	b.ReportAllocs()
	for b.Loop() {
		m := hmac.New(sha256.New, key)
		m.Write(text)
		sum := m.Sum(nil)
		_ = sum
		n, _ := base64.StdEncoding.Decode(raw, text)
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(raw[:n], raw[:n])
	}
}

// BenchmarkSeal is the same on the way up.
func BenchmarkSeal(b *testing.B) {
	bundle, _ := seal.RandomBundle(rand.Reader)
	clear := sample()
	b.Run("record", func(b *testing.B) {
		var payload, line []byte
		b.ReportAllocs()
		for b.Loop() {
			payload, _ = bundle.Seal(payload[:0], clear, rand.Reader)
			line = append(line[:0], `{"id":"{8a6f0000-0000-4000-8000-000000000000}","payload":`...)
			line = append(rawjson.AppendQuoted(line, payload), '}')
		}
	})
	b.Run("crypto", func(b *testing.B) {
		key, iv := make([]byte, 32), make([]byte, 16)
		block, _ := aes.NewCipher(key)
		padded := append(bytes.Clone(clear), make([]byte, 16-len(clear)%16)...)
		out, text := make([]byte, len(padded)), make([]byte, base64.StdEncoding.EncodedLen(len(padded)))
		b.ReportAllocs()
		for b.Loop() {
			_, _ = rand.Read(iv)
			cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, padded)
			base64.StdEncoding.Encode(text, out)
			m := hmac.New(sha256.New, key)
			m.Write(text)
			_ = m.Sum(nil)
		}
	})
}
