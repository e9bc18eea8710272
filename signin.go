package syncmanager

import (
	"context"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/catalogue"
	"github.com/syncmanager/syncmanager/sync15"
)

// refusal is why nothing is sent until SignIn, as it is persisted.
type refusal struct {
	// Status and Reason are those of the AuthError.
	Status string `json:"status,omitempty"`
	Reason string `json:"reason,omitempty"`
	// DeviceID is whom the account refused: a manager that is made with another one has
	// been given a new account.
	DeviceID string `json:"deviceID,omitempty"`

	err error // the AuthError itself, in the process that met it
}

func (r *refusal) error() error {
	switch {
	case r.err != nil:
		return r.err
	case r.Reason != "":
		return &AuthError{Status: r.Status, Err: errors.New(r.Reason)}
	}
	return &AuthError{Status: r.Status}
}

// refused returns why nothing is sent until SignIn, or nil.
func (m *Manager) refused() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.saved.Refused == nil {
		return nil
	}
	return m.saved.Refused.error()
}

// signedOut tells whether the user signed out, and not in again.
func (m *Manager) signedOut() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.saved.Refused != nil && m.saved.Refused.Status == sync15.SignedOut
}

// noteRefusal remembers an error that means to sign in again. The caller holds running or
// receiving.
func (m *Manager) noteRefusal(err error) {
	auth, is := errors.AsType[*AuthError](err)
	if !is {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.saved.Refused != nil {
		return
	}
	m.saved.Refused = &refusal{Status: auth.Status, DeviceID: m.cfg.Account.DeviceID(), err: err}
	if auth.Err != nil {
		m.saved.Refused.Reason = auth.Err.Error()
	}
}

// forgetOldRefusal forgets one that was of another account than the manager was made with.
func (m *Manager) forgetOldRefusal() {
	if r := m.saved.Refused; r != nil && (r.DeviceID == "" || r.DeviceID != m.cfg.Account.DeviceID()) {
		m.saved.Refused = nil
	}
}

// SignIn gives the manager the account that the user signed in to: after an [AuthError],
// which ends Run, or after SignOut. Until then nothing is sent, also after a restart with
// the same account. It may be the same user's or another's: the engines keep their data,
// and reconcile it with the account's. It waits until a Sync or Receive that runs has ended.
func (m *Manager) SignIn(ctx context.Context, a Account) error {
	if a == nil {
		return errors.New("there is no account to sign in with")
	}
	if err := m.lockAccount(ctx); err != nil {
		return err
	}
	defer m.unlockAccount()
	m.mu.Lock()
	m.cfg.Account = a
	m.saved.Refused = nil
	m.changes.note("")
	m.mu.Unlock()
	m.client.SetAccount(a)
	return m.keep(ctx)
}

// SignOut signs this device out of the account, in this order: its records on the server are
// deleted, so that other devices no longer list it; the session with the accounts server ends
// (if the account has a method SignOut, as *account.Account has), which also removes the device
// there; and what the engines share is forgotten. The user's data stays. Afterwards nothing is
// sent until SignIn.
//
// If a server cannot be reached, the device is signed out here nevertheless, and the error says
// what the server was not told: another device can then remove this one from the account. Give
// ctx a deadline for a server that does not answer. SignOut waits until a Sync or Receive
// that runs has ended. A device that is signed out already is not an error.
//
// The engines keep their sync state under the sync IDs that it belongs to. Signed in to
// the same account again they go on where they were; any other has other sync IDs, and
// they start over with it.
func (m *Manager) SignOut(ctx context.Context) error {
	if err := m.lockAccount(ctx); err != nil {
		return err
	}
	defer m.unlockAccount()
	ctx, done := m.untilClosed(ctx)
	defer done()
	if m.signedOut() {
		return nil
	}
	account := m.cfg.Account
	var errs []error
	if m.refused() == nil { // otherwise no server accepts a request
		m.client.StartRun()
		// The records go first: without the session nobody may delete them.
		if err := m.client.Leave(ctx); err != nil {
			errs = append(errs, fmt.Errorf("delete this device's records: %w", err))
		}
	}
	if out, ok := account.(interface{ SignOut(context.Context) error }); ok {
		if err := out.SignOut(ctx); err != nil {
			errs = append(errs, fmt.Errorf("end the session: %w", err))
		}
	}
	// What follows is done here, also if ctx has ended meanwhile.
	ctx = context.WithoutCancel(ctx)
	errs = append(errs, m.forgetAccount(ctx))
	m.mu.Lock()
	m.saved.Refused = &refusal{Status: sync15.SignedOut, DeviceID: account.DeviceID()}
	m.mu.Unlock()
	return errors.Join(append(errs, m.keep(ctx))...)
}

// forgetAccount forgets what the engines share of the account. The caller holds running.
func (m *Manager) forgetAccount(ctx context.Context) error {
	var errs []error
	for _, e := range m.registered() {
		// Its tabs were deleted with the device's records, and go up again.
		if c, _ := catalogue.Lookup(e.Collection()); !c.PerDevice {
			continue
		}
		if err := e.Reset(ctx, engine.Association{}); err != nil {
			errs = append(errs, fmt.Errorf("reset %s: %w", e.Collection(), err))
		}
	}
	m.state.ForgetAccount()
	m.mu.Lock()
	m.saved = saved{Version: stateVersion, DeviceName: m.saved.DeviceName}
	m.devices = nil
	m.mu.Unlock()
	return errors.Join(errs...)
}
