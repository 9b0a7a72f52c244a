package engine

import (
	"syscall"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/backend"
	"libdbox_aio/go/mounts"
)

// What an operation is for.
const (
	purposeOpen uint8 = iota + 1
	purposeHeader
	purposeMain // the part of a record that begins with its header; a chunk
	purposeBody // a part of the body apart from its header
	purposeMeta // metadata apart from the body
	purposePart // a part of a long read, see split.go
	purposeStat
	purposeClose
)

// op is an operation from its start to its end. The requests that it serves
// can go away before; it then ends without them.
type op struct {
	block    uintptr // with a reference of the operation's own; or 0
	path     uintptr
	off      uint64
	length   int
	filled   int
	fd       int32
	file     int32 // with a reference, or none
	node     int32 // with a reference and a use, or none
	mount    int32
	first    int32 // of the requests served, linked by request.member
	next     int32 // in the queue of its mount
	whole    int32 // whose part it is
	sibling  int32 // the next one of its parts
	split    split // of a whole
	purpose  uint8
	kind     backend.Kind
	wait     bool
	remote   bool
	cached   bool   // an open that only asks the cache
	alone    uint64 // nearBegun, of an open that no other file was open beside
	call     uint32 // of the engine, in which it was begun
	retries  uint8
	worker   bool // takes a worker
	started  bool
	queued   bool // waits for its mount's turn
	waited   bool // was not answered by the cache
	orphaned bool // nobody waits for it
	eof      bool
}

// mountState is the load of one mount.
type mountState struct {
	inFlight   int // operations that take a worker
	deferred   int // operations that wait for one
	head, tail int32
}

func (e *Engine) newOp(kind backend.Kind, purpose uint8) int32 {
	i := e.ops.alloc()
	*e.ops.at(i) = op{
		kind: kind, purpose: purpose, fd: -1,
		file: none, node: none, first: none, next: none,
		split: split{first: none},
	}
	return i
}

func (e *Engine) mountState(m int32) *mountState {
	for int(m) >= len(e.mountOps) {
		e.mountOps = append(e.mountOps, mountState{head: none, tail: none})
	}
	return &e.mountOps[m]
}

// perMount is how many workers one mount may take.
func (e *Engine) perMount() int { return max(e.workers()/2, 1) }

// workers is how many operations may be with workers at once.
func (e *Engine) workers() int { return min(e.opts.MaxWorkers, e.opts.QueueDepth) }

// mayStart reports whether the backend may have the operation now.
func (e *Engine) mayStart(o *op) bool {
	if !o.worker {
		return e.inFlight-e.slow < e.opts.QueueDepth && (o.kind != backend.Read || e.turnLeft > 0)
	}
	return e.slow < e.workers() && e.mountState(o.mount).inFlight < e.perMount()
}

// startOp gives an operation to the backend, now or when it is its turn.
func (e *Engine) startOp(i int32) {
	o := e.ops.at(i)
	o.remote = o.mount == mounts.Unknown || !e.mounts.At(o.mount).Local
	o.worker = o.wait || o.remote || e.be.Pooled()
	if !o.remote {
		e.near++
		e.nearBegun++
		if e.narrow && e.near == 1 {
			o.alone = e.nearBegun
		}
	}
	m := e.mountState(o.mount)
	e.suitRights(o)
	if m.head == none && e.mayStart(o) {
		e.give(i)
		return
	}
	o.queued = true
	m.deferred++
	e.deferred++
	if m.tail == none {
		m.head = i
	} else {
		e.ops.at(m.tail).next = i
	}
	m.tail = i
	e.updateBlock(o.mount)
}

func (e *Engine) give(i int32) {
	o := e.ops.at(i)
	o.started, o.queued = true, false
	o.call = e.calls
	e.inFlight++
	if o.worker {
		e.slow++
		e.mountState(o.mount).inFlight++
		e.updateBlock(o.mount)
	}
	bop := &e.starting
	*bop = backend.Op{Tag: uint32(i), Kind: o.kind, Wait: o.wait, Remote: o.remote, Cached: o.cached, FD: o.fd, Path: o.path, Rights: e.otherRights(o)}
	switch o.kind {
	case backend.Read:
		bop.Buf = o.block + uintptr(o.filled)
		bop.Off = o.off + uint64(o.filled)
		bop.Len = uint32(min(o.length-o.filled, maxRead))
		if !o.worker && !o.waited {
			// The cache may answer while this thread waits.
			bop.Len = min(bop.Len, cachedStep)
			e.turnLeft -= int(bop.Len)
		}
	case backend.Stat:
		bop.Buf = o.block
	}
	e.be.Start(bop)
}

// maxRetries bounds how often an operation is begun again.
const maxRetries = 16

// maxRead is the most that Linux reads in one call (read(2), NOTES).
const maxRead = 0x7ffff000

// startDeferred starts what may start by now, one mount after the other.
func (e *Engine) startDeferred() {
	for e.deferred > 0 {
		progress := false
		for m := range e.mountOps {
			s := &e.mountOps[m]
			if s.head == none {
				continue
			}
			i := s.head
			e.suitRights(e.ops.at(i))
			if !e.mayStart(e.ops.at(i)) {
				continue
			}
			s.head = e.ops.at(i).next
			if s.head == none {
				s.tail = none
			}
			e.ops.at(i).next = none
			s.deferred--
			e.deferred--
			progress = true
			e.give(i)
			e.updateBlock(int32(m))
		}
		if !progress {
			return
		}
	}
}

