package rawjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/rawjson"
)

func members(raw string) (map[string]string, error) {
	got := map[string]string{}
	err := rawjson.Object([]byte(raw), func(k, v []byte) error {
		got[string(k)] = string(v)
		return nil
	})
	return got, err
}

func TestObjectHandsOutMembersAsTheyStand(t *testing.T) {
	t.Parallel()
	got, err := members(" {\"a\" : 1.50e3 ,\n\"b\\u00e9\":[1,{\"x\":null}],\"c\":\"q\\\"\",\"d\":{}} ")
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]string{"a": "1.50e3", "bé": `[1,{"x":null}]`, "c": `"q\""`, "d": "{}"} {
		if got[k] != want {
			t.Errorf("member %q is %q, want %q", k, got[k], want)
		}
	}
}

func TestWhatIsNotOneObjectIsRefused(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"", " ", "{", "{}x", "{}{}", "[]", "null", `"a"`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{"a":01}`, `{"a":1.}`,
		`{"a":-}`, `{"a":+1}`, `{"a":1e}`, `{"a":tru}`, `{"a":"` + "\n" + `"}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"b`, `{"a":[1,]}`,
		`{"a":[}`, `{"a":NaN}`, `<html>`, `{"a":` + strings.Repeat("[", 100_000),
		`{"a":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`,
	} {
		if _, err := members(raw); !errors.Is(err, rawjson.ErrSyntax) {
			t.Errorf("%.30q: %v", raw, err)
		}
	}
}

func TestObjectsWalksAnArrayInOnePass(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`[]`: "", ` [ {} ] `: ";", `[{"a":1,"b":[{}]},{},{"c":"}"}]`: `a=1 b=[{}] ;;c="}" ;`,
	} {
		got, err := objects(raw)
		if err != nil || got != want {
			t.Errorf("%q became %q, %v", raw, got, err)
		}
	}
	deep := strings.Repeat("[", rawjson.MaxDepth-2) + strings.Repeat("]", rawjson.MaxDepth-2)
	if _, err := objects(`[{"a":` + deep + `}]`); err != nil {
		t.Error(err)
	}
	for _, raw := range []string{``, `{}`, `[`, `[{}`, `[{},]`, `[{}{}]`, `[{}]x`, `[1]`, `[null]`, `[[]]`, `[{"a"}]`, `[{"a":1]`, `[{"a":[` + deep + `]}]`} {
		if _, err := objects(raw); !errors.Is(err, rawjson.ErrSyntax) {
			t.Errorf("%.30q: %v", raw, err)
		}
	}
}

// objects is what Objects hands out, each object closed with a semicolon.
func objects(raw string) (string, error) {
	var b strings.Builder
	err := rawjson.Objects([]byte(raw), func(k, v []byte) error {
		_, err := fmt.Fprintf(&b, "%s=%s ", k, v)
		return err
	}, func() error { return b.WriteByte(';') })
	return b.String(), err
}

func TestAnErrorOfTheCallerEndsTheWalk(t *testing.T) {
	t.Parallel()
	stop, calls := errors.New("stop"), 0
	err := rawjson.Object([]byte(`{"a":1,"b":2}`), func(_, _ []byte) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
	err = rawjson.Array([]byte(`[1,2]`), func([]byte) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 2 {
		t.Errorf("%v after %d calls", err, calls)
	}
	err = rawjson.Objects([]byte(`[{},{}]`), nil, func() error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 3 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// FuzzAgainstEncodingJSON holds the scanner to the standard library's opinion.
func FuzzAgainstEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":"\ud83d\ude00\ud800x","b":[true,false,null,-0.1e+9]}`, `[1 , "2", {"3":[]}]`, `"\/\b\f\n\r\t\"\\"`, "\"\xff\"", `0`, `{"":""}`,
		`"12345678\"1234567\\"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<16 || bytes.Count(raw, []byte("["))+bytes.Count(raw, []byte("{")) > rawjson.MaxDepth {
			return
		}
		if got, want := rawjson.Valid(raw), json.Valid(raw); got != want {
			t.Fatalf("Valid(%q) = %v", raw, got)
		}
		var s string
		trimmed := bytes.Trim(raw, " \n\r\t")
		if json.Unmarshal(raw, &s) == nil && len(trimmed) > 0 && trimmed[0] == '"' {
			text, ok := rawjson.Unquoted(trimmed)
			if !ok || strings.ToValidUTF8(string(text), "\ufffd") != strings.ToValidUTF8(s, "\ufffd") && json.Valid(raw) && !bytes.ContainsRune(trimmed, '\ufffd') && validUTF8(trimmed) {
				t.Fatalf("Unquoted(%q) = %q, want %q", trimmed, text, s)
			}
			back := rawjson.AppendQuoted(nil, text)
			again, ok := rawjson.Unquoted(back)
			if !ok || !bytes.Equal(again, text) {
				t.Fatalf("%q does not come back from %q", text, back)
			}
		}
		var m map[string]json.RawMessage
		if json.Unmarshal(raw, &m) == nil && m != nil && validUTF8(raw) {
			got, err := members(string(raw))
			if err != nil || len(got) != len(m) {
				t.Fatalf("Object(%q): %v, %v", raw, got, err)
			}
		}
		if json.Valid(raw) && rawjson.Unicode(raw) != (validUTF8(raw) && !loneSurrogate(raw)) {
			t.Fatalf("Unicode(%q) = %v", raw, rawjson.Unicode(raw))
		}
		var all []map[string]json.RawMessage
		_, err := objects(string(raw))
		if isList := json.Unmarshal(raw, &all) == nil && all != nil && !slices.ContainsFunc(all, func(m map[string]json.RawMessage) bool { return m == nil }); (err == nil) != isList {
			t.Fatalf("Objects(%q): %v", raw, err)
		}
		var a []json.RawMessage
		if json.Unmarshal(raw, &a) == nil && a != nil {
			n := 0
			if err := rawjson.Array(raw, func(v []byte) error {
				if !bytes.Equal(v, a[n]) {
					t.Fatalf("element %d of %q is %q", n, raw, v)
				}
				n++
				return nil
			}); err != nil || n != len(a) {
				t.Fatalf("Array(%q): %d, %v", raw, n, err)
			}
		}
	})
}

var (
	surrogatePair = regexp.MustCompile(`(?i)\\ud[89ab]..\\ud[c-f]..`)
	surrogate     = regexp.MustCompile(`(?i)\\ud[89a-f]..`)
)

func loneSurrogate(raw []byte) bool {
	raw = bytes.ReplaceAll(raw, []byte(`\\`), []byte("-"))
	return surrogate.Match(surrogatePair.ReplaceAll(raw, nil))
}

func validUTF8(b []byte) bool { return bytes.Equal(bytes.ToValidUTF8(b, nil), b) }

func BenchmarkObject(b *testing.B) {
	raw := []byte(`{"id":"{8a6f0000-0000-4000-8000-000000000000}","modified":1795372560.22,"payload":"` + strings.Repeat("QUJD", 250) + `"}`)
	b.Run("rawjson", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			_ = rawjson.Object(raw, func(_, _ []byte) error { return nil })
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			var m map[string]json.RawMessage
			_ = json.Unmarshal(raw, &m)
		}
	})
}
