package account

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// CodeKind says which code a server asks for during a sign-in.
type CodeKind string

const (
	// CodeTOTP is a code from an authenticator app, or a backup code.
	CodeTOTP CodeKind = "two-step"
	// CodeEmail is sent by e-mail, to confirm the sign-in or the new account.
	CodeEmail CodeKind = "e-mail"
	// CodeUnblock is sent by e-mail, to allow a suspicious sign-in.
	CodeUnblock CodeKind = "unblock"
)

// NeedsCodeError means that the server asks for a code, and none was given.
type NeedsCodeError struct{ Kind CodeKind }

func (e *NeedsCodeError) Error() string {
	switch e.Kind {
	case CodeTOTP:
		return "the account has two-step sign-in; give the code that the authenticator app shows, or a backup code"
	case CodeUnblock:
		return "the server wants to be sure that it is you; give the code that it sent by e-mail"
	}
	return "the server wants this sign-in confirmed; give the code that it sent by e-mail"
}

// ErrWrongCode means that the server refused a code: it is mistyped, already used, or
// expired.
var ErrWrongCode = errors.New("the code is wrong, used already, or expired")

// errLink means that the server sent a link although Login asked for a code.
var errLink = errors.New("the server wants the sign-in confirmed by the link that it sent by e-mail; open it, and sign in again")

// askCode gets a code from the user who signs in; again says that the last one was wrong.
func (c *Client) askCode(ctx context.Context, kind CodeKind, again bool) (string, error) {
	if c.cfg.Code == nil {
		return "", &NeedsCodeError{kind}
	}
	code, err := c.cfg.Code(ctx, kind, again)
	if err != nil {
		return "", err
	}
	code = strings.TrimSpace(code)
	if code == "" {
		return "", &NeedsCodeError{kind}
	}
	return code, nil
}

// maxCodes is how many codes are tried for one sign-in.
const maxCodes = 3

// tryCodes asks for codes until use accepts one. For a wrong code, use returns [ErrWrongCode].
func (c *Client) tryCodes(ctx context.Context, kind CodeKind, use func(code string) error) error {
	var last error
	for n := range maxCodes {
		code, err := c.askCode(ctx, kind, n > 0)
		if missing := (*NeedsCodeError)(nil); errors.As(err, &missing) && last != nil {
			return last // the user has no other code
		}
		if err != nil {
			return err
		}
		if last = use(code); !errors.Is(last, ErrWrongCode) {
			return last
		}
	}
	return last
}

// confirm completes a session that the password alone did not complete.
func (c *Client) confirm(ctx context.Context, at endpoints, got signedIn) error {
	var kind CodeKind
	switch got.Method {
	case "totp-2fa":
		kind = CodeTOTP
	case "email-otp", "email-2fa":
		kind = CodeEmail
	default:
		return fmt.Errorf("cannot sign in: %w", errLink)
	}
	token, _ := unhex(got.SessionToken)
	session := onepw.SessionToken(token)
	err := c.tryCodes(ctx, kind, func(code string) error {
		code = strings.Join(strings.Fields(code), "")
		path := "/session/verify_code"
		switch {
		case kind == CodeTOTP && isTOTP(code):
			path = "/session/verify/totp"
		case kind == CodeTOTP:
			path = "/session/verify/recoveryCode"
		}
		var answer struct {
			Success *bool `json:"success"`
		}
		err := c.do(ctx, call{
			doing: "sign in", method: http.MethodPost, url: at.Auth + path, auth: &session,
			in: map[string]string{"code": code}, out: &answer,
		})
		if err == nil && answer.Success != nil && !*answer.Success {
			return fmt.Errorf("cannot sign in: %w", ErrWrongCode)
		}
		return err
	})
	if err != nil {
		c.abandon(ctx, at, session)
	}
	return err
}

// isTOTP reports whether a code is that of an app, and not a backup code.
func isTOTP(code string) bool {
	return len(code) == 6 && strings.Trim(code, "0123456789") == ""
}

// abandon ends a session that will not be used.
func (c *Client) abandon(ctx context.Context, at endpoints, session onepw.HAWK) {
	err := c.do(context.WithoutCancel(ctx), call{
		doing: "end the session", method: http.MethodPost, url: at.Auth + "/session/destroy", auth: &session, in: struct{}{},
	})
	if err != nil {
		c.cfg.Log.WarnContext(ctx, "the sign-in that came to nothing is left on the server", "err", err)
	}
}

// unblock asks the server for a code by e-mail, and calls signIn with the one
// that the user gives.
func (c *Client) unblock(ctx context.Context, at endpoints, email string, signIn func(code string) error) error {
	err := c.do(ctx, call{
		doing: "sign in", method: http.MethodPost, url: at.Auth + "/account/login/send_unblock_code",
		in: map[string]string{"email": email},
	})
	if err != nil {
		return err
	}
	return c.tryCodes(ctx, CodeUnblock, signIn)
}
