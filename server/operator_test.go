package server_test

import (
	"database/sql"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
)

// A user who is locked because of others' wrong passwords can sign in again after Unlock.
func TestUnlock(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *server.Config) { c.SignIn = accounts.Limits{PerAccount: 2} })
	via := w.device(true).via
	for range 3 {
		if _, err := w.accounts(via).Login(t.Context(), email, "wrong"); err == nil {
			t.Fatal("signed in")
		}
	}
	if _, err := w.accounts(via).Login(t.Context(), email, password); err == nil {
		t.Fatal("the account is not locked")
	}
	if err := w.server.Unlock(t.Context(), "nobody@example.org"); !errors.Is(err, server.ErrNoUser) {
		t.Errorf("nobody: %v", err)
	}
	if err := w.server.Unlock(t.Context(), strings.ToUpper(email)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.accounts(via).Login(t.Context(), email, password); err != nil {
		t.Errorf("after the lock was lifted: %v", err)
	}
	if !strings.Contains(w.log.String(), "event=by_operator reason=lock_lifted") {
		t.Error("the log does not tell of it")
	}
}

// A lost second step is removed with its backup codes, once.
func TestRemoveSecondStep(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
	d := w.device(true)
	if _, err := w.server.RemoveSecondStep(t.Context(), email); !errors.Is(err, accounts.ErrNoSecondStep) {
		t.Errorf("without one: %v", err)
	}
	db, err := sql.Open("sqlite", filepath.Join(w.cfg.Dir, "accounts.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	uid := d.account.Session().UID
	if _, err := db.Exec(`INSERT INTO totp (uid, secret, enabled, used_step) VALUES (?, x'00', 1, 0)`, uid); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO backup_codes (hash, uid) VALUES (x'00', ?)`, uid); err != nil {
		t.Fatal(err)
	}
	if told, err := w.server.RemoveSecondStep(t.Context(), email); err != nil || told {
		t.Errorf("told %v, %v", told, err)
	}
	var left int
	if err := db.QueryRow(`SELECT (SELECT count(*) FROM totp) + (SELECT count(*) FROM backup_codes)`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows are left, %v", left, err)
	}
	if _, err := w.accounts(d.via).Login(t.Context(), email, password); err != nil {
		t.Errorf("the password alone: %v", err)
	}
	// The settings page tells of it until its user has read it.
	var notice string
	if err := db.QueryRow(`SELECT kind FROM notices WHERE uid = ?`, uid).Scan(&notice); err != nil || notice != "secondStepRemoved" {
		t.Errorf("the notice is %q, %v", notice, err)
	}
}

// Invitations are listed without their codes, and those not used can be revoked.
func TestInvitations(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *server.Config) { c.SignUp = accounts.SignUpInvite })
	first, _, err := w.server.Invite(t.Context(), "for Ann", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	w.Pass(time.Minute)
	second, _, err := w.server.Invite(t.Context(), "for Bob", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	all, err := w.server.Invitations(t.Context())
	if err != nil || len(all) != 2 || all[0].Note != "for Ann" || all[1].Note != "for Bob" || all[0].ID == all[1].ID || strings.Contains(first, all[0].ID) {
		t.Fatalf("%+v, %v", all, err)
	}
	if err := w.server.RevokeInvitation(t.Context(), all[0].ID); err != nil {
		t.Error(err)
	}
	if err := w.server.RevokeInvitation(t.Context(), strings.ToLower(second)); err != nil {
		t.Error(err)
	}
	if err := w.server.RevokeInvitation(t.Context(), all[0].ID); !errors.Is(err, accounts.ErrNoInvitation) {
		t.Errorf("twice: %v", err)
	}
	if all, err := w.server.Invitations(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("left: %+v, %v", all, err)
	}
}

// A default quota applies at once and after a restart, except to users with their own.
func TestDefaultQuota(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	d := w.device(true)
	put := func() int {
		t.Helper()
		code, _ := d.do("PUT", "/storage/forms/x", `{"payload":"`+strings.Repeat("x", 50_000)+`"}`)
		return code
	}
	quota := int64(20_000)
	if err := w.server.SetDefaultQuota(t.Context(), &quota); err != nil {
		t.Fatal(err)
	}
	if code := put(); code != http.StatusForbidden {
		t.Errorf("above it: %d", code)
	}
	if err := w.server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.open()
	d = w.device(false)
	if code := put(); code != http.StatusForbidden {
		t.Errorf("above it, after a restart: %d", code)
	}
	if users, err := w.server.Users(t.Context()); err != nil || users[0].Quota != quota {
		t.Errorf("%+v, %v", users, err)
	}
	own := int64(1_000_000)
	if err := w.server.SetQuota(t.Context(), email, &own); err != nil {
		t.Fatal(err)
	}
	if code := put(); code != http.StatusOK {
		t.Errorf("with an own quota: %d", code)
	}
	if err := errors.Join(w.server.SetQuota(t.Context(), email, nil), w.server.SetDefaultQuota(t.Context(), nil)); err != nil {
		t.Fatal(err)
	}
	if code := put(); code != http.StatusOK {
		t.Errorf("as the server was configured: %d", code)
	}
}

// Compacting releases the space of removed records.
func TestCompact(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
	d := w.device(true)
	if c, err := w.server.Compact(t.Context(), email); err != nil || c.Before != 0 {
		t.Errorf("without a file: %+v, %v", c, err)
	}
	d.must("PUT", "/storage/forms/x", `{"payload":"`+strings.Repeat("x", 1_000_000)+`"}`)
	d.must("PUT", "/storage/forms/y", `{"payload":"kept"}`)
	d.must("DELETE", "/storage/forms/x", "")
	c, err := w.server.Compact(t.Context(), email)
	if err != nil || c.Before < 1_000_000 || c.After > 200_000 {
		t.Errorf("%+v, %v", c, err)
	}
	if got := d.must("GET", "/storage/forms/y", ""); !strings.Contains(got, "kept") {
		t.Errorf("what was kept: %s", got)
	}
	if again, err := w.server.Compact(t.Context(), email); err != nil || again.Before != c.After || again.After != c.After {
		t.Errorf("again: %+v, %v", again, err)
	}
	users, err := w.server.Users(t.Context())
	if err != nil || users[0].Disk > 200_000 {
		t.Errorf("%+v, %v", users, err)
	}
}
