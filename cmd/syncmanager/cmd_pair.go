package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"rsc.io/qr"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/account/pairing"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// errDeclined means that the user said no.
var errDeclined = errors.New("declined; nothing was changed")

// pairFlags are the flags of pair.
type pairFlags struct {
	deviceName string
	yes        bool
}

func (a *app) pairCommand() *cobra.Command {
	var f pairFlags
	c := &cobra.Command{
		Use:   "pair [ADDRESS | -]",
		Short: "Let another device join by a code, or join by another's code",
		Long: `Let another device join the account with a code, without the password: it reads the
QR code that is shown, or takes the address in it, and both users confirm. The code is
good once, for five minutes. Show it to nobody else.

With an ADDRESS, join the account of the device that shows the code with it: another
syncmanager, or a Firefox on a computer ("Connect another device" in its menu). Other
programs on this computer can see an address on the command line; with "-" it is read
from the first line of stdin. The data of this profile stays; the next sync merges it
with the account's.`,
		Args: cobra.MaximumNArgs(1),
		PreRunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && f.deviceName != "" {
				return errors.New("--device-name is for a device that joins: give the address of the other device's code")
			}
			if len(args) == 1 && args[0] != "-" {
				_, err := pairing.Server(args[0])
				return err
			}
			return nil
		},
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			ctx, stop := context.WithCancel(ctx)
			defer stop()
			lines := a.lines(ctx)
			if len(args) == 0 {
				return a.letIn(ctx, p, f, lines)
			}
			address := args[0]
			if address == "-" {
				var ok bool
				if address, ok = <-lines; !ok {
					return errors.New("stdin holds no address")
				}
			}
			return a.join(ctx, p, f, address, lines)
		}),
	}
	flags := c.Flags()
	flags.BoolVarP(&f.yes, "yes", "y", false, "confirm without asking")
	flags.StringVar(&f.deviceName, "device-name", "", "the `NAME` of this device on the others, if it joins")
	return c
}

// peerJSON is a device that was let in, as the server saw it.
type peerJSON struct {
	UserAgent string `json:"userAgent"`
	Address   string `json:"address"`
}

// letIn shows a code, and lets the device in that reads it.
func (a *app) letIn(ctx context.Context, p *profile.Profile, f pairFlags, lines <-chan string) error {
	code, err := p.ShowPairing(ctx)
	if err != nil {
		return err
	}
	defer code.Close(context.WithoutCancel(ctx))
	a.warnOfOpenHTTP(p.Account().Server)
	fmt.Fprintf(a.Err, "Read this code with the device that is to join, or give it the address:\n\n%s\n\n", term.Printable(code.URL))
	if a.ToTerminal() {
		if err := drawQR(a.Err, code.URL); err != nil {
			return err
		}
	}
	peer, err := code.Wait(ctx)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("%s at %s asks to join %s. Is it yours, and may it have all that is synced?",
		orUnknown(peer.UserAgent), orUnknown(peer.Address), p.Account().Email)
	if err := a.confirm(ctx, question, f.yes, lines); err != nil {
		return err
	}
	a.Note("Confirm on the other device too.")
	if err := code.Allow(ctx); err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(peerJSON{peer.UserAgent, peer.Address})
	}
	a.Note("The other device was let in.")
	return nil
}

func orUnknown(text string) string {
	if text == "" {
		return "an unknown device"
	}
	return text
}

// join joins the account of the device that shows a code with this address.
func (a *app) join(ctx context.Context, p *profile.Profile, f pairFlags, address string, lines <-chan string) error {
	server, err := pairing.Server(address)
	if err != nil {
		return err
	}
	a.warnOfOpenHTTP(server)
	err = p.SignIn(ctx, profile.SignIn{
		DeviceName: f.deviceName,
		Join: func(ctx context.Context, cfg account.Config, may func(email, server string) error) (*account.Account, error) {
			cfg.Server = server
			s, err := pairing.Join(ctx, cfg, address)
			if err != nil {
				return nil, err
			}
			defer s.Close(context.WithoutCancel(ctx))
			if err := may(s.Peer.Email, server); err != nil {
				return nil, err
			}
			question := fmt.Sprintf("Join the account %s at %s, as %s shows?", s.Peer.Email, server, orUnknown(s.Peer.DeviceName))
			if err := a.confirm(ctx, question, f.yes, lines); err != nil {
				return nil, err
			}
			a.Note("Confirm on the other device too.")
			return s.Accept(ctx)
		},
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(p.Account())
	}
	a.Note("Signed in as %s. 'syncmanager sync' syncs.", p.Account().Email)
	return nil
}

// confirm asks a question whose answer is yes or no, on the next line of stdin.
func (a *app) confirm(ctx context.Context, question string, yes bool, lines <-chan string) error {
	if yes {
		return nil
	}
	for {
		fmt.Fprintf(a.Err, "%s [yes/no] ", term.Printable(question))
		var line string
		var ok bool
		select {
		case line, ok = <-lines:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		answer := strings.ToLower(strings.TrimSpace(line))
		switch {
		case !ok:
			fmt.Fprintln(a.Err)
			return fmt.Errorf("%w: answer yes on stdin, or give --yes", errDeclined)
		case slices.Contains([]string{"y", "yes"}, answer):
			return nil
		case slices.Contains([]string{"n", "no"}, answer):
			return errDeclined
		}
	}
}

// quiet is the margin around a QR code, in modules.
const quiet = 2

// drawQR draws text as a QR code, two modules in the height of a character, in black on white
// whatever the terminal's colors are.
func drawQR(w io.Writer, text string) error {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return fmt.Errorf("draw the code: %w", err)
	}
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		b.WriteString("\x1b[30;107m")
		for x := -quiet; x < code.Size+quiet; x++ {
			switch upper, lower := code.Black(x, y), code.Black(x, y+1); {
			case upper && lower:
				b.WriteString("█")
			case upper:
				b.WriteString("▀")
			case lower:
				b.WriteString("▄")
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	b.WriteByte('\n')
	_, err = io.WriteString(w, b.String())
	return err
}
