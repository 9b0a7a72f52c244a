package engine

import (
	"libdbox_aio/go/abi"
)

// Dispatch works for budget nanoseconds at most, then moves results that are
// ready to out. It returns their number and what is left to do. It does not
// signal the event descriptor.
func (e *Engine) Dispatch(out []abi.Completion, budget int64) (int, uint32) {
	e.enter(budget)
	e.mounts.Refresh(e.time)
	e.pump(len(out))
	n := 0
	for n < len(out) && e.ready.head != none {
		id := e.popReady()
		e.deliver(id, &out[n])
		n++
	}
	return n, e.settle()
}

// Take puts a request before all others and works for it. It returns true
// with its next result in out if that is ready; the status is ENOENT if there
// is no such request.
func (e *Engine) Take(id uint64, out *abi.Completion, budget int64) (bool, abi.Status, uint32) {
	slot, ok := e.find(id)
	if !ok {
		return false, abi.ENOENT, 0
	}
	e.enter(budget)
	e.mounts.Refresh(e.time)
	r := e.requests.at(slot)
	if r.state == stateQueued {
		e.queue.Remove(slot, true)
		e.serve(slot)
	}
	e.pump(unbounded)
	if r.state != stateReady {
		return false, abi.OK, e.settle()
	}
	e.unlinkReady(slot)
	e.deliver(slot, out)
	return true, abi.OK, e.settle()
}

// deliver fills a completion. A request whose final result it is, is gone
// afterwards.
func (e *Engine) deliver(id int32, out *abi.Completion) {
	r := e.requests.at(id)
	more := e.hasMore(id)
	e.fill(r, out)
	if more {
		out.Result.Flags |= abi.More
		e.nextRecord(id)
		return
	}
	switch r.status {
	case abi.OK:
	case abi.ECANCELED:
		e.stats.Cancelled++
	case abi.ETIMEDOUT:
		e.stats.TimedOut++
	default:
		e.stats.Failed++
	}
	e.stats.Completed++
	e.forgetRequest(id)
}

// hasMore reports whether what is ready of a request is not its final result.
func (e *Engine) hasMore(id int32) bool {
	r := e.requests.at(id)
	return r.reading != none && e.readings.at(r.reading).scan.more
}

func (e *Engine) fill(r *request, out *abi.Completion) {
	out.Callback = r.callback
	res := &out.Result
	*res = abi.Result{
		Status:       r.status,
		Op:           uint32(r.op),
		Flags:        uint32(r.resultFlags),
		SysErrno:     r.errno,
		ID:           r.id,
		Stream:       r.stream,
		RecordOffset: r.record,
		ErrorOffset:  r.errorOffset,
		LatencyUS:    uint64(max(r.ended-r.submitted, 0)) / 1000,
		Context:      uintptr(r.context),
		Message:      r.message,
		Detail:       detailAt[r.detail],
	}
	if r.file != none {
		res.File = e.files.at(r.file).cookie
	}
	if r.node == none {
		return
	}
	n := e.nodes.at(r.node)
	res.FileSize = n.attr.Size
	res.Device = n.attr.Device
	res.Inode = n.attr.Inode
	res.Nlink = n.attr.Nlink
	res.Mtime, res.MtimeNsec = n.attr.Mtime, n.attr.MtimeNsec
	res.Ctime, res.CtimeNsec = n.attr.Ctime, n.attr.CtimeNsec
	if n.known {
		res.FileVersion = n.header.Version
		res.FileHeaderSize = n.header.Size
		res.MessageHeaderSize = n.header.MessageHeaderSize
		res.CreateTime = n.header.CreateTime
	}
	if n.alt {
		res.Flags |= abi.FromAlt
	}
}

// forgetRequest frees the slot of a request that was delivered.
func (e *Engine) forgetRequest(id int32) {
	r := e.requests.at(id)
	if r.node != none {
		e.unrefNode(r.node)
	}
	if r.file != none {
		e.unrefFile(r.file)
	}
	r.state = stateFree
	e.requests.release(id)
}
