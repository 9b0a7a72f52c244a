package engine

import (
	"libdbox_aio/go/abi"
	"libdbox_aio/go/sched"
)

// The states of a request; see doc.go.
const (
	stateFree uint8 = iota
	stateQueued
	stateOpening
	stateActive
	stateAgain // has memory and goes on at the next opportunity
	stateReady
)

// request is what the engine knows of one request. It has no pointers, and
// every byte counts: a hundred thousand can be pending.
type request struct {
	id                uint64
	callback, context uint64
	stream            uint64
	offset, hint      uint64
	bodyOffset        uint64
	bodyLimit         uint64
	record            uint64 // file offset of the record
	errorOffset       uint64
	sizeBefore        uint64 // see recheck
	message           uintptr
	submitted         int64
	begun             int64
	ended             int64 // when its result was ready
	need              int64 // memory that it must find free to begin again
	timeoutMS         uint32
	status            abi.Status
	errno             int32
	file              int32
	node              int32 // for the result; counted in node.refs
	reading           int32
	next              int32 // in the list it is in
	member            int32 // next one of the same operation
	runPrev, runNext  int32 // waiting neighbours in the file, of the same batch
	before, after     int32 // those that it had when it was begun
	statOp            int32
	detail            uint16
	resultFlags       uint16
	op, flags         uint8
	prio, state       uint8
	using             bool // counted in node.users
	rechecked         bool // the size, by asking the storage
	waited            bool // was not answered from the cache
	timed             bool
}

// newID makes an id of which the slot is a part. The rest counts up and does
// not come again within years of a million requests a second.
func (e *Engine) newID(slot int32) uint64 {
	e.sequence++
	return e.sequence<<e.idShift | uint64(slot)
}

// find returns the slot of an id.
func (e *Engine) find(id uint64) (int32, bool) {
	slot := int32(id & (1<<e.idShift - 1))
	if id == 0 || slot >= e.requests.size() {
		return none, false
	}
	r := e.requests.at(slot)
	return slot, r.state != stateFree && r.id == id
}

// fail ends a request with an error.
func (e *Engine) fail(id int32, status abi.Status, errno int32, detail uint16) {
	r := e.requests.at(id)
	r.status, r.errno, r.detail, r.resultFlags = status, errno, detail, 0
	e.finish(id)
}

// finish ends a request: it lets go of its operations and of its use of the
// file, and its result is ready.
func (e *Engine) finish(id int32) {
	r := e.requests.at(id)
	e.endReading(id)
	if r.statOp != none {
		e.leaveOp(r.statOp, id)
		r.statOp = none
	}
	if r.op == abi.OpOpen && r.using {
		e.unlink(&e.nodes.at(r.node).waiters, id)
	}
	e.endUse(r)
	e.clearDeadline(id)
	r.state = stateReady
	r.ended = e.time
	e.pushReady(id)
	if r.begun != 0 {
		e.count(&e.stats.StorageUS, r.ended-r.begun)
	}
	if !r.waited && r.status == abi.OK {
		e.stats.Immediate++
	}
}

// requeue puts a request that was begun back to the front of its flow.
func (e *Engine) requeue(id int32) {
	r := e.requests.at(id)
	r.state = stateQueued
	e.queue.PushFront(id, e.groupOf(r), r.stream, r.prio, r.cost())
}

// groupOf returns the mount whose workers the request will keep busy.
func (e *Engine) groupOf(r *request) int32 {
	f := e.files.at(r.file)
	if f.node != none {
		return e.nodes.at(f.node).mount
	}
	return f.group[0]
}

// cost is the number of bytes that the request will read, as far as one can
// tell.
func (r *request) cost() uint64 {
	switch {
	case r.op == abi.OpOpen || r.op == abi.OpStat:
		return sched.MinCost
	case r.op == abi.OpScan:
		return scanChunk
	case r.flags&(abi.NoBody|abi.HeadersOnly) != 0:
		return sched.MinCost
	case r.bodyLimit != 0:
		return r.bodyLimit
	case r.hint != 0:
		return min(r.hint, maxGuess)
	}
	return 4 * sched.MinCost
}
