package usage

import "testing"

func TestFill(t *testing.T) {
	t.Parallel()
	const text = `Breaks a line that is longer than eighty cells, however it was broken in the source,
and joins short
lines.

  keeps   what is indented
and a line after it.

keeps     columns    which a table has, also if they are wider than eighty cells are in all

日本日本日本日本日本日本日本日本日本日本日本日本日本日本日本日本日本日本日本 日本`
	const want = `Breaks a line that is longer than eighty cells, however it was broken in the
source, and joins short lines.

  keeps   what is indented
and a line after it.

keeps     columns    which a table has, also if they are wider than eighty cells are in all

日本日本日本日本日本日本日本日本日本日本日本日本日本日本日本日本日本日本日本
日本`
	if got := fill(text); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
