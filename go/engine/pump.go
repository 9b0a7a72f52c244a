package engine

import (
	"math"
	"math/bits"

	"libdbox_aio/go/abi"
)

// enter begins a call: the time it may take, and what has come back since the
// last one.
func (e *Engine) enter(budget int64) {
	e.tick()
	e.deadline = e.time + budget
	e.calls++
	e.turnLeft = turnBytes
	e.batching = false
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
	e.keepRights()
	e.tick()
	alarm := e.nextAlarm()
	e.be.Alarm(alarm, e.time)
	e.pool.WakeOnRelease(e.queue.Held() > 0)
	more := uint32(0)
	if e.ready.head != none {
		more |= abi.MoreResults
	}
	if alarm != 0 && alarm <= e.time {
		more |= abi.MoreWork
	}
	if e.mayServe() || e.queue.Held() > 0 && e.pool.Freed() {
		more |= abi.MoreWork
	}
	return more
}

// nextAlarm returns when the engine is to be called at the latest: for a deadline,
// or for memory that nobody uses; 0: never.
func (e *Engine) nextAlarm() int64 {
	next, trim := e.timers.Next(), e.pool.TrimAt(e.time)
	if next == 0 || trim != 0 && trim < next {
		return trim
	}
	return next
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

const (
	// batch is how many requests are begun before the backend has its turn:
	// few system calls, none that takes long, and buffers that are used again
	// before they leave the CPU's caches.
	batch = 16
	// batchLeast is from how many waiting requests on that is worth it.
	batchLeast = 4
	// turnBytes bounds what one Turn copies.
	turnBytes = 512 << 10
	// submitResults is how many results a submit gets ready at most: more
	// would only drive each other out of the CPU's caches.
	submitResults = batch
	// unbounded: pump does not look at how many results are ready.
	unbounded = 1 << 30
)

// pump does what can be done until the time is up, or so many results are
// ready: what has ended, deadlines, then new requests.
func (e *Engine) pump(results int) {
	e.expire()
	e.pool.Trim(e.time, e.late)
	e.batching = e.queue.Len() >= batchLeast && e.be.Batched()
	if e.near == 0 {
		e.narrow = false
	}
	e.turn()
	e.releaseHeld()
	for {
		begun := e.beginSome(results)
		if e.late() {
			return
		}
		if e.batching {
			if e.turn() == 0 && begun == 0 {
				return
			}
			continue
		}
		if begun == 0 {
			return
		}
	}
}

// beginSome begins requests: a batch of them where the backend can have a
// batch, else one. Returns their number.
func (e *Engine) beginSome(results int) int {
	begun, most := 0, 1
	if e.batching && !e.narrow {
		most = min(batch, e.keepOpen/2) // each has a file open for a moment
	}
	for begun < most && e.readyLen < results && e.roomy() {
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
		begun++
	}
	return begun
}

// roomy reports whether the ring can take more. Workers are looked after
// mount by mount, see updateBlock: what one does not answer must not keep
// others from being asked.
func (e *Engine) roomy() bool {
	if e.narrow {
		return e.near == 0
	}
	return e.inFlight-e.slow < e.opts.QueueDepth
}

// turn gives the backend what is to be done and handles what it has done;
// returns the number of events. It is not bounded by time: each event is
// little work, and there are at most as many as the queue is deep.
func (e *Engine) turn() int {
	e.turnLeft = turnBytes
	n := e.be.Turn(e.events[:])
	e.tick()
	total := n
	for {
		for _, ev := range e.events[:n] {
			e.handle(ev)
		}
		if n < len(e.events) {
			break
		}
		n = e.be.Reap(e.events[:])
		total += n
	}
	e.startDeferred()
	return total
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
	r.begun = e.time
	e.count(&e.stats.QueueWaitUS, r.begun-r.submitted)
}

// count adds a time to a histogram of powers of two of microseconds.
func (e *Engine) count(h *[32]uint64, ns int64) {
	us := uint64(max(ns, 0)) / 1000
	h[max(min(bits.Len64(us), 32)-1, 0)]++
}
