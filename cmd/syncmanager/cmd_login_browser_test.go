package main

import (
	"slices"
	"testing"
)

func TestOpener(t *testing.T) {
	for _, c := range []struct {
		system string
		env    []string // that are set
		want   []string
	}{
		{"linux", nil, nil},
		{"linux", []string{"DISPLAY"}, []string{"xdg-open"}},
		{"freebsd", []string{"WAYLAND_DISPLAY"}, []string{"xdg-open"}},
		{"linux", []string{"SSH_CONNECTION"}, nil},
		{"linux", []string{"SSH_CONNECTION", "DISPLAY"}, []string{"xdg-open"}}, // ssh -X
		{"darwin", nil, []string{"open"}},
		{"darwin", []string{"SSH_TTY"}, nil},
		{"windows", nil, []string{"rundll32", "url.dll,FileProtocolHandler"}},
		{"windows", []string{"SSH_CONNECTION", "DISPLAY"}, nil},
	} {
		getenv := func(name string) string {
			if slices.Contains(c.env, name) {
				return "set"
			}
			return ""
		}
		if got := opener(c.system, getenv); !slices.Equal(got, c.want) {
			t.Errorf("%s with %v: %q, want %q", c.system, c.env, got, c.want)
		}
	}
}
