package sync15

import (
	"context"
	"errors"
)

// Leave deletes this device's records in clients and tabs, as Firefox does when it signs out.
// If the account no longer accepts this device, or its storage moved, there is nothing to
// delete.
func (c *Client) Leave(ctx context.Context) error {
	self := c.state.Clients.Self
	if self == "" || c.state.Token == nil {
		return nil
	}
	var err error
	for range 3 {
		if err = c.deleteOwn(ctx); !isConflict(err) {
			break
		}
	}
	if errors.As(err, new(*AuthError)) || errors.Is(err, ErrReassigned) {
		return nil
	}
	return err
}

// deleteOwn deletes this device's records. It is a conflict if another device writes to one of
// the collections meanwhile.
func (c *Client) deleteOwn(ctx context.Context) error {
	info, _, err := c.infoCollections(ctx)
	if err != nil {
		return err
	}
	for _, collection := range []string{clientsCollection, "tabs"} {
		at, there := info[collection]
		if !there {
			continue
		}
		err := c.delete(ctx, bsoPath(collection, c.state.Clients.Self), "delete this device's record in "+collection, at)
		if err != nil {
			return err
		}
	}
	return nil
}
