package firefoxprofile_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/firefoxprofile"
)

func TestPrefsFile(t *testing.T) {
	const odd = "it is not a preference: it is not as Firefox writes it"
	for text, c := range map[string]struct {
		want    map[string]any
		skipped string
	}{
		"":     {},
		"\n\t": {},
		"// a comment; user_pref(\"a\", 1);\n# another\n/* user_pref(\"b\", 2);\n*/ user_pref( \"c\" /* here */ ,\n 3 ) ; user_pref('d',true);": {want: map[string]any{"c": int32(3), "d": true}},
		"\ufeffuser_pref(\"a\", -2147483648); pref(\"b\", +2147483647); sticky_pref(\"c\", false);":                                             {want: map[string]any{"a": int32(-2147483648), "b": int32(2147483647), "c": false}},
		`user_pref("a", "q\"'\\\n\r\x41\u00fc\ud83d\ude00ü;//"); user_pref("b", 'it"s');`:                                                       {want: map[string]any{"a": "q\"'\\\n\rAü😀ü;//", "b": `it"s`}},
		`user_pref("a", 1); user_pref("a", 2);`:                              {want: map[string]any{"a": int32(2)}},
		`user_pref("a", 2147483648); user_pref("b", 1x); user_pref("c", 1);`: {map[string]any{"c": int32(1)}, "1 a: its number is not one of 32 bits|1 b: its number is not one of 32 bits"},
		"user_pref(\"a\", \"\\q\");\nuser_pref(\"b\", \"\\x0\");\nuser_pref(\"c\", \"\\u0000\");\nuser_pref(\"d\", \"\\ud83d\"); user_pref(\"e\", \"\\ud83d\\u0041\"); user_pref(\"f\", 1);": {map[string]any{"f": int32(1)},
			"1 a: its text has an escape that Firefox does not know|2 b: its text has an escape that Firefox does not know|3 c: its text has an escape that Firefox does not know|4 d: its text has an escape that Firefox does not know|4 e: its text has an escape that Firefox does not know"},
		`user_pref("a", "secret`: {skipped: "1 a: the file ends within it"},
		`user_pref("a", "\u00`:   {skipped: "1 a: the file ends within it"},
		`user_pref("a"`:          {skipped: "1 a: the file ends within it"},
		`user_pref(`:             {skipped: "1 : the file ends within it"},
		`/* no end`:              {skipped: "1 : the file ends within it"},
		"user_pref(\"a\", \"\xff\"); user_pref(1, 2);": {skipped: "1 a: its text is not valid UTF-8|1 : " + odd},
		"secret;\n lockPref(\"a\", 1); user_pref(\"b\", 1)user_pref(\"c\", 1); user_pref(\"d\", null); user_pref(\"e\", 1);": {map[string]any{"e": int32(1)}, "1 : " + odd + "|2 : " + odd + "|2 b: " + odd + "|2 d: " + odd},
	} {
		set, left := firefoxprofile.ParsePrefs([]byte(text))
		var skipped []string
		for _, s := range left.First {
			skipped = append(skipped, fmt.Sprintf("%d %s: %s", s.Line, s.Item, s.Reason))
		}
		if got := strings.Join(skipped, "|"); !maps.Equal(set, c.want) || got != c.skipped {
			t.Errorf("%q: read %#v, skipped %q", text, set, got)
		}
	}
}

func TestHugePrefs(t *testing.T) {
	text := `user_pref("huge", "` + strings.Repeat("x", 2<<20) + `"); user_pref("` + strings.Repeat("n", 2<<20) + `", 1); ` +
		strings.Repeat("-", 2<<20) + `; user_pref("last", 1);`
	set, left := firefoxprofile.ParsePrefs([]byte(text))
	if len(set) != 1 || set["last"] != int32(1) || left.Count != 3 {
		t.Errorf("read %d, skipped %+v", len(set), left)
	}
	// As many bad statements as fit: only the first are named.
	_, left = firefoxprofile.ParsePrefs([]byte(strings.Repeat(";", 1<<20)))
	if left.Count != 1<<20 || len(left.First) != 1000 {
		t.Errorf("skipped %d, named %d", left.Count, len(left.First))
	}
}
