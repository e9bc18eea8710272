package nativehost

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// A message that was written is read as it was, however it arrives.
func TestMessages(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	for _, text := range []string{"", "ä", strings.Repeat("x", 100_000)} {
		if err := writeMessage(&b, text); err != nil {
			t.Fatal(err)
		}
	}
	in := iotest.OneByteReader(&b)
	for _, want := range []string{`""`, `"ä"`, `"` + strings.Repeat("x", 100_000) + `"`} {
		if got, err := readMessage(in); err != nil || string(got) != want {
			t.Errorf("read %.20q: %v", got, err)
		}
	}
	if _, err := readMessage(in); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// Messages that are too long, or cut off, are errors.
func TestMessagesThatAreNone(t *testing.T) {
	t.Parallel()
	if err := writeMessage(io.Discard, strings.Repeat("x", maxOut)); !errors.Is(err, errTooLong) {
		t.Errorf("a long one is written: %v", err)
	}
	for name, text := range map[string]string{
		"too long":         string(binary.NativeEndian.AppendUint32(nil, maxIn+1)) + "{}",
		"cut in its head":  "\x02\x00",
		"cut in its body":  string(binary.NativeEndian.AppendUint32(nil, 10)) + "{}",
		"a very long head": "\xff\xff\xff\xff",
	} {
		if _, err := readMessage(strings.NewReader(text)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is read is what the head says, and never more than may be sent.
func FuzzReadMessage(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00{}"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := readMessage(bytes.NewReader(in))
		if err == nil && (len(b) > maxIn || !bytes.Equal(b, in[4:4+len(b)])) {
			t.Errorf("read %q of %q", b, in)
		}
	})
}
