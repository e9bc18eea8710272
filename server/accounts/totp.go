package accounts

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"

	"rsc.io/qr"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/security"
)

// The second step is a time-based one-time password (RFC 6238) with what every
// authenticator app takes as given: SHA-1, six digits, 30 seconds.
const (
	totpStep   = 30 * time.Second
	totpDigits = 1_000_000
	// totpDrift is by how many steps the app's clock may be off.
	totpDrift = 1
	// totpSecretSize is in bytes.
	totpSecretSize = 20
)

// totpCode is the code of a step, counted from 1970.
func totpCode(secret []byte, step int64) string {
	m := hmac.New(sha1.New, secret)
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	m.Write(counter[:])
	sum := m.Sum(nil)
	at := sum[len(sum)-1] & 0x0f
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%totpDigits)
}

// readTOTP reads an account's second step; nil: there is none.
func readTOTP(tx store.Reader, uid string) (*store.TOTP, error) {
	t, err := tx.TOTP(uid)
	if ok, err := present(err); !ok {
		return nil, err
	}
	return &t, nil
}

// matchTOTP is the step whose code this is, or 0. A code is good once: whoever
// looked over a shoulder comes too late.
func matchTOTP(t *store.TOTP, code string, now time.Time) (step int64) {
	code = strings.Join(strings.Fields(code), "")
	current := now.Unix() / int64(totpStep/time.Second)
	for s := current - totpDrift; s <= current+totpDrift; s++ {
		if s > t.UsedStep && subtle.ConstantTimeCompare([]byte(totpCode(t.Secret, s)), []byte(code)) == 1 {
			step = s
		}
	}
	return step
}

// twoStep reports whether signing in to an account takes a second step.
func twoStep(tx store.Reader, uid string) (bool, error) {
	t, err := readTOTP(tx, uid)
	return t != nil && t.Enabled, err
}

// The answers about authenticator apps.
type (
	totpSecret struct {
		QRCode string `json:"qrCodeUrl"`
		Secret string `json:"secret"`
	}
	totpStatus struct {
		Exists   bool `json:"exists"`
		Verified bool `json:"verified"`
	}
	totpAnswer struct {
		Success bool `json:"success"`
		// BackupCodes come with the first code of an app.
		BackupCodes []string `json:"recoveryCodes,omitempty"`
	}
)

// createTOTP makes a secret, which counts from the first code on that it gave.
func (s *Service) createTOTP(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	a, err := s.account(ctx, c.UID)
	if err != nil {
		return nil, err
	}
	secret, err := s.random(totpSecretSize)
	if err != nil {
		return nil, err
	}
	picture, err := s.totpPicture(a.Email, secret)
	if err != nil {
		return nil, err
	}
	err = s.updateProven(ctx, c, func(tx store.Tx) error {
		enabled, err := twoStep(tx, c.UID)
		if err != nil {
			return err
		}
		if enabled {
			return errTOTPExists
		}
		return tx.SetTOTPSecret(c.UID, secret)
	})
	if err != nil {
		return nil, err
	}
	return totpSecret{QRCode: picture, Secret: totpText(secret)}, nil
}

func totpText(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// totpPicture is a QR code with the secret, for an authenticator app's camera: an
// SVG as a data URL.
func (s *Service) totpPicture(email string, secret []byte) (string, error) {
	host := s.cfg.PublicURLs.Canonical().Host
	address := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + host + ":" + email,
		RawQuery: url.Values{"secret": {totpText(secret)}, "issuer": {host}}.Encode(),
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

// totpExists tells whether an account has a second step, to a session that may
// be waiting for it.
func (s *Service) totpExists(r *request) (any, error) {
	c, err := s.anySession(r)
	if err != nil {
		return nil, err
	}
	enabled, err := s.twoStep(r.Context(), c.UID)
	return totpStatus{Exists: enabled, Verified: enabled}, err
}

// verifyTOTP takes a code. It verifies the session; the first code of a new
// secret turns the second step on, and gives the backup codes.
func (s *Service) verifyTOTP(r *request) (any, error) {
	c, err := s.anySession(r)
	if err != nil {
		return nil, err
	}
	code, done, err := s.codeTry(r, trySecondStep, c.UID)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	var out totpAnswer
	err = s.updateBy(ctx, c, func(tx store.Tx) error {
		t, err := readTOTP(tx, c.UID)
		if err != nil {
			return err
		}
		if t == nil || !t.Enabled && c.complete() != nil {
			return errTOTPMissing
		}
		if !t.Enabled {
			if err := s.proven(tx, c); err != nil {
				return err
			}
		}
		ok, err := s.useTOTP(tx, c.UID, t, code)
		if err != nil || !ok {
			return err
		}
		out.Success = true
		if !t.Enabled {
			if out.BackupCodes, err = s.newBackupCodes(tx, c.UID); err != nil {
				return err
			}
			if err := profileChanged(tx, c.UID, s.cfg.Now()); err != nil {
				return err
			}
		}
		return s.verifySession(tx, r, c)
	})
	switch {
	case err != nil:
	case out.Success:
		done()
	default:
		s.note(r, security.SignInFailed, security.WrongCode, c.UID)
	}
	return out, err
}

// useTOTP reports whether a code is right, and makes it good no more. The first
// one turns the second step on.
func (s *Service) useTOTP(tx store.Tx, uid string, t *store.TOTP, code string) (bool, error) {
	step := matchTOTP(t, code, s.cfg.Now())
	if step == 0 {
		return false, nil
	}
	err := tx.UseTOTP(uid, step)
	return err == nil, err
}

// maxCode bounds the text of a code, in bytes.
const maxCode = 64

// codeTry reads a code and counts the try at what it is for, which done takes
// back.
func (s *Service) codeTry(r *request, kind, whose string) (code string, done func(), err error) {
	var in struct {
		Code string `json:"code"`
	}
	if err := r.decode(&in); err != nil {
		return "", nil, err
	}
	if in.Code == "" {
		return "", nil, missing("code")
	}
	if len(in.Code) > maxCode {
		return "", nil, invalid("code")
	}
	done, err = s.admit(r, kind, whose)
	return in.Code, done, err
}

// verifySession completes a sign-in by its second step, or shows it again.
func (s *Service) verifySession(tx store.Tx, r *request, c *credential) error {
	if err := s.know(tx, r, c.UID); err != nil {
		return err
	}
	return tx.SetSecondStepShown(c.UID, c.Hash, s.cfg.Now().UnixMilli())
}

// profileChanged makes clients read the profile again, which tells of the second
// step.
func profileChanged(tx store.Tx, uid string, now time.Time) error {
	return tx.SetProfileChanged(uid, now.UnixMilli())
}

// destroyTOTP turns the second step off.
func (s *Service) destroyTOTP(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	return nothing, s.updateProven(ctx, c, func(tx store.Tx) error {
		if err := tx.RemoveSecondStep(c.UID); err != nil {
			return err
		}
		return profileChanged(tx, c.UID, s.cfg.Now())
	})
}
