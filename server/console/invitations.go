package console

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts"
)

// maxDays is how long an invitation may last.
const maxDays = 3650

type invitationsData struct {
	Invitations []accounts.Invitation
	pager
	// Code was made just now, and Link signs up with it.
	Code, Link string
	Expires    time.Time
}

func (c *console) invitations(v *view) error { return c.showInvitations(v, invitationsData{}) }

func (c *console) showInvitations(v *view, d invitationsData) error {
	all, err := c.server.Invitations(v.Context())
	if err != nil {
		return err
	}
	slices.Reverse(all)
	d.Invitations, d.pager = paged(v, all)
	return v.show(http.StatusOK, "invitations", "Invitations", "/invitations", d)
}

// invite makes an invitation, and shows it, which is not possible again.
func (c *console) invite(v *view) error {
	days, err := strconv.Atoi(v.PostFormValue("days"))
	if err != nil || days < 1 || days > maxDays {
		return mistake("an invitation is valid for 1 to 3650 days")
	}
	note := v.PostFormValue("note")
	if len(note) > 256 {
		return mistake("the note is too long: at most 256 bytes")
	}
	var d invitationsData
	d.Code, d.Expires, err = c.server.Invite(v.Context(), note, time.Duration(days)*24*time.Hour)
	if err != nil {
		return err
	}
	d.Link = c.server.Root(v.Context()).String() + "/#invitation=" + d.Code
	return c.showInvitations(v, d)
}

func (c *console) revoke(v *view) error {
	if err := c.server.RevokeInvitation(v.Context(), v.PostFormValue("id")); err != nil {
		return err
	}
	return v.back("/invitations", "revoked")
}
