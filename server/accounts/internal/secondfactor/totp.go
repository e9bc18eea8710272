// Package secondfactor implements the second step of a sign-in: the codes of an authenticator
// app, and the backup codes that replace them.
//
// It decides within the caller's transaction: a code is checked and used up in the
// one that acts on it.
package secondfactor

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"rsc.io/qr"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// The app's codes are time-based one-time passwords (RFC 6238) with the parameters that every
// app assumes: SHA-1, six digits, 30 seconds.
const (
	step   = 30 * time.Second
	digits = 1_000_000
	// drift is how many steps the app's clock may be off.
	drift = 1
	// secretSize is the size of an app's secret, in bytes.
	secretSize = 20
)

// codeAt returns the code of a step, counted from 1970.
func codeAt(secret []byte, step int64) string {
	m := hmac.New(sha1.New, secret)
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	m.Write(counter[:])
	sum := m.Sum(nil)
	at := sum[len(sum)-1] & 0x0f
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%digits)
}

// match returns the step that has this code, or 0. A code is valid once, so that somebody who
// saw it typed cannot use it again.
func match(t store.TOTP, code string, now time.Time) (found int64) {
	code = strings.Join(strings.Fields(code), "")
	current := now.Unix() / int64(step/time.Second)
	for s := current - drift; s <= current+drift; s++ {
		if s > t.UsedStep && subtle.ConstantTimeCompare([]byte(codeAt(t.Secret, s)), []byte(code)) == 1 {
			found = s
		}
	}
	return found
}

// A State says whether an account has a second step.
type State int

// The states, in the order in which they come.
const (
	None    State = iota
	Pending       // an app that gave no code yet
	Enabled       // signing in takes the second step
)

// Of reads an account's state.
func Of(tx store.SecondStepReader, uid string) (State, error) {
	t, err := tx.TOTP(uid)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return None, nil
	case err != nil:
		return None, err
	case t.Enabled:
		return Enabled, nil
	}
	return Pending, nil
}

// Use reports whether a code of the app is right, and accepts it only once. The first code of a
// pending app enables it.
func Use(tx store.Tx, uid, code string, now time.Time) (bool, error) {
	t, err := tx.TOTP(uid)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s := match(t, code, now)
	if s == 0 {
		return false, nil
	}
	err = tx.UseTOTP(uid, s)
	return err == nil, err
}

// text returns a secret as a person types it into an app.
func text(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// picture returns a QR code with a secret, for an app's camera: an SVG as a data URL. The app
// shows host and email.
func picture(host, email string, secret []byte) (string, error) {
	address := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + host + ":" + email,
		RawQuery: url.Values{"secret": {text(secret)}, "issuer": {host}}.Encode(),
	}
	code, err := qr.Encode(address.String(), qr.M)
	if err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	// A quiet zone of four modules belongs to the code, on white in dark mode too.
	const quiet = 4
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	side := code.Size + 2*quiet
	svg := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`+
		`<path fill="#fff" d="M0 0h%dv%dH0z"/><path d="%s"/></svg>`, side, side, side, side, &path)
	return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(svg)), nil
}
