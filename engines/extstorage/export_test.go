package extstorage

import "github.com/syncmanager/syncmanager/internal/mirror"

// Store is the engine's, with whole records.
func (e *Engine) Store() *mirror.Store[Record] { return e.store }
