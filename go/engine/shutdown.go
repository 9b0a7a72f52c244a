package engine

import (
	"time"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend/posix"
)

// errnoNameTooLong is what the system says of a path of PATH_MAX or more.
const errnoNameTooLong = int32(unix.ENAMETOOLONG)

// Shutdown moves requests that are left to out, each with that status, and
// returns their number; 0 when there is none. Nothing but Shutdown and Free
// may follow it. Requests of a Submit that panicked are no requests to the host,
// and have no result.
func (e *Engine) Shutdown(out []abi.Completion, status abi.Status) int {
	n := 0
	for ; e.cursor < e.requests.size() && n < len(out); e.cursor++ {
		r := e.requests.at(e.cursor)
		if r.state == stateFree {
			continue
		}
		e.endEarly(e.cursor, status)
		if r.id>>e.idShift > e.accepted {
			e.forgetRequest(e.cursor)
			continue
		}
		e.fill(r, &out[n])
		e.stats.Completed++
		e.stats.Failed++
		e.forgetRequest(e.cursor)
		n++
	}
	return n
}

// endEarly gives a request in any state its last result. The order of those
// that were ready does not matter any more.
func (e *Engine) endEarly(id int32, status abi.Status) {
	r := e.requests.at(id)
	detail := detailShutdown
	if status == abi.EINTERNAL {
		detail = detailInternal
	}
	e.ready, e.readyLen = list{none, none}, 0
	if r.state == stateReady {
		e.dropMessage(r)
		r.status, r.errno, r.detail, r.resultFlags = status, 0, detail, 0
		if r.reading != none { // a SCAN with a record to show
			e.endReading(id)
			e.endUse(r)
		}
		return
	}
	e.abort(id, status, detail)
	e.ready, e.readyLen = list{none, none}, 0
}

// freeGrace is how long Free waits for operations to end by themselves:
// those on healthy storage do.
const freeGrace = 100 * time.Millisecond

// Free ends the engine: it closes its files, waits a moment for operations in
// flight, and leaves those that do not end to the backend. Memory that the
// host holds messages in stays.
func (e *Engine) Free() {
	for i := int32(0); i < e.files.size(); i++ {
		if f := e.files.at(i); f.handle && f.number != 0 && f.refs > 0 {
			e.CloseFile(f.number)
		}
	}
	e.enter(int64(freeGrace))
	e.settle()
	for e.inFlight+e.deferred > 0 && !e.late() {
		p := [1]unix.PollFd{{Fd: e.opts.EventFD, Events: unix.POLLIN}}
		if n, _ := unix.Poll(p[:], 1); n > 0 {
			var count [8]byte
			_, _ = unix.Read(int(e.opts.EventFD), count[:])
		}
		e.turn()
		e.settle()
	}
	e.mounts.Close()
	e.pool.Detach(func() { time.Sleep(time.Microsecond) })
	e.pool.Reclaim(e.reclaimFD)
	e.be.Flush()
	pool, left, closeAll := e.pool, e.descriptorsLeft(), e.opts.CloseAll
	if closeAll == nil {
		closeAll = posix.CloseAll
	}
	e.be.Close(func() {
		pool.Close()
		if len(left) > 0 {
			// Each may wait for storage that has only just come back.
			closeAll(left)
		}
	})
}

// descriptorsLeft returns the descriptors that can't be closed yet, as the
// kernel still works on them, or as their mount's workers all hang.
func (e *Engine) descriptorsLeft() []int32 {
	left := e.unclosed
	for i := int32(0); i < e.nodes.size(); i++ {
		if n := e.nodes.at(i); n.refs > 0 && n.fd >= 0 {
			left = append(left, n.fd)
			n.fd = -1
		}
	}
	for m := range e.mountOps {
		for i := e.mountOps[m].head; i != none; i = e.ops.at(i).next {
			if o := e.ops.at(i); o.purpose == purposeClose {
				left = append(left, o.fd)
			}
		}
	}
	return left
}

// Abandon ends an engine whose state can't be trusted after a panic: nobody is
// signalled any more, and its memory and open files are lost to the process.
func (e *Engine) Abandon() {
	e.pool.Detach(func() { time.Sleep(time.Microsecond) })
	e.mounts.Close()
	e.be.Close(func() {})
}
