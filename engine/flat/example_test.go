package flat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/flat"
)

// Contact is a record whose names on the wire are those of another program.
type Contact struct {
	ID     engine.ID
	Name   string
	Phones []string
}

type contactRecord struct {
	ID    engine.ID `json:"id"`
	Name  string    `json:"fn"`
	Reach reach     `json:"reach"`
}

type reach struct {
	Phones []string `json:"tel,omitempty"`
}

func (c Contact) MarshalJSON() ([]byte, error) {
	return json.Marshal(contactRecord{c.ID, c.Name, reach{c.Phones}})
}

func (c *Contact) UnmarshalJSON(raw []byte) error {
	var r contactRecord
	if err := json.Unmarshal(raw, &r); err != nil {
		return errors.New("it is not a contact")
	}
	*c = Contact{r.ID, r.Name, r.Reach.Phones}
	return nil
}

// Contacts is the engine.
type Contacts struct{ *flat.Engine[Contact] }

func OpenContacts(ctx context.Context, c engine.StoreConfig) (*Contacts, error) {
	store, err := flat.Open(ctx, flat.Schema[Contact]{
		Collection: "example-contacts",
		Fields:     []string{"id", "fn", "reach.tel"},
		ID:         func(c *Contact) *engine.ID { return &c.ID },
		Valid: func(c Contact) error {
			if c.Name == "" {
				return &engine.FieldError{Field: "fn", Reason: errors.New("it has no name")}
			}
			return nil
		},
		Same: func(c Contact) string { return c.Name },
	}, c)
	if err != nil {
		return nil, err
	}
	return &Contacts{store}, nil
}

// A method of the engine's own.
func (c *Contacts) AddPhone(ctx context.Context, id engine.ID, phone string) error {
	return c.Edit(ctx, func(tx *flat.Tx[Contact]) error {
		r, err := tx.Get(id)
		if err != nil {
			return err
		}
		r.Phones = append(r.Phones, phone)
		return tx.Update(&r)
	})
}

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "contacts")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	contacts, err := OpenContacts(ctx, engine.StoreConfig{Path: filepath.Join(dir, "contacts.db"), Key: [32]byte{1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer contacts.Close()

	_, err = contacts.Add(ctx, Contact{ID: "ann", Name: "Ann"})
	fmt.Println(err)
	_, err = contacts.Add(ctx, Contact{Name: "Ann"})
	fmt.Println(err)
	_, err = contacts.Add(ctx, Contact{})
	fmt.Println(err)
	fmt.Println(contacts.AddPhone(ctx, "ann", "+44 1632 960001"))
	fmt.Println(contacts.Export(ctx, os.Stdout))
	// Output:
	// <nil>
	// there is a record for this already
	// it has no name
	// <nil>
	// [
	// {"id":"ann","fn":"Ann","reach":{"tel":["+44 1632 960001"]}}]
	// <nil>
}
