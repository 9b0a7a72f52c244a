package engine

import (
	"libdbox_aio/go/abi"
)

// Submit accepts requests and, if last is set, works on them until the time
// of one call is up and moves results that are ready to out. It returns their
// number and what is left to do, for which, as for them, the event descriptor
// is signalled. ids gets the requests' ids, unless it is nil.
//
// The requests are checked already. What goes wrong with one from here on is
// told by its result.
func (e *Engine) Submit(requests []abi.Request, ids []uint64, out []abi.Completion, last bool) (int, uint32) {
	e.enter(e.opts.StallNS)
	now := e.now()
	e.mounts.Refresh(now)
	for i := range requests {
		id := e.accept(&requests[i], now)
		if ids != nil {
			ids[i] = e.requests.at(id).id
		}
	}
	e.linkRuns()
	e.stats.Submitted += uint64(len(requests))
	n := 0
	if last {
		e.pump(submitResults)
		for n < len(out) && e.ready.head != none && !e.hasMore(e.ready.head) {
			e.deliver(e.popReady(), &out[n])
			n++
		}
	}
	more := e.settle()
	if more != 0 || n > 0 {
		e.Signal()
	}
	e.accepted = e.sequence
	return n, more
}

// accept takes one request. It never fails: a request that can't even wait
// is ready with its error.
func (e *Engine) accept(q *abi.Request, now int64) int32 {
	id := e.requests.alloc()
	r := e.requests.at(id)
	*r = request{
		id:         e.newID(id),
		callback:   q.Callback,
		context:    q.Context,
		stream:     q.Stream,
		offset:     q.Offset,
		hint:       q.SizeHint,
		bodyOffset: q.BodyOffset,
		bodyLimit:  q.BodyLimit,
		record:     q.Offset,
		submitted:  now,
		timeoutMS:  q.TimeoutMS,
		op:         uint8(q.Op),
		flags:      uint8(q.Flags),
		prio:       uint8(q.Priority),
		file:       none,
		node:       none,
		reading:    none,
		statOp:     none,
		member:     none,
		runPrev:    none,
		runNext:    none,
		before:     none,
		after:      none,
	}
	if status, errno, detail := e.name(r, q); status != abi.OK {
		r.status, r.errno, r.detail = status, errno, detail
		r.state = stateReady
		r.ended = now
		e.pushReady(id)
		return id
	}
	f := e.files.at(r.file)
	f.live++
	if f.live > 1 {
		e.sharing = true
	}
	r.state = stateQueued
	e.queue.Push(id, e.groupOf(r), r.stream, r.prio, r.cost())
	e.setDeadline(id)
	if r.op == abi.OpRead && r.plain() {
		e.scratch = append(e.scratch, runItem{r.offset, r.file, id})
	}
	return id
}

// name finds the file of a request.
func (e *Engine) name(r *request, q *abi.Request) (abi.Status, int32, uint16) {
	if q.File != 0 {
		i, ok := e.fileOf(q.File)
		if !ok {
			return abi.EINVAL, 0, detailNone
		}
		r.file = i
		f := e.files.at(i)
		f.refs++
		if f.node == none && f.live == 0 {
			e.setRights(i) // this one may open it
		}
		return abi.OK, 0, 0
	}
	if q.PathLength >= abi.PathMax || q.AltLength >= abi.PathMax {
		return abi.EIO, errnoNameTooLong, detailLongPath
	}
	var alt []byte
	if q.AltPath != 0 {
		alt = abi.Bytes(q.AltPath, int(q.AltLength))
	}
	path := abi.Bytes(q.Path, int(q.PathLength))
	if q.Flags&abi.WantFD != 0 {
		// The descriptor goes to the host: it is nobody else's.
		i, err := e.newFile(path, alt)
		if err != nil {
			return abi.ENOMEM, 0, detailMemory
		}
		e.files.at(i).own = true
		e.setRights(i)
		r.file = i
		return abi.OK, 0, 0
	}
	i, err := e.byPath(path, alt)
	if err != nil {
		return abi.ENOMEM, 0, detailMemory
	}
	r.file = i
	return abi.OK, 0, 0
}
