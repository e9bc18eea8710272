package rawjson_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// Strings are read many bytes at a time, so that a byte's place matters.
func TestEveryByteIsKnownAtEveryPlaceOfAString(t *testing.T) {
	t.Parallel()
	for place := range 40 {
		text := bytes.Repeat([]byte("a"), 40)
		for c := range 256 {
			text[place] = byte(c)
			raw := append(append([]byte{'"'}, text...), '"')
			if got, want := rawjson.Valid(raw), json.Valid(raw); got != want {
				t.Errorf("%#x at %d: valid is %v", c, place, got)
			}
			quoted := rawjson.AppendQuoted(nil, text)
			back, ok := rawjson.Unquoted(quoted)
			if !ok || !bytes.Equal(back, text) || !json.Valid(quoted) {
				t.Errorf("%#x at %d went out as %q and came back as %q", c, place, quoted, back)
			}
			if again := rawjson.AppendQuoted(nil, string(text)); !bytes.Equal(again, quoted) {
				t.Errorf("%#x at %d: %q as a string, %q as bytes", c, place, again, quoted)
			}
		}
	}
}

func TestATextTakesThePlaceOfWhatItIsReadFrom(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, `plain`, `\"`, `a\nb\tc\u00e9\ud83d\ude00d`, `\ud83d\ude00`, `\ud83d`, `\ude00\ud83d\ude00`, `\u0041` + strings.Repeat("x", 50) + `\\`,
	} {
		raw := []byte(`"` + body + `"`)
		want, _ := rawjson.AppendUnquoted(nil, raw)
		got, err := rawjson.AppendUnquoted(raw[1:1], raw)
		if err != nil || string(got) != string(want) || len(got) > 0 && &got[0] != &raw[1] {
			t.Errorf("%q became %q, %v; want %q in its place", body, got, err, want)
		}
		if raw[len(raw)-1] != '"' {
			t.Errorf("%q was written over behind its end", body)
		}
	}
}

func TestUnicodeRefusesWhatWouldNotComeBack(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		``: true, `{"a":[1,"é😀\ufffd\n"]}`: true, `"\ud83d\ude00\ud83d\ude00"`: true, `"\\ud800"`: true, `"\\\\ud800\\"`: true, `"\uD83D\uDE00"`: true,
		`"\ud800"`: false, `"\ude00"`: false, `"\ud83dx\ude00"`: false, `"\ud83d\n"`: false, `"\ud83d\ud83d\ude00"`: false, `"\\\ud800"`: false,
		`{"\udfff":1}`: false, `{"a":{"b":["\udfff"]}}`: false, "\"\xff\"": false, "\"\xed\xa0\x80\"": false,
	} {
		if got := rawjson.Unicode([]byte(raw)); got != want {
			t.Errorf("%q: %v", raw, got)
		}
	}
}
