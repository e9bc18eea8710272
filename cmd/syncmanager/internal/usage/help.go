package usage

import (
	"strings"

	"github.com/rivo/uniseg"
	"github.com/spf13/cobra"
)

// Width is the length of a line of help, in cells: that of a small terminal.
const Width = 80

// fitHelp wraps the help of a command and its subcommands at [Width], when it is shown.
func fitHelp(root *cobra.Command) {
	root.SetUsageTemplate(strings.NewReplacer(
		".LocalFlags.FlagUsages ", ".LocalFlags.FlagUsagesWrapped 80 ",
		".InheritedFlags.FlagUsages ", ".InheritedFlags.FlagUsagesWrapped 80 ",
		`Use "{{.CommandPath}} [command] --help" for more information about a command.`,
		`'{{.CommandPath}} COMMAND --help' explains a command.`,
	).Replace(root.UsageTemplate()))
	show := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		c.Long = fill(c.Long)
		show(c, args)
	})
}

// fill breaks the lines of a text at [Width], paragraph by paragraph. A paragraph with
// indented lines or columns stays as it is.
func fill(text string) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		if !strings.HasPrefix(p, " ") && !strings.Contains(p, "\n ") && !strings.Contains(p, "  ") {
			paragraphs[i] = Hang(p, 0)
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// Hang breaks the lines of a text at [Width]. The first line begins at the column
// indent; the others are indented by as many spaces.
func Hang(text string, indent int) string {
	var b strings.Builder
	used := indent
	for word := range strings.FieldsSeq(text) {
		width := uniseg.StringWidth(word)
		switch {
		case b.Len() == 0:
		case used+1+width > Width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			used = indent
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += width
	}
	return b.String()
}
