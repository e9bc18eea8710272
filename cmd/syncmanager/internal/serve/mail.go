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

// envSMTPPassword holds the mail host's password where no file does.
const envSMTPPassword = "SYNCMANAGER_SMTP_PASSWORD"

// mailOptions say how 'serve' sends e-mail.
type mailOptions struct{ host, passwordFile, from string }

func (o *mailOptions) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&o.host, "smtp", "", "with --sign-up email: send by the mail host at `URL`, like smtp://user@mail.example.org:587 or smtps://…")
	flags.StringVar(&o.passwordFile, "smtp-password-file", "", "read the mail host's password from `FILE`; without it $"+envSMTPPassword+" has it")
	flags.StringVar(&o.from, "mail-from", "", "with --smtp: the sender's `ADDRESS`, like \"Sync <sync@example.org>\"")
}

// config is nil where no e-mail is sent. A password is no option, as others on
// the machine see those.
func (o *mailOptions) config(signUp accounts.SignUp, getenv func(string) string) (*server.Mail, error) {
	if o.host == "" {
		switch {
		case signUp == accounts.SignUpEmail:
			return nil, usage.Errorf("--sign-up email needs a mail host; name one with --smtp")
		case o.passwordFile != "" || o.from != "":
			return nil, usage.Errorf("--smtp-password-file and --mail-from belong to a mail host; name it with --smtp")
		}
		return nil, nil
	}
	switch {
	case signUp != accounts.SignUpEmail:
		return nil, usage.Errorf("the mail host of --smtp is for --sign-up email alone")
	case o.from == "":
		return nil, usage.Errorf("give the address that e-mails come from with --mail-from")
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
		return nil, usage.Errorf("the mail host wants a password for %s; give it with --smtp-password-file, or as $%s", host.User, envSMTPPassword)
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
