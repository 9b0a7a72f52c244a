package engine

import (
	"math"
	"math/bits"

	"libdbox_aio/go/abi"
)

// enter begins a call: the time it may take, and what has come back since the
// last one.
func (e *Engine) enter(budget int64) {
	e.deadline = e.now() + budget
	e.pool.Reclaim(e.reclaimFD)
}

// reclaimFD closes the descriptor of a message that nobody took it from.
func (e *Engine) reclaimFD(fd int32, slow bool) {
	if !slow {
		e.be.CloseNow(fd)
		return
	}
	e.closeLate(fd)
}

// leave ends a call that may signal the event descriptor.
func (e *Engine) leave() {
	if e.settle() != 0 {
		e.Signal()
	}
}

// settle brings the backend and the alarms up to date, and returns what is
// left to do as abi.More... bits.
func (e *Engine) settle() uint32 {
	e.startDeferred()
	e.be.Flush()
	e.be.Alarm(e.timers.Next(), e.now())
	e.pool.WakeOnRelease(e.queue.Held() > 0)
	more := uint32(0)
	if e.ready.head != none {
		more |= abi.MoreResults
	}
	if t := e.timers.Next(); t != 0 && t <= e.now() {
		more |= abi.MoreWork
	}
	if e.mayServe() || e.queue.Held() > 0 && e.pool.Freed() {
		more |= abi.MoreWork
	}
	return more
}

// mayServe reports whether a request could be begun now.
func (e *Engine) mayServe() bool {
	e.releaseHeld()
	return e.roomy() && (e.again.head != none || e.queue.Servable())
}

// releaseHeld lets requests that wait for memory try again, if there is enough
// for one of them.
func (e *Engine) releaseHeld() {
	if e.queue.Held() > 0 && e.pool.Budget()-e.pool.Used() >= e.heldNeed {
		e.heldNeed = math.MaxInt64
		e.queue.ReleaseHeld()
	}
}

// flushEvery operations are handed to the kernel together: few system calls,
// and none that takes long.
const flushEvery = 16

// unbounded: pump does not look at how many results are ready.
const unbounded = 1 << 30

// pump does what can be done until the time is up, or so many results are
// ready: what has ended, deadlines, then new requests.
func (e *Engine) pump(results int) {
	e.expire()
	e.reap()
	e.releaseHeld()
	for begun := 1; e.readyLen < results && e.roomy(); begun++ {
		id := e.pop(&e.again)
		if id != none {
			e.requests.at(id).state = stateActive
			e.beginScan(id)
		} else {
			var ok bool
			if id, ok = e.queue.Peek(); !ok {
				break
			}
			e.queue.Take(id)
			e.serve(id)
		}
		if begun%flushEvery == 0 {
			e.be.Flush()
		}
		if e.late() {
			break
		}
	}
}

// roomy reports whether the ring can take more. Workers are looked after
// mount by mount, see updateBlock: what one does not answer must not keep
// others from being asked.
func (e *Engine) roomy() bool { return e.inFlight-e.slow < e.opts.QueueDepth }

// reap handles what the backend has done. It is not bounded by time: each
// event is little work, and there are at most as many as the queue is deep.
func (e *Engine) reap() {
	for {
		n := e.be.Reap(e.events[:])
		for _, ev := range e.events[:n] {
			e.handle(ev)
		}
		if n < len(e.events) {
			break
		}
	}
	e.startDeferred()
}

// serve begins a request that was taken from the queue.
func (e *Engine) serve(id int32) {
	r := e.requests.at(id)
	e.setBegun(r)
	if e.files.at(r.file).node != none {
		e.begin(id)
		return
	}
	e.open(id)
}

// setBegun notes when a request has left the queue for the first time.
func (e *Engine) setBegun(r *request) {
	if r.begun != 0 {
		return
	}
	r.begun = e.now()
	e.count(&e.stats.QueueWaitUS, r.begun-r.submitted)
}

// count adds a time to a histogram of powers of two of microseconds.
func (e *Engine) count(h *[32]uint64, ns int64) {
	us := uint64(max(ns, 0)) / 1000
	h[max(min(bits.Len64(us), 32)-1, 0)]++
}
