package bookmarks

import "context"

// Maintain gives the disk back what the file does not use, where that is worth it, and
// returns how many bytes that is. It also keeps searches fast. It needs room for a copy of
// the file, and edits wait meanwhile. If history is in the same file, history.Engine.Maintain
// serves both.
func (e *Engine) Maintain(ctx context.Context) (freed int64, err error) {
	return e.db.Maintain(ctx)
}