// updateBlock tells the queue whether requests of a mount would only wait for
// a worker: on a mount that is not local each needs one; on a local one most
// are answered from the cache.
func (e *Engine) updateBlock(m int32) {
	s := e.mountState(m)
	load := s.deferred
	if m == mounts.Unknown || !e.mounts.At(m).Local {
		load += s.inFlight
	}
	e.queue.Block(m, load >= e.perMount())
}

// handle is called with each event of the backend.
func (e *Engine) handle(ev backend.Event) {
	i := int32(ev.Tag)
	o := e.ops.at(i)
	e.inFlight--
	if !o.remote {
		e.near--
	}
	if o.worker {
		e.slow--
		e.mountState(o.mount).inFlight--
		e.updateBlock(o.mount)
	}
	if o.orphaned && o.kind != backend.Close {
		e.stats.Late++
	}
	if o.call != e.calls {
		o.waited = true
	}
	var errno syscall.Errno
	n := ev.Res
	if n < 0 {
		errno, n = syscall.Errno(-ev.Res), 0
	}
	if o.kind == backend.Open && !o.orphaned {
		switch {
		case o.cached && (errno == unix.EAGAIN || errno == unix.ELOOP || errno == unix.EINVAL):
			e.notCached(i, errno)
			return
		case noDescriptor(errno) && o.alone != e.nearBegun && !o.remote:
			e.files.at(o.file).openOp = none
			e.crowded(o.file)
			e.endOp(i)
			return
		}
	}
	if (errno == unix.EINTR || errno == unix.EAGAIN) && o.kind != backend.Close && !o.orphaned && o.retries < maxRetries {
		// Somebody's signal, or a kernel out of memory for a moment: again,
		// by a worker.
		o.retries++
		o.wait = true
		o.started = false
		e.startOp(i)
		return
	}
	switch o.kind {
	case backend.Open:
		e.opened(i, n, errno)
	case backend.Read:
		e.readDone(i, int(n), errno)
	case backend.Stat:
		e.statDone(i, errno)
	default:
		e.closing--
		if errno == unix.ENOMEM {
			// No worker is to be had: it is still open.
			e.unclosed = append(e.unclosed, o.fd)
		}
		e.endOp(i)
	}
}

func (e *Engine) opened(i, fd int32, errno syscall.Errno) {
	o := e.ops.at(i)
	name, mount, inline := o.file, o.mount, o.cached
	f := e.files.at(name)
	switch {
	case !o.orphaned:
		f.openOp = none
		e.openDone(name, fd, errno, mount, inline)
	case errno == 0:
		e.closeLate(fd)
	}
	e.endOp(i)
}

// crowded is called when there are not enough descriptors for all files that
// are opened at the same time: those of local mounts are opened one at a time
// from now on.
func (e *Engine) crowded(file int32) {
	f := e.files.at(file)
	e.narrow = true
	for id := e.pop(&f.waiters); id != none; id = e.pop(&f.waiters) {
		e.requeue(id)
	}
}

func noDescriptor(errno syscall.Errno) bool {
	return errno == unix.EMFILE || errno == unix.ENFILE
}

// notCached goes on with an open that the cache could not answer.
func (e *Engine) notCached(i int32, errno syscall.Errno) {
	o := e.ops.at(i)
	name := o.file
	e.files.at(name).openOp = none
	e.openSlowly(name, errno)
	e.endOp(i)
}

// closeLate closes a descriptor that nobody waits for any more.
func (e *Engine) closeLate(fd int32) {
	var attr struct{ backend.Attr }
	mount, slow := int32(mounts.Unknown), true
	if e.be.Attr(fd, &attr.Attr) == 0 {
		mount = e.mounts.ByID(attr.MountID)
		slow = !e.mounts.At(mount).Local
	}
	e.closeFD(fd, mount, slow)
}

// endOp gives back what an operation has.
func (e *Engine) endOp(i int32) {
	o := e.ops.at(i)
	if o.block != 0 {
		e.pool.Unref(o.block)
	}
	if o.node != none {
		n := o.node
		e.dropUser(n)
		e.unrefNode(n)
	}
	if o.file != none {
		e.unrefFile(o.file)
	}
	e.ops.release(i)
}

// leaveOp takes a request out of those that an operation serves. Without any
// the operation is not needed any more.
func (e *Engine) leaveOp(i, id int32) {
	o := e.ops.at(i)
	at := &o.first
	for *at != id {
		if *at == none {
			return
		}
		at = &e.requests.at(*at).member
	}
	*at = e.requests.at(id).member
	if o.first == none {
		e.orphan(i)
	}
}

// orphan has an operation end without those it was for: at once if it has not
// been started, else when the backend says so.
func (e *Engine) orphan(i int32) {
	o := e.ops.at(i)
	o.orphaned = true
	if o.isWhole() {
		e.orphanParts(i)
		return
	}
	if o.started {
		e.be.Cancel(uint32(i))
		return
	}
	if !o.queued {
		return // whoever makes it sees that it serves nobody
	}
	m := e.mountState(o.mount)
	prev := none
	for at := m.head; at != i; at = e.ops.at(at).next {
		prev = at
	}
	if prev == none {
		m.head = o.next
	} else {
		e.ops.at(prev).next = o.next
	}
	if m.tail == i {
		m.tail = prev
	}
	m.deferred--
	e.deferred--
	if !o.remote {
		e.near--
	}
	e.updateBlock(o.mount)
	e.endOp(i)
}
