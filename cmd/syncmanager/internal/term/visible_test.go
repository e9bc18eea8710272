package term

import (
	"encoding/json"
	"html"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const hostile = "a\x1b[31mb\x7fc\u009b2Jd\u202ee\u2066f\u200fg\u061ch\u2028i\x00j\x08k😀é\tl\nm"

func TestVisible(t *testing.T) {
	b, err := Marshal(map[string]string{"title": hostile})
	if err != nil {
		t.Fatal(err)
	}
	shown := VisibleJSON(b)
	if strings.ContainsFunc(string(shown), Hides) {
		t.Errorf("JSON shows %q", shown)
	}
	var back map[string]string
	if err := json.Unmarshal(shown, &back); err != nil || back["title"] != hostile {
		t.Errorf("it is read back as %q, %v", back["title"], err)
	}
	for name, as := range notations {
		var out strings.Builder
		v := &visible{w: &out, as: as}
		// A character may come in pieces.
		if _, err := io.Copy(v, iotest.OneByteReader(strings.NewReader(hostile+"\r\nx\ry\n"))); err != nil {
			t.Fatal(err)
		}
		got := out.String()
		lines := strings.NewReplacer("\r\n", "", "\n", "", "\t", "").Replace(got)
		if strings.ContainsFunc(lines, Hides) || !strings.Contains(got, "k😀é\tl\nm\r\nx") {
			t.Errorf("%s shows %q", name, got)
		}
		if back := html.UnescapeString(got); name == "html" && !strings.HasPrefix(back, "a\x1b[31mb") {
			t.Errorf("html is read back as %q", back)
		}
	}
	if got := Printable(hostile + "\x9b\xff"); strings.ContainsFunc(got, Hides) || strings.Contains(got, "\x9b") && !strings.Contains(got, "\uFFFD") {
		t.Errorf("printed %q", got)
	}
}
