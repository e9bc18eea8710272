package bookmarks

import (
	"context"
	"fmt"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
)

// checkTags returns the tags as they are stored, or says which cannot be.
func checkTags(tags []string) ([]string, error) {
	clean := make([]string, 0, len(tags))
	for _, s := range tags {
		tag, ok := cleanTag(s)
		if !ok {
			return nil, invalid("a tag has 1 to %d characters, not %.120q", maxTag, s)
		}
		clean = append(clean, tag)
	}
	return sortedTags(clean), nil
}

// Tag gives a bookmark's URL more tags, and so all bookmarks of that URL.
func (e *Engine) Tag(ctx context.Context, guid engine.ID, tags ...string) error {
	return e.retag(ctx, guid, tags, func(have, tags []string) []string { return append(have, tags...) })
}

// Untag takes tags from a bookmark's URL. Those that it does not have are passed
// over.
func (e *Engine) Untag(ctx context.Context, guid engine.ID, tags ...string) error {
	return e.retag(ctx, guid, tags, func(have, tags []string) []string {
		return slices.DeleteFunc(have, func(tag string) bool { return slices.Contains(tags, tag) })
	})
}

func (e *Engine) retag(ctx context.Context, guid engine.ID, tags []string, change func(have, tags []string) []string) error {
	err := e.edit(ctx, func(t *tx) error {
		tags, err := checkTags(tags)
		if err != nil {
			return err
		}
		r, err := t.find(guid)
		if err != nil {
			return err
		}
		if r.place == 0 {
			return invalid("a %s has no tags", r.Kind)
		}
		return t.editLabels(r.place, sortedTags(change(slices.Clone(r.Tags), tags)), r.Keyword)
	})
	if err != nil {
		return fmt.Errorf("cannot tag the bookmark: %w", err)
	}
	return nil
}
