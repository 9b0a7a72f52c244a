package engine

import "libdbox_aio/go/abi"

// Stats fills what the engine counts; the front adds what it measures.
func (e *Engine) Stats(out *abi.Stats) {
	e.enter(e.opts.StallNS)
	*out = e.stats
	out.OpenFiles += e.closing + uint32(len(e.unclosed))
	out.BytesHeld = uint64(e.pool.Held())
	out.Pending = uint64(e.requests.used)
	e.leave()
}
