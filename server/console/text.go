package console

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
)

// functions are those of the templates.
func functions(now func() time.Time) template.FuncMap {
	return template.FuncMap{
		"size": size,
		"day":  func(t time.Time) string { return format(t, time.DateOnly) },
		"time": func(t time.Time) string { return format(t, "2006-01-02 15:04:05") },
		"ago":  func(t time.Time) string { return ago(now().Sub(t), t) },
		"n":    func(n int, thing string) string { return plural(n, thing) },
		"word": func(w any) string { return strings.ReplaceAll(fmt.Sprint(w), "_", " ") },
	}
}

// size writes a number of bytes.
func size(bytes int64) string {
	const step = 1000
	if bytes < step {
		return strconv.FormatInt(bytes, 10) + " B"
	}
	value, unit := float64(bytes), 0
	for value >= step && unit < 4 {
		value, unit = value/step, unit+1
	}
	return fmt.Sprintf("%.1f %s", value, []string{"B", "kB", "MB", "GB", "TB"}[unit])
}

// format writes a time in UTC, which is that of no place.
func format(t time.Time, layout string) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(layout)
}

// ago says how long ago t was.
func ago(d time.Duration, t time.Time) string {
	switch {
	case t.IsZero():
		return "never"
	case d < 0:
		return format(t, time.DateOnly)
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return plural(int(d/time.Minute), "minute") + " ago"
	case d < 48*time.Hour:
		return plural(int(d/time.Hour), "hour") + " ago"
	}
	return plural(int(d/(24*time.Hour)), "day") + " ago"
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
