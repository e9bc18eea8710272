package serve

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/mail"
)

// envSMTPPassword holds the mail host's password if no file does.
const envSMTPPassword = "SYNCMANAGER_SMTP_PASSWORD"

// mailOptions are the flags for e-mail.
type mailOptions struct{ host, passwordFile, from string }

func (o *mailOptions) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&o.host, "smtp", "", "with --sign-up email: send e-mail through the mail host at `URL`, like smtp://user@mail.example.org:587 or smtps://…")
	flags.StringVar(&o.passwordFile, "smtp-password-file", "", "read the mail host's password from `FILE`; by default from $"+envSMTPPassword)
	flags.StringVar(&o.from, "mail-from", "", "with --smtp: the sender's `ADDRESS`, like \"Sync <sync@example.org>\"")
}

// config returns nil if no e-mail is sent. The password is not a flag, since other users
// of the machine can see flags.
func (o *mailOptions) config(signUp accounts.SignUp, getenv func(string) string) (*server.Mail, error) {
	if o.host == "" {
		switch {
		case signUp == accounts.SignUpEmail:
			return nil, usage.Errorf("--sign-up email needs a mail host: add --smtp")
		case o.passwordFile != "" || o.from != "":
			return nil, usage.Errorf("--smtp-password-file and --mail-from need a mail host: add --smtp")
		}
		return nil, nil
	}
	switch {
	case signUp != accounts.SignUpEmail:
		return nil, usage.Errorf("--smtp is only valid with --sign-up email")
	case o.from == "":
		return nil, usage.Errorf("--smtp needs the sender's address: add --mail-from")
	}
	host, err := mail.ParseHost(o.host)
	if err != nil {
		return nil, usage.Errorf("--smtp: %w", err)
	}
	m := &server.Mail{Host: host, From: o.from, Password: getenv(envSMTPPassword)}
	if o.passwordFile != "" {
		if m.Password, err = passwordFrom(o.passwordFile); err != nil {
			return nil, err
		}
	}
	if host.User != "" && m.Password == "" {
		return nil, usage.Errorf("the mail host needs a password for %s: give it with --smtp-password-file, or as $%s", host.User, envSMTPPassword)
	}
	return m, nil
}

// passwordFrom reads a file whose first line is a password.
func passwordFrom(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot read the mail host's password: %w", err)
	}
	defer f.Close()
	password, err := term.FirstLine(f, "password")
	if err != nil {
		return "", fmt.Errorf("%s does not begin with a password: write it on the first line", path)
	}
	return password, nil
}
