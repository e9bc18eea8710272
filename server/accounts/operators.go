package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/secondfactor"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/security"
)

// Operator is an account that may open the operator's pages.
type Operator struct {
	UID   string    `json:"uid"`
	Email string    `json:"email"`
	Added time.Time `json:"added"`
	// SecondStep says that signing in to it takes a second step. Without that it may not open the pages.
	SecondStep bool `json:"second_step"`
}

// OperatorsOpen reports whether anybody can be signed in to the operator's pages, or sign in to them.
func (s *Service) OperatorsOpen(ctx context.Context) (bool, error) {
	now := s.cfg.Now()
	open, err := s.db.Read(ctx).OperatorsOpen(now.UnixMilli(), now.Add(-OperatorIdle).UnixMilli())
	if err != nil {
		return false, fmt.Errorf("look for operators: %w", err)
	}
	return open, nil
}

// Operators lists the accounts that are operators'.
func (s *Service) Operators(ctx context.Context) ([]Operator, error) {
	found, err := s.db.Read(ctx).Operators()
	if err != nil {
		return nil, fmt.Errorf("list the operators: %w", err)
	}
	all := []Operator{}
	for _, o := range found {
		all = append(all, Operator{UID: o.UID, Email: o.Email, Added: time.UnixMilli(o.AddedAt), SecondStep: o.SecondStep})
	}
	return all, nil
}

// AddOperator lets an account open the operator's pages, once it has a second step. The error is [ErrNoUser], among
// others.
func (s *Service) AddOperator(ctx context.Context, who string) (Operator, error) {
	u, err := s.User(ctx, who)
	if err != nil {
		return Operator{}, err
	}
	if u.Unconfirmed {
		return Operator{}, fmt.Errorf("%s has not confirmed the address", u.Email)
	}
	var o store.Operator
	err = s.db.Update(ctx, u.UID, func(tx store.Tx) error {
		if _, err := tx.AddOperator(u.UID, s.cfg.Now().UnixMilli()); err != nil {
			return err
		}
		o, err = tx.Operator(u.UID)
		return err
	})
	if err != nil {
		return Operator{}, fmt.Errorf("add an operator: %w", err)
	}
	s.cfg.Security.Note(ctx, security.ByOperator, security.OperatorAdded, "", u.UID)
	return Operator{UID: o.UID, Email: o.Email, Added: time.UnixMilli(o.AddedAt), SecondStep: o.SecondStep}, nil
}

// RemoveOperator ends an account's right to the operator's pages, and its sessions there. What one of them is doing has
// ended, or does not happen. The error is [ErrNoUser] or [ErrNoOperator], among others.
func (s *Service) RemoveOperator(ctx context.Context, who string) error {
	u, err := s.User(ctx, who)
	if err != nil {
		return err
	}
	err = s.db.Update(ctx, u.UID, func(tx store.Tx) error {
		if err := tx.RemoveOperatorSessions(u.UID); err != nil {
			return err
		}
		removed, err := tx.RemoveOperator(u.UID)
		if err == nil && !removed {
			err = ErrNoOperator
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("remove an operator: %w", err)
	}
	s.cfg.Security.Note(ctx, security.ByOperator, security.OperatorRemoved, "", u.UID)
	return nil
}

// EndOperatorSessions ends all sessions of the operator's pages, and all codes that open one. It returns how many
// sessions there were. Operators can sign in again.
func (s *Service) EndOperatorSessions(ctx context.Context) (n int, err error) {
	err = s.db.Update(ctx, "", func(tx store.Tx) error {
		n, err = tx.RemoveAllOperatorSessions()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("end the operators' sessions: %w", err)
	}
	s.cfg.Security.Note(ctx, security.ByOperator, security.OperatorsEnded, "", "")
	return n, nil
}

// Details is what an operator sees of an account besides [User].
type Details struct {
	// SecondStep says that signing in takes a second step, and RecoveryKey that there is a recovery key.
	SecondStep, RecoveryKey bool
	// Operator says that the account may open the operator's pages.
	Operator bool
	// Clients are what is signed in.
	Clients []Client
}

// Client is a device, or something else that is signed in. Its names are what it says of itself.
type Client struct {
	Name, Type string
	Seen       time.Time
}

// Details reads what an operator sees of an account.
func (s *Service) Details(ctx context.Context, uid string) (d Details, err error) {
	err = s.db.View(ctx, func(db store.Reader) error {
		d = Details{}
		state, err := secondfactor.Of(db, uid)
		if err != nil {
			return err
		}
		d.SecondStep = state == secondfactor.Enabled
		if d.RecoveryKey, err = db.HasRecoveryKey(uid); err != nil {
			return err
		}
		_, err = db.Operator(uid)
		if d.Operator, err = store.Found(err); err != nil {
			return err
		}
		all, err := db.Clients(uid)
		for _, c := range all {
			out := Client{Name: c.UserAgent, Seen: time.UnixMilli(c.UsedAt)}
			if c.Device != nil {
				out.Name, out.Type = c.Device.Name, c.Device.Type
			}
			d.Clients = append(d.Clients, out)
		}
		return err
	})
	if err != nil {
		return Details{}, fmt.Errorf("read an account's details: %w", err)
	}
	return d, nil
}
