// Package home is a profile as the API works on it: the agent and libsyncmanager share it.
package home

import (
	"context"
	"errors"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account/message"
	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// Home is an open profile as an [api.Home]. The engines are the profile's own methods.
type Home struct {
	*profile.Profile
	// ProgramVersion is the version of the program.
	ProgramVersion string
	// Events, if not nil, is told of the pages that syncs fetch.
	Events *api.Events
	// Schedule, if not nil, says when the program syncs by itself.
	Schedule Schedule
	// Log, if not nil, returns the newest lines of the program's log.
	Log func() []api.LogLine
}

var _ api.Home = Home{}

// Sync syncs as the command does: a profile without an account gets a local one, and messages
// of other devices are fetched and sent with the sync.
func (h Home) Sync(ctx context.Context, o syncmanager.Options) (r syncmanager.Result, err error) {
	if _, err := h.EnsureAccount(ctx); err != nil {
		return r, err
	}
	m, err := h.Manager(ctx)
	if err != nil {
		return r, err
	}
	if r, err = m.Sync(ctx, o); err != nil || r.SignedOut {
		return r, err
	}
	if account := h.Account(); account == nil || account.Local {
		return r, nil
	}
	got, err := h.Receive(ctx, profile.PollEvery)
	if h.Events != nil && len(got.Tabs) > 0 {
		h.Events.Received(len(got.Tabs))
	}
	_, closing := h.SendCloses(ctx)
	// The sync went well: what failed here is tried again with the next one.
	if err := errors.Join(err, closing); err != nil && r.Err == nil {
		r.Err = err
	}
	return r, nil
}

// Forget implements [api.Home].
func (h Home) Forget(ctx context.Context, d engine.Device) error {
	if d.AccountID == "" {
		return errNotOfAccount
	}
	_, err := h.Disconnect(ctx, d.AccountID)
	return err
}

// SendTab implements [api.Home].
func (h Home) SendTab(ctx context.Context, d engine.Device, page message.Tab) error {
	if d.AccountID == "" {
		return errNotOfAccount
	}
	_, err := h.Profile.SendTab(ctx, d.AccountID, page)
	return err
}

var errNotOfAccount = &api.Error{Code: api.CodeNotFound, Field: "device", Message: "the accounts server does not know this device"}

// Received implements [api.Home].
func (h Home) Received(context.Context) ([]api.ReceivedPage, error) {
	list, err := h.Inbox()
	pages := make([]api.ReceivedPage, 0, len(list))
	for _, t := range list {
		pages = append(pages, api.ReceivedPage{Title: t.Title, URL: t.URL, Private: t.Private, From: t.From, ReceivedAt: t.ReceivedAt.UTC()})
	}
	return pages, err
}

// ClearReceived implements [api.Home].
func (h Home) ClearReceived(context.Context) error { return h.ClearInbox() }

// SignedIn implements [api.Home].
func (h Home) SignedIn() bool { return h.Account() != nil }

// Version implements [api.Home].
func (h Home) Version() string { return h.ProgramVersion }
