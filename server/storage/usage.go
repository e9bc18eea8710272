package storage

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

// Usage is how many bytes of payloads a user has stored; 0 for one who never
// came.
func (s *Service) Usage(ctx context.Context, uid int64) (bytes int64, err error) {
	if b, ok := s.backend.(*sqliteBackend); ok {
		// To look must not make a file.
		if _, err := os.Stat(b.files.path(uid)); errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
	}
	err = s.backend.View(ctx, uid, func(v View) error {
		all, err := v.Collections()
		for _, c := range all {
			bytes += c.Bytes
		}
		return err
	})
	return bytes, err
}
