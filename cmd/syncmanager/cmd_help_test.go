package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
)

// Each help page fits a terminal of 80 columns.
func TestHelpFitsTheTerminal(t *testing.T) {
	t.Parallel()
	pages := 0
	var each func(*cobra.Command)
	each = func(c *cobra.Command) {
		if c.Name() == "completion" {
			return // cobra's own
		}
		pages++
		var out bytes.Buffer
		c.SetOut(&out)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			line = strings.TrimSuffix(line, "\n")
			if uniseg.StringWidth(line) > usage.Width {
				t.Errorf("%s: %d cells: %s", c.CommandPath(), uniseg.StringWidth(line), line)
			}
		}
		for _, sub := range c.Commands() {
			each(sub)
		}
	}
	each((&app{}).rootCommand())
	if pages < 100 {
		t.Errorf("there are %d pages only", pages)
	}
}
