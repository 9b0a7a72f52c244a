//go:build dboxtest

package engine

// Poison takes from the engine what every call needs. Tests do so, to see that
// the panic that follows ends no process.
func (e *Engine) Poison() {
	e.be, e.pool, e.mounts, e.queue = nil, nil, nil, nil
}
