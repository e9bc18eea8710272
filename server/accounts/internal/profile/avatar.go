package profile

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/picture"
)

const (
	// MaxAvatar bounds what is uploaded, in bytes. The settings page sends less.
	MaxAvatar = 512 << 10
	// avatarSide is a picture's width and height, in pixels.
	avatarSide = 200
	// avatarUploads is how many uploads an account may send in a window of Limits, because each
	// takes CPU time.
	avatarUploads = 10
	// noAvatar is the ID of the default picture.
	noAvatar = "00000000000000000000000000000000"
)

// avatarHeaders are on each picture: browsers treat it as a picture alone, however it is
// opened.
func avatarHeaders(contentType, cache string) map[string]string {
	return map[string]string{
		"Content-Type": contentType, "Cache-Control": cache, "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; sandbox", "Cross-Origin-Resource-Policy": "cross-origin",
	}
}

// defaultAvatarImage is the default picture: a grey disc.
const defaultAvatarImage = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><circle cx="32" cy="32" r="32" fill="#b1b1b3"/>` +
	`<circle cx="32" cy="25" r="11" fill="#fff"/><path d="M10 55a22 17 0 0 1 44 0" fill="#fff"/></svg>`

// DefaultAvatar serves the picture of an account that has none of its own.
func (h *Handlers) DefaultAvatar(*api.Request) (any, error) {
	return api.Raw{Code: http.StatusOK, Body: []byte(defaultAvatarImage), Header: avatarHeaders("image/svg+xml", "public, max-age=86400")}, nil
}

// avatarID returns the ID of an account's picture, or noAvatar.
func (h *Handlers) avatarID(ctx context.Context, uid string) (id string, err error) {
	id, err = h.DB.Read(ctx).AvatarID(uid)
	if errors.Is(err, store.ErrNotFound) {
		return noAvatar, nil
	}
	return id, err
}

// avatarURL returns the URL of a picture. Everybody who knows it may read the picture, because
// the programs that show it do not authenticate.
func (h *Handlers) avatarURL(ctx context.Context, id string) string {
	if id == noAvatar {
		id = "default"
	}
	return h.URLs.Of(ctx).String() + "/profile/v1/avatar/" + id
}

// avatarAnswer describes a picture, under both names that clients use.
type avatarAnswer struct {
	ID      string `json:"id"`
	Default bool   `json:"avatarDefault"`
	Avatar  string `json:"avatar"`
	URL     string `json:"url"`
}

// uploadAnswer names a picture that was uploaded.
type uploadAnswer struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

// Avatar answers which picture an account has.
func (h *Handlers) Avatar(r *api.Request) (any, error) {
	a, _, err := h.Auth.ByAccess(r, oauth.Profile+":avatar")
	if err != nil {
		return nil, err
	}
	id, err := h.avatarID(r.Context(), a.UID)
	return avatarAnswer{ID: id, Default: id == noAvatar, Avatar: h.avatarURL(r.Context(), id), URL: h.avatarURL(r.Context(), id)}, err
}

// AvatarImage serves a picture. The content of one ID never changes.
func (h *Handlers) AvatarImage(r *api.Request) (any, error) {
	a, err := h.DB.Read(r.Context()).Avatar(r.PathValue("id"))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return api.Raw{Code: http.StatusOK, Body: a.Image, Header: avatarHeaders(a.Type, "public, max-age=31536000, immutable")}, nil
}

// UploadAvatar gives an account another picture, under a new ID.
func (h *Handlers) UploadAvatar(r *api.Request) (any, error) {
	a, _, err := h.Auth.ByAccess(r, oauth.AvatarWrite)
	if err != nil {
		return nil, err
	}
	if err := h.Auth.Tries.AdmitUpload(r.Context(), a.UID, avatarUploads); err != nil {
		return nil, err
	}
	if h.Full() {
		return nil, fault.Full()
	}
	contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	image, drawnType, err := h.draw(r.Context(), r.Body, strings.ToLower(strings.TrimSpace(contentType)))
	if err != nil {
		return nil, err
	}
	id, err := random.Hex(h.Rand, 16)
	if err != nil {
		return nil, err
	}
	err = h.changeAvatar(r.Context(), a, func(tx store.Tx) error {
		return tx.SetAvatar(a.UID, store.Avatar{ID: id, Type: drawnType, Image: image})
	})
	if err != nil {
		return nil, err
	}
	return api.JSON(http.StatusCreated, uploadAnswer{ID: id, URL: h.avatarURL(r.Context(), id)}, nil)
}

// draw makes a picture from an upload, one at a time, because each takes memory.
func (h *Handlers) draw(ctx context.Context, in []byte, contentType string) (image []byte, drawnType string, err error) {
	select {
	case h.Drawing <- struct{}{}:
		defer func() { <-h.Drawing }()
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
	image, drawnType, err = picture.Square(in, contentType, avatarSide)
	switch {
	case errors.Is(err, picture.ErrType):
		return nil, "", fault.New(http.StatusUnsupportedMediaType, fault.ErrParameter.Errno, err.Error())
	case err != nil:
		return nil, "", fault.New(http.StatusBadRequest, fault.ErrParameter.Errno, err.Error())
	}
	return image, drawnType, nil
}

// DeleteAvatar removes an account's picture.
func (h *Handlers) DeleteAvatar(r *api.Request) (any, error) {
	a, _, err := h.Auth.ByAccess(r, oauth.AvatarWrite)
	if err != nil {
		return nil, err
	}
	return api.Nothing, h.changeAvatar(r.Context(), a, func(tx store.Tx) error {
		removed, err := tx.RemoveAvatar(a.UID, r.PathValue("id"))
		if err == nil && !removed {
			err = fault.ErrNotFound
		}
		return err
	})
}

// changeAvatar changes an account's picture, and tells its devices.
func (h *Handlers) changeAvatar(ctx context.Context, a auth.Owner, change func(store.Tx) error) error {
	err := h.Auth.UpdateBy(ctx, a, func(tx store.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return tx.SetProfileChanged(a.UID, h.Now().UnixMilli())
	})
	if err == nil {
		h.tellDevices(ctx, a.UID)
	}
	return err
}
