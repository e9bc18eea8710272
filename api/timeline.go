package api

import (
	"slices"
	"sync"

	"github.com/syncmanager/syncmanager"
)

// MaxResults is how many results a timeline keeps.
const MaxResults = 200

// maxResultIDs is how many changed items of an engine a kept result names.
const maxResultIDs = 20

// Timeline keeps the results of the last syncs. Its methods may be called from several
// goroutines at once.
type Timeline interface {
	// Add adds the result of a sync that ended just now. A timeline that cannot keep it
	// reports that elsewhere: the sync went as it went.
	Add(r SyncResult)
	// List returns the newest results, n at most, the newest first.
	List(n int) ([]SyncResult, error)
}

// memory is a timeline that ends with the program.
type memory struct {
	mu   sync.Mutex
	list []SyncResult // the newest last
}

func (m *memory) Add(r SyncResult) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = AppendResult(m.list, r)
}

func (m *memory) List(n int) ([]SyncResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Newest(m.list, n), nil
}

// AppendResult adds a result at the end of a list that the caller alone uses, and returns the
// list with the newest [MaxResults]. A sync that did nothing takes the place of the one before
// if that ended in the same way; see [SyncResult].Repeats.
func AppendResult(list []SyncResult, r SyncResult) []SyncResult {
	r.Changed = slices.Clone(r.Changed)
	for i := range r.Changed {
		if len(r.Changed[i].IDs) > maxResultIDs {
			r.Changed[i].IDs = nil
		}
	}
	if n := len(list); n > 0 && repeats(list[n-1], r) {
		r.Repeats = list[n-1].Repeats + 1
		list = list[:n-1]
	}
	list = append(list, r)
	return slices.Delete(list, 0, max(0, len(list)-MaxResults))
}

// Newest returns the newest results of a list that has the newest last, n at most, the newest
// first.
func Newest(list []SyncResult, n int) []SyncResult {
	list = slices.Clone(list[max(0, len(list)-n):])
	slices.Reverse(list)
	return list
}

// repeats reports whether b did nothing, as a did, and ended in the same way.
func repeats(a, b SyncResult) bool {
	return a.Status == b.Status && a.Failure == b.Failure && a.Error == b.Error && !a.Did() && !b.Did() &&
		slices.EqualFunc(troubled(a), troubled(b), func(x, y EngineResult) bool {
			return x.Engine == y.Engine && x.Status == y.Status && x.Error == y.Error
		})
}

// Did reports whether the sync changed something, here or on the server.
func (r SyncResult) Did() bool {
	return r.SignedOut || len(r.Changed) > 0 || slices.ContainsFunc(r.Engines, func(e EngineResult) bool { return e.Applied+e.Uploaded > 0 })
}

// troubled are the engines whose sync did not go well.
func troubled(r SyncResult) (list []EngineResult) {
	for _, e := range r.Engines {
		if e.Status != syncmanager.StatusOK && e.Status != syncmanager.StatusDeclined {
			list = append(list, e)
		}
	}
	return list
}
