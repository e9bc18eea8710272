package sync15

import (
	"context"
	"errors"
)

// Leave deletes this device's records in clients and tabs, as Firefox does when it signs out.
// If the service no longer accepts this device, there is nothing to delete.
func (c *Client) Leave(ctx context.Context) error {
	self := c.state.Clients.Self
	if self == "" || c.state.Token == nil {
		return nil
	}
	info, _, err := c.infoCollections(ctx)
	for _, collection := range []string{clientsCollection, "tabs"} {
		at, there := info[collection]
		if err != nil || !there {
			continue
		}
		err = c.delete(ctx, bsoPath(collection, self), "delete this device's record in "+collection, at)
	}
	if errors.As(err, new(*AuthError)) || errors.Is(err, ErrReassigned) {
		return nil
	}
	return err
}
