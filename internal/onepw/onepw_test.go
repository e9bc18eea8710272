package onepw_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/scrypt"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func count(from byte) []byte {
	b := make([]byte, 32)
	for i := range b {
		b[i] = from + byte(i)
	}
	return b
}

func check(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if hex.EncodeToString(got) != strings.ReplaceAll(want, " ", "") {
		t.Errorf("%s is %x, want %s", what, got, want)
	}
}

// The vectors are those of the published onepw protocol.
func TestStretchV1(t *testing.T) {
	t.Parallel()
	s := onepw.StretchV1("andré@example.org", "pässwörd")
	check(t, "authPW", s.AuthPW, "247b675ffb4c46310bc87e26d712153abe5e1c90ef00a4784594f97ef54f2375")
	check(t, "unwrapBKey", s.UnwrapBKey, "de6a2648b78284fcb9ffa81ba95803309cfba7af583c01a8a1a63e567234dd28")
}

func stretch(password, salt []byte, cost, keyLen int) ([]byte, error) {
	return scrypt.Key(password, salt, 1<<cost, 8, 1, keyLen)
}

func TestVerifier(t *testing.T) {
	t.Parallel()
	authPW := unhex(t, "247b675ffb4c46310bc87e26d712153abe5e1c90ef00a4784594f97ef54f2375")
	salt := make([]byte, 32)
	salt[1] = 0xf0
	v, err := onepw.NewVerifier(stretch, authPW, salt, onepw.DefaultCost)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "verifyHash", v.Hash, "a4765bf103dc057f4cf4bc2c131ddb6716e8a4333cc55e1d3c449f31f0eec4f1")
	check(t, "the wrapping key", v.Wrap(make([]byte, 32)), "3ebea117efa9faf57ce195899b2905058368e7760cc26ea58a2a1be0da7fb287")
	if !v.Matches(v.Hash) || v.Matches(count(1)) || v.Matches(nil) {
		t.Error("Matches is not equality")
	}
	if _, err := onepw.NewVerifier(stretch, authPW, salt, 0); err == nil {
		t.Error("a cost that scrypt refuses gave no error")
	}
}

// kB comes out of what the server stores and what only the client has.
func TestKB(t *testing.T) {
	t.Parallel()
	wrapKB := unhex(t, "7effe354abecbcb234a8dfc2d7644b4ad339b525589738f2d27341bb8622ecd8")
	unwrapBKey := onepw.StretchV1("andré@example.org", "pässwörd").UnwrapBKey
	check(t, "kB", onepw.XOR(wrapKB, unwrapBKey), "a095c51c1c6e384e8d5777d97e3c487a4fc2128a00ab395a73d57fedf41631f0")
}

func TestStretchV2(t *testing.T) {
	t.Parallel()
	salt := onepw.ClientSalt([16]byte(unhex(t, "0123456789abcdef0123456789abcdef")))
	s, err := onepw.StretchV2(salt, "pässwörd")
	if err != nil {
		t.Fatal(err)
	}
	// From Python's hashlib and hmac over the same input.
	check(t, "authPW", s.AuthPW, "d278c764bd1852a14bfc4e9d8c1682b4f1a57edb9a9372bf8c370cc41592155b")
	check(t, "unwrapBKey", s.UnwrapBKey, "616616095eff30032abf6a47df30d9a3fc799d8af5e8519905c1601170553493")
	for _, bad := range []string{"", salt[:len(salt)-1], salt + "00", strings.Replace(salt, "V2", "", 1), strings.Replace(salt, "0", "x", 1)} {
		if _, err := onepw.StretchV2(bad, "p"); !errors.Is(err, onepw.ErrSalt) {
			t.Errorf("salt %q: %v, want ErrSalt", bad, err)
		}
	}
}

func TestNewClientSalt(t *testing.T) {
	t.Parallel()
	s, err := onepw.NewClientSalt(bytes.NewReader(count(0)))
	if err != nil || !onepw.ValidClientSalt(s) {
		t.Errorf("%q, %v", s, err)
	}
	if _, err := onepw.NewClientSalt(strings.NewReader("short")); err == nil {
		t.Error("no error without randomness")
	}
}

func TestSessionToken(t *testing.T) {
	t.Parallel()
	h := onepw.SessionToken(count(0xa0))
	if h.ID != "c0a29dcf46174973da1378696e4c82ae10f723cf4f4d9f75e39f4ae3851595ab" {
		t.Errorf("id is %s", h.ID)
	}
	check(t, "key", h.Key, "9d8f22998ee7f5798b887042466b72d53e56ab0c094388bf65831f702d2febc0")
}

// A session token that Firefox ESR 153 signed with.
func TestFirefoxSessionToken(t *testing.T) {
	t.Parallel()
	h := onepw.SessionToken(bytes.Repeat([]byte{0xcc}, 32))
	if h.ID != "66d52f80632d04435039763b07e6ba3e2b7e05f0faae12bc7898d73c1f22674c" {
		t.Errorf("id is %s", h.ID)
	}
	check(t, "key", h.Key, "a98d85d030033014185fecbb07044ff6dc3cf4c283a8682cfbc024c8e3679053")
}

