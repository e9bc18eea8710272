package history

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// SetPreviewImage sets the URL of an image of the page with that URL, which [Page.PreviewImage]
// shows; "" takes it away. It stays on this device, and goes with the page's visits. The error
// is, among others, [engine.ErrNotFound], or an [engine.InvalidError] if the image is not an
// address of http or https.
func (e *Engine) SetPreviewImage(ctx context.Context, url, image string) error {
	image, err := checkImage(image)
	if err == nil {
		err = e.change(ctx, true, func(tx *tx) error {
			r, err := tx.askedFor(url)
			if err != nil {
				return err
			}
			if r == nil || r.visits == 0 {
				return errNotFound
			}
			return tx.setPreview(r, image)
		})
	}
	if err != nil && !errors.Is(err, errNotFound) {
		err = fmt.Errorf("cannot set the image of a page: %w", err)
	}
	return err
}

// checkImage brings the URL of an image into the form that is stored; "" stays. An error says
// why it cannot be stored.
func checkImage(image string) (string, error) {
	if image == "" {
		return "", nil
	}
	url, err := places.Normalise(image)
	if err != nil {
		return "", invalid("the image's address is %w", err)
	}
	if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
		return "", invalid("the image's address must begin with https:// or http://")
	}
	return url, nil
}

// setPreview sets the image of a page.
func (t *tx) setPreview(r *row, image string) error {
	if image == r.preview {
		return nil
	}
	r.preview = image
	t.changed = append(t.changed, r.guid)
	_, err := t.Exec(sqlSetPreview, r.id, image)
	return err
}
