package account

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"
)

const (
	// profileFresh is how long a profile is returned without asking the server.
	profileFresh = 2 * time.Minute
	// These bound what a server tells of a user, in bytes; of the name, in characters.
	maxEmail      = 320
	maxName       = 256
	maxPictureURL = 2 << 10
	maxTag        = 256
)

// Profile is what the accounts server tells of the account's user.
type Profile struct {
	// UID identifies the account.
	UID string `json:"uid"`
	// Email is the account's address.
	Email string `json:"email"`
	// DisplayName is the name that the user chose, or "". It has at most 256 characters.
	DisplayName string `json:"displayName,omitempty"`
	// Picture is the URL of the user's picture, or "". It begins with https:, or, if the server's
	// own URL does, with http:.
	Picture string `json:"avatar,omitempty"`
	// DefaultPicture says that the user did not choose the picture: it is the server's.
	DefaultPicture bool `json:"avatarDefault,omitempty"`
}

// keptProfile is a profile as the session has it.
type keptProfile struct {
	Profile
	Tag    string    `json:"etag,omitempty"`
	ReadAt time.Time `json:"readAt"`
}

// Profile returns the profile of the account's user. It asks the server at most once in two
// minutes, and the server sends the profile only if it changed; fresh asks it in any case. The
// error wraps [ErrBadAnswer] if the profile is another account's.
func (a *Account) Profile(ctx context.Context, fresh bool) (Profile, error) {
	known := a.Session().kept.Profile
	if known != nil && !fresh {
		// A clock that was set back must not prevent requests.
		if age := a.c.cfg.Now().Sub(known.ReadAt); age >= 0 && age < profileFresh {
			return known.Profile, nil
		}
	}
	got, err := a.readProfile(ctx, known)
	if err != nil {
		return Profile{}, err
	}
	return got.Profile, a.change(func(s *Session) { s.kept.Profile = got })
}

// LastProfile returns the profile as Profile read it last, without a request; ok is false if it
// never did.
func (a *Account) LastProfile() (p Profile, ok bool) {
	known := a.Session().kept.Profile
	if known == nil {
		return Profile{}, false
	}
	return known.Profile, true
}

// readProfile asks the server; known is what it told last, or nil.
func (a *Account) readProfile(ctx context.Context, known *keptProfile) (*keptProfile, error) {
	const doing = "read the profile"
	got := &keptProfile{}
	req := call{
		doing: doing, method: http.MethodGet, url: a.Session().kept.Endpoints.Profile + "/profile", out: &got.Profile, tag: &got.Tag,
	}
	if known != nil {
		req.known = known.Tag
	}
	for _, again := range []bool{false, true} {
		t, err := a.token(ctx, again, ScopeProfile)
		if err != nil {
			return nil, err
		}
		req.bearer = t.Value
		err = a.c.do(ctx, req)
		if e, is := errors.AsType[*Error](err); is && e.Status == http.StatusUnauthorized {
			continue // the token was revoked; if the session ended, the next request says so
		}
		if errors.Is(err, errUnchanged) {
			*got, err = *known, nil
		}
		if err != nil {
			return nil, err
		}
		got.ReadAt = a.c.cfg.Now()
		return got, a.checkProfile(doing, got)
	}
	return nil, fmt.Errorf("cannot %s: %w: it refuses the token that it issued", doing, ErrBadAnswer)
}

// checkProfile refuses a profile that is another account's or too large, and leaves out a
// picture that is not on the web.
func (a *Account) checkProfile(doing string, p *keptProfile) error {
	if p.UID != a.Session().UID {
		return fmt.Errorf("cannot %s: %w: it is of another account", doing, ErrBadAnswer)
	}
	if p.Email == "" || len(p.Email) > maxEmail || utf8.RuneCountInString(p.DisplayName) > maxName {
		return fmt.Errorf("cannot %s: %w: the address or the name has no or too many characters", doing, ErrBadAnswer)
	}
	u, err := url.Parse(p.Picture)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != a.c.root.Scheme || len(p.Picture) > maxPictureURL {
		p.Picture = ""
	}
	if len(p.Tag) > maxTag {
		p.Tag = ""
	}
	return nil
}
