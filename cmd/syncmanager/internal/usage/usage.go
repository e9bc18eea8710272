package usage

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Setup makes the errors about a command line say what is wrong and how the command is
// used, in place of the texts of cobra and pflag, and makes the help fit [Width].
func Setup(root *cobra.Command) {
	root.SetFlagErrorFunc(flagError)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	fitHelp(root)
	var each func(*cobra.Command)
	each = func(c *cobra.Command) {
		allowed := c.Args
		if c.Name() == "help" && c.Parent() == root {
			allowed = helpTopic
		}
		if !c.Runnable() {
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
		c.SuggestionsMinimumDistance = 2
		c.Args = func(c *cobra.Command, args []string) error {
			if err := checkArgs(c, allowed, args); err != nil {
				return err
			}
			return checkFlags(c)
		}
		for _, sub := range c.Commands() {
			each(sub)
		}
	}
	each(root)
}

// checkArgs returns an error for wrong arguments of a command.
func checkArgs(c *cobra.Command, allowed cobra.PositionalArgs, args []string) error {
	if c.HasAvailableSubCommands() {
		if len(args) == 0 {
			return nil
		}
		// A command with subcommands takes no other arguments.
		if similar := c.SuggestionsFor(args[0]); len(similar) > 0 {
			return fmt.Errorf("%q is not a command of '%s': did you mean %s?", args[0], c.CommandPath(), similar[0])
		}
		return fmt.Errorf("%q is not a command of '%s'", args[0], c.CommandPath())
	}
	if allowed == nil || allowed(c, args) == nil {
		return nil
	}
	_, takes, _ := strings.Cut(c.Use, " ")
	if takes == "" {
		return fmt.Errorf("%q is not expected: '%s' takes no arguments", args[0], c.CommandPath())
	}
	return errors.New(usageLine(c))
}

// helpTopic accepts the arguments of 'help' that name a command.
func helpTopic(c *cobra.Command, args []string) error {
	found, rest, err := c.Root().Find(args)
	if err == nil && (len(rest) == 0 || found.HasParent() && !found.HasAvailableSubCommands()) {
		return nil
	}
	return errors.New("no such topic")
}

// usageLine returns the usage of a command with its required flags.
func usageLine(c *cobra.Command) string {
	name, takes, _ := strings.Cut(c.Use, " ")
	line := "usage: " + strings.TrimSuffix(c.CommandPath(), name) + name
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if required(f) && !strings.Contains(takes, "--"+f.Name) {
			value, _ := pflag.UnquoteUsage(f)
			line += " --" + f.Name + " " + value
		}
	})
	if takes != "" {
		line += " " + takes
	}
	return line
}

func required(f *pflag.Flag) bool {
	return slices.Contains(f.Annotations[cobra.BashCompOneRequiredFlag], "true")
}

// checkFlags returns an error for flags that are missing or exclude each other. cobra
// checks this too, but later and in its own words.
func checkFlags(c *cobra.Command) (err error) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		switch {
		case err != nil:
		case required(f) && !f.Changed:
			err = fmt.Errorf("--%s is missing: %s", f.Name, usageLine(c))
		case f.Changed:
			for _, group := range f.Annotations["cobra_annotation_mutually_exclusive"] {
				for other := range strings.FieldsSeq(group) {
					if other != f.Name && c.Flags().Changed(other) {
						err = fmt.Errorf("--%s and --%s do not go together", f.Name, other)
					}
				}
			}
		}
	})
	return err
}

// flagError explains an error of pflag.
func flagError(c *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		value   *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown):
		name := "--" + unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return fmt.Errorf("-%s is not a flag of '%s': put -- before a word that begins with a dash", unknown.GetSpecifiedName(), c.CommandPath())
		}
		if near := nearestFlag(c, unknown.GetSpecifiedName()); near != "" {
			return fmt.Errorf("%s is not a flag of '%s': did you mean --%s?", name, c.CommandPath(), near)
		}
		return fmt.Errorf("%s is not a flag of '%s'", name, c.CommandPath())
	case errors.As(err, &missing):
		takes, _ := pflag.UnquoteUsage(missing.GetFlag())
		return fmt.Errorf("--%s is without its value: write --%s %s", missing.GetFlag().Name, missing.GetFlag().Name, takes)
	case errors.As(err, &value):
		return BadValue(value.GetFlag(), value.GetValue(), errors.Unwrap(value))
	case errors.As(err, &syntax):
		return fmt.Errorf("%q is not a flag: write --NAME or --NAME=VALUE", syntax.GetSpecifiedFlag())
	}
	return err
}

// BadValue returns an error that says which values a flag takes. For flags of this
// program's own types, cause says it.
func BadValue(f *pflag.Flag, value string, cause error) error {
	takes := ""
	switch f.Value.Type() {
	case "string", "stringSlice", "stringArray":
	case "bool":
		takes = ": say true or false"
	case "duration":
		takes = ": write it like 90s, 5m or 2h"
	case "int", "int64", "uint", "uint64":
		takes = ": give a whole number"
	case "float64":
		takes = ": give a number"
	default:
		return fmt.Errorf("--%s: %w", f.Name, cause)
	}
	return fmt.Errorf("%q is not a value for --%s%s", value, f.Name, takes)
}

// nearestFlag returns the flag that was probably meant by name, or "".
func nearestFlag(c *cobra.Command, name string) (near string) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if near == "" && !f.Hidden && len(name) > 2 && (strings.HasPrefix(f.Name, name) || oneTypo(f.Name, name)) {
			near = f.Name
		}
	})
	return near
}

// oneTypo reports whether a and b differ by one letter that was added, left out,
// changed, or swapped with the next.
func oneTypo(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(a)-len(b) > 1 {
		return false
	}
	i := 0
	for i < len(b) && a[i] == b[i] {
		i++
	}
	if len(a) > len(b) {
		return a[i+1:] == b[i:]
	}
	if i == len(a) {
		return true
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
