package engine

import (
	"bytes"
	"hash/maphash"
	"syscall"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/mem"
	"libdbox_aio/go/mounts"
)

// file is a name under which requests ask for a file: a handle, or a path
// that requests are waiting for.
type file struct {
	path    [2]uintptr // the path and the alternative one, C strings
	length  [2]uint16
	group   [2]int32 // the mount that the path seems to lie on
	local   [2]bool  // and whether an open may be tried at once
	handle  bool
	located uint32 // the mounts' generation at that time
	linked  bool   // some part of the path is a symbolic link
	own     bool   // of one request alone: not among the names
	rights  uint32 // with which it is to be opened; 0: those of this call
	cookie  uintptr
	number  uint64 // of a handle, as the front knows it
	refs    int32  // of requests, operations and the handle
	live    int32  // requests that are not ready yet
	node    int32  // the open file, or none
	openOp  int32
	attempt uint8
	waiters list // requests that wait for the open
	chain   int32
}

// names finds the files that requests share by their paths.
type names struct {
	seed  maphash.Seed
	table []int32
	used  int
}

func (n *names) init() {
	n.seed = maphash.MakeSeed()
	n.table = make([]int32, 256)
	for i := range n.table {
		n.table[i] = none
	}
}

func (n *names) hash(path, alt []byte) uint64 {
	return maphash.Bytes(n.seed, path) + 3*maphash.Bytes(n.seed, alt)
}

func (f *file) text(i int) []byte {
	if f.path[i] == 0 {
		return nil
	}
	return abi.Bytes(f.path[i], int(f.length[i]))
}

// byPath returns the file of a path that requests share, with one more
// reference. Those who do not have the same rights share nothing.
func (e *Engine) byPath(path, alt []byte) (int32, error) {
	h := e.names.hash(path, alt)
	for i := e.names.table[h&uint64(len(e.names.table)-1)]; i != none; i = e.files.at(i).chain {
		f := e.files.at(i)
		if bytes.Equal(f.text(0), path) && bytes.Equal(f.text(1), alt) && e.sameRights(f) {
			f.refs++
			return i, nil
		}
	}
	i, err := e.newFile(path, alt)
	if err != nil {
		return none, err
	}
	e.setRights(i)
	if e.names.used >= len(e.names.table) {
		e.growNames()
	}
	slot := &e.names.table[h&uint64(len(e.names.table)-1)]
	e.files.at(i).chain = *slot
	*slot = i
	e.names.used++
	return i, nil
}

func (e *Engine) growNames() {
	old := e.names.table
	e.names.table = make([]int32, 2*len(old))
	for i := range e.names.table {
		e.names.table[i] = none
	}
	for _, i := range old {
		for i != none {
			f := e.files.at(i)
			next := f.chain
			slot := &e.names.table[e.names.hash(f.text(0), f.text(1))&uint64(len(e.names.table)-1)]
			f.chain = *slot
			*slot = i
			i = next
		}
	}
}

// forget takes a file out of the names: later requests open the path afresh.
func (e *Engine) forget(i int32) {
	f := e.files.at(i)
	at := &e.names.table[e.names.hash(f.text(0), f.text(1))&uint64(len(e.names.table)-1)]
	for *at != none && *at != i {
		at = &e.files.at(*at).chain
	}
	if *at == i {
		*at = f.chain
		e.names.used--
	}
}

// newFile makes a file with one reference.
func (e *Engine) newFile(path, alt []byte) (int32, error) {
	at, err := e.pool.String(path)
	if err != nil {
		return none, err
	}
	var altAt uintptr
	if alt != nil {
		if altAt, err = e.pool.String(alt); err != nil {
			e.pool.FreeString(at, len(path))
			return none, err
		}
	}
	i := e.files.alloc()
	f := e.files.at(i)
	*f = file{
		path:    [2]uintptr{at, altAt},
		length:  [2]uint16{uint16(len(path)), uint16(len(alt))},
		refs:    1,
		node:    none,
		openOp:  none,
		waiters: list{none, none},
		chain:   none,
	}
	e.locate(f)
	return i, nil
}

// locate asks on which mounts the paths lie.
func (e *Engine) locate(f *file) {
	for k := range f.path {
		if f.path[k] != 0 {
			f.group[k], f.local[k] = e.mounts.Path(f.text(k))
		}
	}
	f.located = e.mounts.Generation()
}

// unrefFile drops a reference; the last one frees the name. The open file
// goes its own way.
func (e *Engine) unrefFile(i int32) {
	f := e.files.at(i)
	f.refs--
	if f.refs > 0 {
		return
	}
	if !f.handle && !f.own {
		e.forget(i)
	}
	if n := f.node; n != none {
		f.node = none
		e.nodes.at(n).file = none
		e.maybeClose(n)
		e.unrefNode(n)
	}
	for k := range f.path {
		if f.path[k] != 0 {
			e.pool.FreeString(f.path[k], int(f.length[k]))
		}
	}
	e.dropRights(f)
	e.files.release(i)
}

// OpenFile makes a handle for a path; nothing is opened yet. cookie is what
// results of its requests show as their file.
func (e *Engine) OpenFile(path, alt []byte, cookie uintptr) (uint64, abi.Status) {
	i, err := e.newFile(path, alt)
	if err != nil {
		return 0, abi.ENOMEM
	}
	e.sequence++
	f := e.files.at(i)
	f.handle = true
	f.cookie = cookie
	f.number = e.sequence<<32 | uint64(i)
	return f.number, abi.OK
}

