// Package profile serves the profile of an account's user: the address, a name, a picture.
package profile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/devices"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/publicname"
)

// Handlers answers the requests about profiles and pictures.
type Handlers struct {
	DB       store.Store
	Auth     *auth.Authenticator
	Notifier *devices.Notifier
	URLs     publicname.Names
	// Full reports that the disk has no room for more pictures.
	Full func() bool
	// Drawing has room for as many pictures as are drawn at once.
	Drawing chan struct{}
	Now     func() time.Time
	Rand    io.Reader
}

// The answers about a profile.
type (
	profileAnswer struct {
		UID           string   `json:"uid"`
		Email         string   `json:"email"`
		Locale        string   `json:"locale"`
		Methods       []string `json:"amrValues"`
		TwoStep       bool     `json:"twoFactorAuthentication"`
		Avatar        string   `json:"avatar"`
		AvatarDefault bool     `json:"avatarDefault"`
		Subject       string   `json:"sub,omitempty"`
		DisplayName   string   `json:"displayName,omitempty"`
	}
	displayNameAnswer struct {
		DisplayName string `json:"displayName"`
	}
	profileEmail struct {
		Email string `json:"email"`
	}
	profileUID struct {
		UID string `json:"uid"`
	}
	// userInfo is what a token tells that is for OpenID Connect alone.
	userInfo struct {
		Subject string `json:"sub"`
		Email   string `json:"email,omitempty"`
	}
	accountProfileAnswer struct {
		Email          string   `json:"email"`
		Locale         string   `json:"locale"`
		Methods        []string `json:"authenticationMethods"`
		Level          int      `json:"authenticatorAssuranceLevel"`
		ProfileChanged int64    `json:"profileChangedAt"`
		KeysChanged    int64    `json:"keysChangedAt"`
	}
)

// Profile is the profile server's answer, and OpenID Connect's UserInfo endpoint.
func (h *Handlers) Profile(r *api.Request) (any, error) {
	a, have, err := h.Auth.ByAccess(r, oauth.Profile, oauth.OpenID)
	if err != nil {
		return nil, err
	}
	if !have.Allow(oauth.Profile) {
		info := userInfo{Subject: a.UID}
		if have.Allow(oauth.Email) || have.Allow(oauth.Profile+":email") {
			info.Email = a.Email
		}
		return info, nil
	}
	second, err := auth.SecondStepRequired(h.DB.Read(r.Context()), a.UID)
	if err != nil {
		return nil, err
	}
	picture, err := h.avatarID(r.Context(), a.UID)
	if err != nil {
		return nil, err
	}
	all := profileAnswer{
		UID: a.UID, Email: a.Email, Methods: oauth.Methods(second), TwoStep: second,
		Avatar: h.avatarURL(r.Context(), picture), AvatarDefault: picture == noAvatar, DisplayName: a.DisplayName,
	}
	if have.Allow(oauth.OpenID) {
		all.Subject = a.UID
	}
	sum := sha256.Sum256([]byte(a.UID + strconv.FormatInt(a.ProfileAt, 10) + have.String()))
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	// Firefox for Android puts it into quotation marks once more.
	if strings.Trim(r.Header.Get("If-None-Match"), `"`) == strings.Trim(etag, `"`) {
		return api.Raw{Code: http.StatusNotModified, Header: map[string]string{"ETag": etag}}, nil
	}
	return api.JSON(http.StatusOK, all, map[string]string{"ETag": etag})
}

// Email answers the address alone.
func (h *Handlers) Email(r *api.Request) (any, error) {
	a, _, err := h.Auth.ByAccess(r, oauth.Profile+":email")
	if err != nil {
		return nil, err
	}
	return profileEmail{a.Email}, nil
}

// UID answers the account's ID alone.
func (h *Handlers) UID(r *api.Request) (any, error) {
	a, _, err := h.Auth.ByAccess(r, oauth.Profile+":uid")
	if err != nil {
		return nil, err
	}
	return profileUID{a.UID}, nil
}

// DisplayName answers the name alone.
func (h *Handlers) DisplayName(r *api.Request) (any, error) {
	a, _, err := h.Auth.ByAccess(r, oauth.Profile+":display_name")
	if err != nil {
		return nil, err
	}
	return displayNameAnswer{a.DisplayName}, nil
}

// SetDisplayName gives the account's user another name.
func (h *Handlers) SetDisplayName(r *api.Request) (any, error) {
	a, _, err := h.Auth.ByAccess(r, oauth.ProfileWrite)
	if err != nil {
		return nil, err
	}
	var in struct {
		DisplayName string `json:"displayName"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(in.DisplayName) > 256 || strings.ContainsFunc(in.DisplayName, unicode.IsControl) {
		return nil, fault.Invalid("displayName")
	}
	err = h.Auth.UpdateBy(r.Context(), a, func(tx store.Tx) error {
		if err := tx.SetDisplayName(a.UID, in.DisplayName); err != nil {
			return err
		}
		return tx.SetProfileChanged(a.UID, h.Now().UnixMilli())
	})
	if err == nil {
		h.tellDevices(r.Context(), a.UID)
	}
	return api.Nothing, err
}

// tellDevices tells an account's devices that its profile changed.
func (h *Handlers) tellDevices(ctx context.Context, uid string) {
	h.Notifier.Tell(ctx, h.Notifier.Listeners(ctx, uid, devices.Every), devices.ProfileUpdated)
}

// AccountProfile is the auth server's own answer, to a session or a token.
func (h *Handlers) AccountProfile(r *api.Request) (any, error) {
	var a *store.Account
	if !auth.BySession(r.Request) {
		by, _, err := h.Auth.ByAccess(r, oauth.Profile)
		if err != nil {
			return nil, err
		}
		a = by.Account
	} else {
		c, err := h.Auth.Session(r)
		if err != nil {
			return nil, err
		}
		if a, err = h.Auth.Account(r.Context(), c.UID); err != nil {
			return nil, err
		}
	}
	second, err := auth.SecondStepRequired(h.DB.Read(r.Context()), a.UID)
	return accountProfileAnswer{
		Email: a.Email, Methods: oauth.Methods(second), Level: oauth.Level(second), ProfileChanged: a.ProfileAt, KeysChanged: a.KeysChangedAt,
	}, err
}
