package forms

import "github.com/syncmanager/syncmanager/internal/mirror"

// Store is the engine's, with whole records.
func (e *Engine) Store() *mirror.Store[Entry] { return e.store }