// fileOf returns the slot of a handle.
func (e *Engine) fileOf(number uint64) (int32, bool) {
	i := int32(number & 0x7fffffff)
	if i >= e.files.size() {
		return none, false
	}
	f := e.files.at(i)
	return i, f.handle && f.refs > 0 && f.number == number
}

// CloseFile ends a handle. Requests on it finish; then the file is closed.
func (e *Engine) CloseFile(number uint64) abi.Status {
	i, ok := e.fileOf(number)
	if !ok {
		return abi.EINVAL
	}
	e.enter(e.opts.StallNS)
	f := e.files.at(i)
	f.number = 0
	if f.live == 0 && f.node != none {
		n := f.node
		f.node = none
		e.nodes.at(n).file = none
		e.maybeClose(n)
		e.unrefNode(n)
	}
	e.unrefFile(i)
	e.leave()
	return abi.OK
}

// open has the file opened, or joins an open that is under way; the request
// is called back by opened. It may be done at once.
func (e *Engine) open(id int32) {
	r := e.requests.at(id)
	f := e.files.at(r.file)
	r.state = stateOpening
	e.push(&f.waiters, id)
	if f.openOp != none || f.waiters.head != id {
		return
	}
	f.attempt = 0
	e.tryOpen(r.file)
}

// which returns the path of an attempt: the path, the alternative one where
// that is not there, and the path once more, since the file can have been
// moved back between the two.
func (f *file) which() int {
	if f.attempt == 1 {
		return 1
	}
	return 0
}

func (e *Engine) tryOpen(i int32) {
	f := e.files.at(i)
	k := f.which()
	e.stats.Opens++
	if !f.linked && f.located != e.mounts.Generation() {
		e.locate(f) // something was mounted since
	}
	switch {
	case !f.local[k] || !e.sameRights(f):
		e.startOpen(i, false)
	case e.batching:
		e.startOpen(i, true)
	default:
		fd, errno := e.be.TryOpen(f.path[k])
		if noDescriptor(errno) && e.near > 0 {
			e.crowded(i)
			return
		}
		if errno != unix.EAGAIN && errno != unix.ELOOP {
			e.openDone(i, fd, errno, f.group[k], true)
			return
		}
		e.openSlowly(i, errno)
	}
}

// openSlowly has a worker open a file for which the cache has said errno.
func (e *Engine) openSlowly(i int32, errno syscall.Errno) {
	f := e.files.at(i)
	if k := f.which(); errno == unix.ELOOP {
		// It leads to nobody knows where: no load of this mount.
		f.local[k], f.linked, f.group[k] = false, true, mounts.Unknown
		e.mounts.Linked(f.text(k), mounts.Unknown)
	}
	e.startOpen(i, false)
}

// startOpen begins the operation that opens a file, by a worker or, cached, by
// the next turn.
func (e *Engine) startOpen(i int32, cached bool) {
	f := e.files.at(i)
	k := f.which()
	o := e.newOp(backend.Open, purposeOpen)
	op := e.ops.at(o)
	op.file = i
	op.mount = f.group[k]
	op.path = f.path[k]
	op.wait = !cached
	op.cached = cached
	f.refs++
	f.openOp = o
	if e.narrow {
		e.be.Flush() // files that are to be closed soon
	}
	e.startOp(o)
}

// openDone is called with a descriptor or an errno.
func (e *Engine) openDone(i int32, fd int32, errno syscall.Errno, mount int32, inline bool) {
	f := e.files.at(i)
	if errno == unix.ENOENT && f.path[1] != 0 && f.attempt < 2 && f.waiters.head != none {
		f.attempt++
		e.tryOpen(i)
		return
	}
	n := none
	status, detail := abi.OK, uint16(0)
	if errno != 0 {
		status, detail = openFailed(errno)
	} else if n, status, errno = e.newNode(fd, mount, inline); n == none {
		detail = detailStat
		if status == abi.ENOTFILE {
			detail = detailNotFile
		}
	}
	if n != none {
		if f.waiters.head == none {
			// Nobody waits any more.
			e.closeOpen(n)
			e.unrefNode(n)
			return
		}
		f.node = n
		if f.linked {
			e.mounts.Linked(f.text(f.which()), e.nodes.at(n).mount)
		}
		e.nodes.at(n).file = i
		e.nodes.at(n).alt = f.attempt == 1
		// It must not be closed when the first of them ends at once.
		e.nodes.at(n).opening = true
		e.nodes.at(n).refs++
	}
	for {
		id := e.pop(&f.waiters)
		if id == none {
			break
		}
		if !inline {
			e.requests.at(id).waited = true
		}
		if n == none {
			e.fail(id, status, int32(errno), detail)
		} else {
			e.begin(id)
		}
	}
	if n != none {
		e.nodes.at(n).opening = false
		e.maybeClose(n)
		e.unrefNode(n)
	}
}

func openFailed(errno syscall.Errno) (abi.Status, uint16) {
	switch errno {
	case unix.ENOENT, unix.ENOTDIR:
		return abi.ENOENT, detailNoFile
	case unix.EACCES, unix.EPERM:
		return abi.EACCES, detailOpen
	case unix.EMFILE, unix.ENFILE:
		return abi.EMFILE, detailDescriptors
	case unix.ENOMEM:
		return abi.ENOMEM, detailOpen
	case unix.EISDIR, unix.ENXIO, unix.ENODEV:
		return abi.ENOTFILE, detailNotFile
	}
	return abi.EIO, detailOpen
}

// memStatus says what a failed allocation is to the host.
func memStatus(err error) (abi.Status, uint16) {
	if err == mem.ErrTooBig {
		return abi.ETOOBIG, detailBudget
	}
	return abi.ENOMEM, detailMemory
}
