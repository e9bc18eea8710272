// Package recovery stores recovery keys, and uses them to open accounts whose password is
// forgotten.
package recovery

import (
	"crypto/subtle"
	"errors"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/mailaddr"
	"github.com/syncmanager/syncmanager/server/accounts/internal/secondfactor"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/tries"
)

// A recovery key is random and long, and made by a page. Its ID, derived from it, proves to the
// server that the client has it; kB is sealed under another key derived from it, so that the
// server cannot open it.
const (
	// recoveryIDSize is in bytes.
	recoveryIDSize = 16
	// maxRecoveryData bounds what is kept, in bytes.
	maxRecoveryData = 1024
)

// Handlers answers the requests about recovery keys.
type Handlers struct {
	DB    store.Store
	Auth  *auth.Authenticator
	Tries *tries.Counter
	Now   func() time.Time
}

func recoveryHash(id []byte) []byte { return store.Hash("recovery key " + string(id)) }

// Create stores a recovery key that a page made.
func (h *Handlers) Create(r *api.Request) (any, error) {
	c, err := h.Auth.Session(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		ID      string `json:"recoveryKeyId"`
		Data    string `json:"recoveryData"`
		Replace bool   `json:"replaceKey"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	id, ok := api.Unhex(in.ID, recoveryIDSize)
	switch {
	case !ok:
		return nil, fault.Invalid("recoveryKeyId")
	case in.Data == "":
		return nil, fault.Missing("recoveryData")
	case len(in.Data) > maxRecoveryData:
		return nil, fault.Invalid("recoveryData")
	}
	ctx := r.Context()
	return api.Nothing, h.Auth.UpdateProven(ctx, c, func(tx store.Tx) error {
		set, err := tx.SetRecoveryKey(c.UID, store.RecoveryKey{
			Hash: recoveryHash(id), Data: in.Data,
		}, in.Replace)
		if err == nil && !set {
			err = fault.ErrRecoveryExists
		}
		return err
	})
}

// Exists tells a session whether its account has a recovery key.
func (h *Handlers) Exists(r *api.Request) (any, error) {
	c, err := h.Auth.Session(r)
	if err != nil {
		return nil, err
	}
	exists, err := h.DB.Read(r.Context()).HasRecoveryKey(c.UID)
	return existsAnswer{exists}, err
}

// Delete removes the account's recovery key.
func (h *Handlers) Delete(r *api.Request) (any, error) {
	c, err := h.Auth.Session(r)
	if err != nil {
		return nil, err
	}
	return api.Nothing, h.Auth.UpdateProven(r.Context(), c, func(tx store.Tx) error {
		_, err := tx.RemoveRecoveryKey(c.UID)
		return err
	})
}

type existsAnswer struct {
	Exists bool `json:"exists"`
}

// recoveryAnswer is the answer to a recovery key.
type recoveryAnswer struct {
	UID        string `json:"uid"`
	Email      string `json:"email"`
	Data       string `json:"recoveryData"`
	ResetToken string `json:"accountResetToken"`
}

// Start takes a recovery key's ID instead of a password, and returns the sealed kB and a token
// that sets a new password. An e-mail could not prove as much. An address without an account,
// or without a recovery key, is answered like a wrong key. With two-step sign-in it takes a
// code as well.
//
// Only this server has this endpoint: others send an e-mail first.
func (h *Handlers) Start(r *api.Request) (any, error) {
	var in struct {
		Email string `json:"email"`
		ID    string `json:"recoveryKeyId"`
		Code  string `json:"code"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if err := mailaddr.Check(in.Email); err != nil {
		return nil, err
	}
	id, ok := api.Unhex(in.ID, recoveryIDSize)
	if !ok {
		return nil, fault.Invalid("recoveryKeyId")
	}
	if len(in.Code) > tries.MaxCode {
		return nil, fault.Invalid("code")
	}
	done, err := h.Tries.Admit(r, tries.Recovery, mailaddr.Key(in.Email))
	if err != nil {
		return nil, err
	}
	var out recoveryAnswer
	err = h.DB.Update(r.Context(), mailaddr.Key(in.Email), func(tx store.Tx) (err error) {
		out, err = h.open(tx, mailaddr.Key(in.Email), id, in.Code)
		return err
	})
	if err == nil {
		done()
	}
	return out, err
}

// open opens an account by its recovery key and its second step.
func (h *Handlers) open(tx store.Tx, account string, id []byte, code string) (out recoveryAnswer, err error) {
	k, err := tx.RecoveryKey(account)
	if errors.Is(err, store.ErrNotFound) || err == nil && subtle.ConstantTimeCompare(k.Hash, recoveryHash(id)) != 1 {
		return out, fault.ErrRecoveryKey
	}
	if err != nil {
		return out, err
	}
	t := auth.NewToken{Kind: store.Reset, UID: k.UID}
	second, err := h.secondStep(tx, k.UID, code)
	if err != nil {
		return out, err
	}
	if second {
		t.SecondAt = h.Now().UnixMilli()
	}
	out = recoveryAnswer{UID: k.UID, Email: k.Email, Data: k.Data}
	out.ResetToken, _, err = h.Auth.Issue(tx, t)
	return out, err
}

// secondStep checks the second step of a recovery, if the account has one: a
// code of the app or a backup code. second reports whether there is one.
func (h *Handlers) secondStep(tx store.Tx, uid, code string) (second bool, err error) {
	required, err := auth.SecondStepRequired(tx, uid)
	if err != nil || !required {
		return false, err
	}
	if code == "" {
		return true, fault.ErrUnverified.With(fault.Details{VerificationMethod: auth.MethodSecondStep})
	}
	ok, err := secondfactor.Use(tx, uid, code, h.Now())
	if err == nil && !ok {
		ok, err = secondfactor.UseBackupCode(tx, uid, code)
	}
	if err == nil && !ok {
		err = fault.ErrCode
	}
	return true, err
}