func TestKeyFetchToken(t *testing.T) {
	t.Parallel()
	k := onepw.KeyFetchToken(count(0x80))
	if k.ID != "3d0a7c02a15a62a2882f76e39b6494b500c022a8816e048625a495718998ba60" {
		t.Errorf("id is %s", k.ID)
	}
	check(t, "key", k.Key, "87b8937f61d38d0e29cd2d5600b3f4da0aa48ac41de36a0efe84bb4a9872ceb7")
	bundle := k.Seal(count(0x20), count(0x40))
	check(t, "bundle", bundle, "ee5c58845c7c9412 b11bbd20920c2fdd d83c33c9cd2c2de2 d66b222613364636"+
		"c2c0f8cfbb7c6304 72c0bd88451342c6 c05b14ce342c5ad4 6ad89e84464c993c"+
		"3927d30230157d08 17a077eef4b20d97 6f7a97363faf3f06 4c003ada7d01aa70")
	kA, wrapKB, err := k.Open(bundle)
	if err != nil || !bytes.Equal(kA, count(0x20)) || !bytes.Equal(wrapKB, count(0x40)) {
		t.Errorf("opened to %x, %x, %v", kA, wrapKB, err)
	}
	for i := range bundle {
		bad := bytes.Clone(bundle)
		bad[i] ^= 1
		if _, _, err := k.Open(bad); !errors.Is(err, onepw.ErrBundle) {
			t.Fatalf("byte %d changed: %v, want ErrBundle", i, err)
		}
	}
	if _, _, err := k.Open(bundle[:95]); !errors.Is(err, onepw.ErrBundle) {
		t.Errorf("cut short: %v, want ErrBundle", err)
	}
}

func TestTokensOfOnePurposeAreNoGoodForAnother(t *testing.T) {
	t.Parallel()
	raw := count(1)
	ids := map[string]bool{
		onepw.SessionToken(raw).ID: true, onepw.KeyFetchToken(raw).ID: true, onepw.PasswordChangeToken(raw).ID: true,
	}
	if len(ids) != 3 {
		t.Error("two purposes share an id")
	}
}

// The key and kid that Firefox's own tests expect of this kB.
func TestScopedKey(t *testing.T) {
	t.Parallel()
	kB := unhex(t, "eaf9570b7219a4187d3d6bf3cec2770c2e0719b7cc0dfbb38243d6f1881675e9")
	check(t, "key", onepw.ScopedKey(kB), "0d6fe59791b05fa489e463ea25502e3143f6b7a903aa152e95cd9c6eddbac5b4"+
		"dc68a19097ef65dbd147010ee45222444e66b8b3d7c8a441ebb7dd3dce015a9e")
	kid := onepw.KeyID(1510726318123, kB)
	if kid != "1510726318123-IqQv4onc7VcVE1kTQkyyOw" {
		t.Errorf("kid is %s", kid)
	}
	at, state, err := onepw.ParseKeyID(kid)
	if err != nil || at != 1510726318123 || !bytes.Equal(state, onepw.ClientState(kB)) {
		t.Errorf("parsed to %d, %x, %v", at, state, err)
	}
}

func TestParseKeyID(t *testing.T) {
	t.Parallel()
	// The client state may hold a "-" itself.
	if _, state, err := onepw.ParseKeyID("1--_-_"); err != nil || hex.EncodeToString(state) != "fbffbf" {
		t.Errorf("got %x, %v", state, err)
	}
	for _, bad := range []string{"", "-", "1", "1-", "x-AA", "-1-AA", "1-A", "1-!!", "99999999999999999999-AA", "1-" + strings.Repeat("A", 64)} {
		if _, _, err := onepw.ParseKeyID(bad); !errors.Is(err, onepw.ErrKeyID) {
			t.Errorf("%q: %v, want ErrKeyID", bad, err)
		}
	}
}

func FuzzParseKeyID(f *testing.F) {
	f.Add("1510726318123-IqQv4onc7VcVE1kTQkyyOw")
	f.Add("1--_-_")
	f.Fuzz(func(t *testing.T, kid string) {
		at, state, err := onepw.ParseKeyID(kid)
		if err != nil {
			if !errors.Is(err, onepw.ErrKeyID) {
				t.Fatalf("%v does not wrap ErrKeyID", err)
			}
			return
		}
		at2, state2, err := onepw.ParseKeyID(onepw.FormatKeyID(at, state))
		if err != nil || at2 != at || !bytes.Equal(state2, state) {
			t.Fatalf("%q does not survive a round trip: %v", kid, err)
		}
	})
}

// Only a test that asks for it stretches cheaply: the vectors here are made by what
// the program does.
func TestCost(t *testing.T) {
	t.Parallel()
	if onepw.Cost() != onepw.DefaultCost {
		t.Errorf("the cost is %d, want %d", onepw.Cost(), onepw.DefaultCost)
	}
}
