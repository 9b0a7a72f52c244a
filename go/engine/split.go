package engine

import (
	"syscall"

	"libdbox_aio/go/backend"
	"libdbox_aio/go/mem"
)

const (
	// partSize is how much of a long read one worker reads: what Linux asks a
	// file system for at a time (read_ahead_kb is 128 by default, and FUSE
	// has no larger requests without direct I/O).
	partSize = 128 << 10
	// partsAtOnce bounds the workers that one read takes from others.
	partsAtOnce = 8
)

// split is what an operation keeps that is done as parts, the whole.
type split struct {
	first int32 // of its parts under way, linked by op.sibling
	asked int   // bytes for which parts have been begun
	stop  int   // nothing counts from there on: the end, or what went wrong
	errno syscall.Errno
}

// startParts does a long read of storage that is not local as parts, some of
// which are under way at the same time: such storage answers many questions as
// fast as one, and the kernel puts one after the other. The operation itself is
// not given to the backend; it ends with its last part.
func (e *Engine) startParts(i int32) {
	w := e.ops.at(i)
	w.remote = true
	w.split = split{first: none, stop: w.length}
	for range partsAtOnce {
		e.startPart(i)
	}
}

// startPart begins the next part, if there is one.
func (e *Engine) startPart(i int32) {
	w := e.ops.at(i)
	n := min(partSize, w.split.stop-w.split.asked)
	if n <= 0 || w.orphaned {
		return
	}
	part := e.newOp(backend.Read, purposePart)
	p := e.ops.at(part)
	p.whole = i
	p.sibling, w.split.first = w.split.first, part
	p.node = w.node
	node := e.nodes.at(p.node)
	node.refs++
	node.users++
	mem.Ref(w.block)
	p.mount, p.fd, p.block = w.mount, w.fd, w.block
	p.first = none
	p.off = w.off
	p.filled = w.split.asked
	w.split.asked += n
	p.length = w.split.asked
	p.wait, p.waited = true, true
	e.startOp(part)
}

// partEnd is called when a part has ended. What was found wrong nearest to the
// beginning is what one read would have met.
func (e *Engine) partEnd(part int32, errno syscall.Errno) {
	p := e.ops.at(part)
	i := p.whole
	w := e.ops.at(i)
	if p.filled < p.length && p.filled < w.split.stop {
		w.split.stop, w.split.errno = p.filled, errno
		w.eof = p.eof
	}
	e.leaveWhole(part)
	e.endOp(part)
	e.startPart(i)
	e.wholeEnd(i)
}

// wholeEnd ends an operation without any part under way.
func (e *Engine) wholeEnd(i int32) {
	w := e.ops.at(i)
	if w.split.first != none {
		return
	}
	w.filled = w.split.stop
	e.readEnd(i, w.split.errno)
}

func (e *Engine) leaveWhole(part int32) {
	at := &e.ops.at(e.ops.at(part).whole).split.first
	for *at != part {
		at = &e.ops.at(*at).sibling
	}
	*at = e.ops.at(part).sibling
}

// orphanParts has the parts of an operation end that nobody waits for any
// more. It is over itself if none of them had been started.
func (e *Engine) orphanParts(i int32) {
	w := e.ops.at(i)
	for part := w.split.first; part != none; {
		next := e.ops.at(part).sibling
		if e.ops.at(part).queued {
			e.leaveWhole(part)
		}
		e.orphan(part)
		part = next
	}
	e.wholeEnd(i)
}

func (o *op) isWhole() bool { return o.split.asked > 0 }
