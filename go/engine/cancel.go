package engine

import (
	"libdbox_aio/go/abi"
)

// Cancel ends a request with ECANCELED, even if the kernel still works for it.
func (e *Engine) Cancel(id uint64) abi.Status {
	slot, ok := e.find(id)
	if !ok {
		return abi.ENOENT
	}
	e.enter(e.opts.StallNS)
	status := abi.EALREADY
	if e.abort(slot, abi.ECANCELED, detailCancelled) {
		status = abi.OK
	}
	e.leave()
	return status
}

// CancelStream cancels all requests of a stream that are not complete;
// returns their number.
func (e *Engine) CancelStream(stream uint64) int {
	e.enter(e.opts.StallNS)
	n := 0
	for id := int32(0); id < e.requests.size(); id++ {
		r := e.requests.at(id)
		if r.state != stateFree && r.stream == stream && e.abort(id, abi.ECANCELED, detailCancelled) {
			n++
		}
	}
	e.leave()
	return n
}

// abort ends a request before its time. false: it is complete already.
func (e *Engine) abort(id int32, status abi.Status, detail uint16) bool {
	r := e.requests.at(id)
	switch r.state {
	case stateReady:
		if r.reading == none || !e.readings.at(r.reading).scan.more {
			return false
		}
		e.unlinkReady(id)
		e.dropMessage(r)
		r.resultFlags = 0
	case stateAgain:
		e.unlink(&e.again, id)
	case stateQueued:
		e.leaveRun(id)
		e.queue.Remove(id, false)
	case stateOpening:
		e.leaveRun(id)
		f := e.files.at(r.file)
		e.unlink(&f.waiters, id)
		if f.waiters.head == none && f.openOp != none {
			e.orphan(f.openOp)
			f.openOp = none
		}
	}
	e.fail(id, status, 0, detail)
	return true
}

// setDeadline starts the timeout of a request, of a SCAN that for its next
// record.
func (e *Engine) setDeadline(id int32) {
	if r := e.requests.at(id); r.timeoutMS != 0 {
		r.timed = true
		e.timers.Set(id, e.now()+int64(r.timeoutMS)*1e6)
	}
}

func (e *Engine) clearDeadline(id int32) {
	if r := e.requests.at(id); r.timed {
		r.timed = false
		e.timers.Clear(id)
	}
}

// expire ends the requests whose time is up.
func (e *Engine) expire() {
	if e.timers.Next() == 0 {
		return
	}
	now := e.time
	for n := 1; ; n++ {
		if n%batch == 0 && e.late() {
			return
		}
		id, ok := e.timers.Expired(now)
		if !ok {
			return
		}
		e.requests.at(id).timed = false
		e.abort(id, abi.ETIMEDOUT, detailTimedOut)
	}
}
