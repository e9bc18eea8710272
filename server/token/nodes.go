package token

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/syncmanager/syncmanager/server/internal/sqldb"
)

// Node is a storage node: a server that keeps the storages that are assigned to it.
type Node struct {
	// URL is its root, without a slash at the end; "" is the storage of the server itself.
	URL string
	// Capacity is the most users it is to have, and Users how many it has.
	Capacity, Users int64
	// Draining nodes get no users: theirs are moved to others.
	Draining bool
	// Down nodes did not answer. They get no new users.
	Down bool
}

var (
	// ErrNoNode means that there is no node with that URL.
	ErrNoNode = errors.New("there is no such node")
	// ErrNodeUsed means that a node cannot be removed, because it has users.
	ErrNodeUsed = errors.New("it has users: drain it first")
	// ErrNoRoom means that no node takes another user: each is full, draining or down.
	ErrNoRoom = errors.New("no node has room for another user: add a node, or give one more capacity")
)

// Nodes lists the nodes in the order of their URLs. There are none if all storages are those of the server itself.
func (s *Service) Nodes(ctx context.Context) (all []Node, err error) {
	err = s.db.View(ctx, func(tx sqldb.Tx) error {
		all = nil
		rows, err := tx.Query(sqlNodes)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var n Node
			if err := rows.Scan(&n.URL, &n.Capacity, &n.Users, &n.Draining, &n.Down); err != nil {
				return err
			}
			all = append(all, n)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list the nodes: %w", err)
	}
	return all, nil
}

// KeepCapacity is no edit of a node's capacity; see [Service.AddNode].
const KeepCapacity = math.MinInt64

// AddNode adds a node, or changes the capacity of one, which may be draining and then no longer is. With
// [KeepCapacity] a known node keeps its capacity, and a new one gets the capacity usual. It returns the node's capacity.
// With the first node, the server itself becomes one too, which takes no new users: its capacity is 0.
func (s *Service) AddNode(ctx context.Context, url string, capacity, usual int64) (has int64, err error) {
	err = s.db.Update(ctx, func(tx sqldb.Tx) error {
		if _, err := tx.Exec(sqlAddSelf); err != nil {
			return err
		}
		if err := tx.QueryRow(sqlAddNode, url, capacity, usual).Scan(&has); err != nil {
			return err
		}
		return recount(tx)
	})
	if err != nil {
		return 0, fmt.Errorf("add a node: %w", err)
	}
	return has, nil
}

// recount counts the users of all nodes. All who change the number of a node's users lock its row, so that
// the count is right when this transaction ends.
func recount(tx sqldb.Tx) error {
	if _, err := tx.Exec(sqlLockNodes); err != nil {
		return err
	}
	_, err := tx.Exec(sqlRecount)
	return err
}

// Recount corrects the counts of users. They are right but for what older versions of this program did.
func (s *Service) Recount(ctx context.Context) error {
	if err := s.db.Update(ctx, recount); err != nil {
		return fmt.Errorf("count the users of the nodes: %w", err)
	}
	return nil
}

// DrainNode keeps users from a node from now on.
func (s *Service) DrainNode(ctx context.Context, url string) error {
	return s.changeNode(ctx, sqlDrainNode, url)
}

// SetNodeDown says whether a node answers.
func (s *Service) SetNodeDown(ctx context.Context, url string, down bool) error {
	return s.changeNode(ctx, sqlDownNode, url, down)
}

func (s *Service) changeNode(ctx context.Context, statement string, args ...any) error {
	var n int64
	err := s.db.Update(ctx, func(tx sqldb.Tx) (err error) {
		n, err = tx.Exec(statement, args...)
		return err
	})
	if err == nil && n == 0 {
		err = ErrNoNode
	}
	if err != nil {
		return fmt.Errorf("change a node: %w", err)
	}
	return nil
}

// RemoveNode forgets a node without users. The error is [ErrNoNode] or [ErrNodeUsed]. Copies that were
// left there, of storages that moved away or were replaced, are its operator's to delete.
func (s *Service) RemoveNode(ctx context.Context, url string) error {
	err := s.db.Update(ctx, func(tx sqldb.Tx) error {
		// First the row, so that nobody is assigned to it meanwhile.
		n, err := tx.Exec(sqlRemoveNode, url)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNoNode
		}
		var used bool
		if err := tx.QueryRow(sqlNodeUsed, url).Scan(&used); err != nil {
			return err
		}
		if used {
			return ErrNodeUsed
		}
		if _, err := tx.Exec(sqlNodeEmptied, url); err != nil {
			return err
		}
		_, err = tx.Exec(sqlRemoveSelf)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove a node: %w", err)
	}
	return nil
}

// takeTries is how often a node is chosen that has no more room when its row is locked.
const takeTries = 10

// take assigns one more user to the node with the most free capacity, in proportion to its size. It is not except,
// unless that is no node's URL. The error is ErrNoRoom.
func take(tx sqldb.Tx, except string) (url string, err error) {
	for range takeTries {
		err = tx.QueryRow(sqlTake, except).Scan(&url)
		if !errors.Is(err, sql.ErrNoRows) {
			return url, err
		}
	}
	return "", ErrNoRoom
}

// notANode is not the URL of a node.
const notANode = "none"

// place returns the node of a new storage: the one that the account is on, unless that is being drained.
func place(tx sqldb.Tx, u user) (string, error) {
	var nodes bool
	if err := tx.QueryRow(sqlAnyNode).Scan(&nodes); err != nil || !nodes {
		return u.node, err
	}
	if u.placed {
		var stays bool
		err := tx.QueryRow(sqlNodeStays, u.node).Scan(&stays)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return "", err
		}
		if stays {
			return u.node, nil
		}
		if _, err := tx.Exec(sqlLeave, u.node); err != nil {
			return "", err
		}
	}
	return take(tx, notANode)
}

// Storage is a storage, and the URL of the node that has it; "" is the server itself.
type Storage struct {
	UID  int64
	Node string
}

// NodeOf returns the URL of the node that has a storage; "" is the server itself, which also has those that belong
// to nobody.
func (s *Service) NodeOf(ctx context.Context, uid int64) (url string, err error) {
	err = s.db.Read(ctx).QueryRow(sqlNodeOf, uid).Scan(&url)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("find the node of a storage: %w", err)
	}
	return url, nil
}

// storages reads the rows of a statement.
func storages(rows *sql.Rows, err error) (all []Storage, _ error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one Storage
		if err := rows.Scan(&one.UID, &one.Node); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
