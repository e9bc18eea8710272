package extstorage

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
)

// Quota is one of the quotas of storage.sync.
type Quota string

// The quotas, and the constants with their limits.
const (
	// QuotaBytes is how long the JSON text of all keys and values may be: [MaxBytes].
	QuotaBytes Quota = "QUOTA_BYTES"
	// QuotaItemBytes is how long a key and its value may be together: [MaxItemBytes].
	QuotaItemBytes Quota = "QUOTA_BYTES_PER_ITEM"
	// QuotaItems is how many keys there may be: [MaxItems].
	QuotaItems Quota = "MAX_ITEMS"
)

// QuotaError means that a change would break a quota, and changed nothing. It is an
// [engine.InvalidError].
type QuotaError struct {
	// Quota is the quota, as the add-ons' own API names it.
	Quota Quota
	// Limit is its limit, and Size what the change would make of it: bytes, or keys.
	Limit, Size int
	// Key is the key whose value is too long; "" for the other quotas.
	Key string
}

func (e *QuotaError) Error() string {
	switch e.Quota {
	case QuotaItemBytes:
		return fmt.Sprintf("%.100q and its value have %d bytes, and an add-on may keep %d under one key", e.Key, e.Size, e.Limit)
	case QuotaItems:
		return fmt.Sprintf("these are %d keys, and an add-on may keep %d", e.Size, e.Limit)
	}
	return fmt.Sprintf("all that the add-on keeps would have %d bytes, and it may have %d", e.Size, e.Limit)
}

// within returns an error unless size is at most limit.
func (q Quota) within(limit, size int, key string) error {
	if size <= limit {
		return nil
	}
	return &engine.InvalidError{Reason: &QuotaError{Quota: q, Limit: limit, Size: size, Key: key}}
}

// Pick returns the values of defaults' keys, as storage.get does: what the add-on keeps, and the
// default where it does not have the key. Such a key is left out if its default is nil.
func (a *Area) Pick(ctx context.Context, defaults map[string]json.RawMessage) (Data, error) {
	kept, err := a.Get(ctx)
	if err != nil {
		return nil, err
	}
	picked := Data{}
	for key, value := range defaults {
		if now, has := kept[key]; has {
			value = now
		}
		if value != nil {
			picked[key] = value
		}
	}
	return picked, nil
}
