package main

import (
	"strings"
	"testing"

	"rsc.io/qr"
)

// The drawn code has each module of the QR code, within a margin that cameras need.
func TestDrawQR(t *testing.T) {
	t.Parallel()
	text := "https://sync.example.org/pair#channel_id=AAAAAAAAAAAAAAAAAAAAAA&channel_key=" + strings.Repeat("A", 43)
	var b strings.Builder
	if err := drawQR(&b, text); err != nil {
		t.Fatal(err)
	}
	want, err := qr.Encode(text, qr.L)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if n := (want.Size + 2*quiet + 1) / 2; len(lines) != n {
		t.Fatalf("%d lines, want %d", len(lines), n)
	}
	for i, line := range lines {
		line, colored := strings.CutPrefix(line, "\x1b[30;107m")
		line, reset := strings.CutSuffix(line, "\x1b[0m")
		if !colored || !reset {
			t.Fatalf("line %d is %q", i, line)
		}
		cells := []rune(line)
		if len(cells) != want.Size+2*quiet {
			t.Fatalf("line %d has %d cells", i, len(cells))
		}
		for x, cell := range cells {
			upper, lower := strings.ContainsRune("█▀", cell), strings.ContainsRune("█▄", cell)
			if y := 2*i - quiet; upper != want.Black(x-quiet, y) || lower != want.Black(x-quiet, y+1) {
				t.Errorf("cell %d of line %d is %q", x, i, cell)
			}
		}
	}
	if err := drawQR(&b, strings.Repeat("x", 5000)); err == nil {
		t.Error("a text that does not fit is drawn")
	}
}
