package ece_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"testing"

	"github.com/syncmanager/syncmanager/internal/ece"
)

func unbase64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The example of RFC 8291, appendix A.
const (
	watermelon    = "When I grow up, I want to be a watermelon"
	senderPrivate = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
	private       = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
	public        = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	salt          = "DGv6ra1nlYgDCS1FRnbzlw"
	auth          = "BTBZMqHH6r4Tts7J_aSIgg"
	message       = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)

func TestExampleOfTheRFC(t *testing.T) {
	t.Parallel()
	r, err := ece.NewReceiver(unbase64(t, public), unbase64(t, auth))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := r.Seal([]byte(watermelon), bytes.NewReader(append(unbase64(t, senderPrivate), unbase64(t, salt)...)))
	if err != nil || base64.RawURLEncoding.EncodeToString(sealed) != message {
		t.Errorf("sealed: %x, %v", sealed, err)
	}
	k, err := ece.NewKeys(unbase64(t, private), unbase64(t, auth))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(k.Public(), unbase64(t, public)) {
		t.Errorf("public key %x", k.Public())
	}
	if clear, err := k.Open(unbase64(t, message)); err != nil || string(clear) != watermelon {
		t.Errorf("opened: %q, %v", clear, err)
	}
}

// Messages of no, one, and several records, at the edges of a record too.
func TestSizes(t *testing.T) {
	t.Parallel()
	k, err := ece.GenerateKeys(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ece.NewReceiver(k.Public(), k.Auth())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 4078, 4079, 4080, 8158, 8159, 16 << 10} {
		text := bytes.Repeat([]byte{0}, n) // zeros are what padding is made of
		sealed, err := r.Seal(text, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if clear, err := k.Open(sealed); err != nil || !bytes.Equal(clear, text) {
			t.Errorf("%d bytes: came back as %d, %v", n, len(clear), err)
		}
		if n > 4079 {
			if _, err := k.Open(sealed[:86+4096]); !errors.Is(err, ece.ErrMessage) {
				t.Errorf("%d bytes, cut after the first record: %v", n, err)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	k, err := ece.NewKeys(unbase64(t, private), unbase64(t, auth))
	if err != nil {
		t.Fatal(err)
	}
	whole := unbase64(t, message)
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 0x40
		// The size of the records says nothing of a message that has just one.
		if _, err := k.Open(changed); !errors.Is(err, ece.ErrMessage) && (i < 16 || i >= 20) {
			t.Errorf("changed at %d: %v", i, err)
		}
		if _, err := k.Open(whole[:i]); !errors.Is(err, ece.ErrMessage) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
	small := bytes.Clone(whole)
	copy(small[16:], []byte{0, 0, 0, 17})
	if _, err := k.Open(small); !errors.Is(err, ece.ErrMessage) {
		t.Errorf("records without room for text: %v", err)
	}
	other, err := ece.GenerateKeys(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(whole); !errors.Is(err, ece.ErrMessage) {
		t.Errorf("another's message: %v", err)
	}
	if _, err := ece.NewReceiver(make([]byte, ece.PublicSize), unbase64(t, auth)); !errors.Is(err, ece.ErrKey) {
		t.Errorf("a point that is on no curve: %v", err)
	}
	if _, err := ece.NewReceiver(unbase64(t, public), nil); !errors.Is(err, ece.ErrKey) {
		t.Errorf("no secret: %v", err)
	}
	if _, err := ece.NewKeys(nil, unbase64(t, auth)); !errors.Is(err, ece.ErrKey) {
		t.Errorf("no key: %v", err)
	}
	if _, err := ece.GenerateKeys(bytes.NewReader(make([]byte, 40))); err == nil {
		t.Error("keys without randomness")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(unbase64(f, message))
	k, err := ece.NewKeys(unbase64(f, private), unbase64(f, auth))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := k.Open(b); err != nil && !errors.Is(err, ece.ErrMessage) {
			t.Error(err)
		}
	})
}
