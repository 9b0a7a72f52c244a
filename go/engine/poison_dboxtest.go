//go:build dboxtest

package engine

// Poison takes from the engine what every call needs. Tests do so, to see that
// the panic that follows ends no process.
func (e *Engine) Poison() {
	e.be, e.pool, e.mounts, e.queue = nil, nil, nil, nil
}

// PoisonBackend takes the backend alone: requests are accepted, and then the
// panic comes.
func (e *Engine) PoisonBackend() { e.be = nil }

// PoisonMounts takes what only the end needs where nothing is pending.
func (e *Engine) PoisonMounts() { e.mounts = nil }
