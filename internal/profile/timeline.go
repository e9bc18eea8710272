package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// timelineFile has the results of the last syncs, sealed: they name items.
const timelineFile = "timeline.sealed"

// ReadTimeline returns what WriteTimeline wrote last, or nil.
func (p *Profile) ReadTimeline() ([]byte, error) {
	file, err := p.sealed(timelineFile, "timeline")
	if err != nil {
		return nil, err
	}
	b, err := file.Read()
	if err != nil {
		return nil, fmt.Errorf("cannot read the results of the last syncs, in %s: %w", p.path(timelineFile), err)
	}
	return b, nil
}

// WriteTimeline stores the results of the last syncs. It stores none after a sign-out: whoever
// wiped the data wants no new files.
func (p *Profile) WriteTimeline(b []byte) error {
	if p.SignedOut() {
		return nil
	}
	file, err := p.sealed(timelineFile, "timeline")
	if err != nil {
		return err
	}
	return file.Write(b)
}

// SetTimelineAside renames a file that cannot be read, so that another can be begun.
func (p *Profile) SetTimelineAside() error {
	err := os.Rename(p.path(timelineFile), p.path(timelineFile+".damaged"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
