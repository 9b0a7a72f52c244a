package engine

import (
	"syscall"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/mem"
)

// piece is a part of a file that is in memory, or on its way.
type piece struct {
	block  uintptr // with a reference, or 0
	start  uint64  // file offset
	filled int
	op     int32 // that reads it, or none
	errno  int32
	eof    bool // the file ends behind it
}

// reading is what a READ or SCAN has read so far.
type reading struct {
	main, body, meta piece

	bodySize   uint64
	from, to   uint64 // the part of the body that is wanted
	lookedAt   int    // bytes of the body that have no empty line
	read       int    // bytes that the last chunk was to have
	extra      int64  // memory set aside for what is still to be read
	parsed     bool   // the message header
	waitHeader bool   // for the file header
	reserved   bool   // memory for the message is set aside
	scan       scanState
}

var noPiece = piece{op: none}

func (p *piece) bytes() []byte {
	if p.block == 0 {
		return nil
	}
	return abi.Bytes(p.block, p.filled)
}

// end is the file offset behind the piece.
func (p *piece) end() uint64 { return p.start + uint64(p.filled) }

// from returns the piece from a file offset on; empty if that is not in it.
func (p *piece) from(off uint64) []byte {
	if off < p.start || off >= p.end() {
		return nil
	}
	return p.bytes()[off-p.start:]
}

func (e *Engine) newReading(r *request) *reading {
	r.reading = e.readings.alloc()
	rd := e.readings.at(r.reading)
	*rd = reading{main: noPiece, body: noPiece, meta: noPiece}
	return rd
}

// endReading leaves the operations of a request and gives back its memory.
func (e *Engine) endReading(id int32) {
	r := e.requests.at(id)
	if r.reading == none {
		return
	}
	rd := e.readings.at(r.reading)
	if rd.waitHeader {
		e.unlink(&e.nodes.at(r.node).waiters, id)
	}
	e.dropPiece(id, &rd.main)
	e.dropPiece(id, &rd.body)
	e.dropPiece(id, &rd.meta)
	if rd.reserved {
		e.pool.EndReserve()
	}
	e.endClaim(rd)
	e.readings.release(r.reading)
	r.reading = none
}

// makeRoom drops a piece for another one to be read. What a request has claimed
// stays its own: if others took what the piece frees, the next one might not
// fit, and all would begin again for ever.
func (e *Engine) makeRoom(id int32, p *piece) {
	used := e.pool.Used()
	e.dropPiece(id, p)
	if r := e.requests.at(id); r.need != 0 {
		e.keep(e.readings.at(r.reading), used-e.pool.Used())
	}
}

// keep adds n bytes that a reading had a moment ago to what it has claimed.
func (e *Engine) keep(rd *reading, n int64) {
	if n > 0 {
		e.pool.Keep(n)
		rd.extra += n
	}
}

func (e *Engine) dropPiece(id int32, p *piece) {
	if p.op != none {
		e.leaveOp(p.op, id)
	}
	if p.block != 0 {
		e.pool.Unref(p.block)
	}
	*p = noPiece
}

// claim sets aside, before a request begins again that had to wait for memory,
// all that it was missing: else it would read its first piece, find that the
// next one does not fit, and begin again for ever. false: it has to wait on.
func (e *Engine) claim(id int32) bool {
	r := e.requests.at(id)
	if r.need == 0 {
		return true
	}
	if !e.pool.SetAside(r.need) {
		if r.op != abi.OpScan {
			e.endReading(id)
		}
		e.waitForMemory(id)
		return false
	}
	e.readings.at(r.reading).extra = r.need
	return true
}

// room is how much of the budget a reading could have now.
func (e *Engine) room(rd *reading) int64 {
	return e.pool.Budget() - e.pool.Used() + rd.extra
}

// allocate gets memory for a piece of a reading. Room for the message is set
// aside once for each reading.
func (e *Engine) allocate(rd *reading, n int) (uintptr, error) {
	claimed := rd.extra
	e.endClaim(rd)
	if rd.reserved {
		e.pool.EndReserve() // Alloc sets aside anew
		rd.reserved = false
		claimed += mem.MessageReserve
	}
	block, err := e.pool.Alloc(int64(n))
	if err != nil {
		e.keep(rd, claimed)
		return 0, err
	}
	rd.reserved = true
	e.keep(rd, claimed-mem.Size(block)-mem.MessageReserve)
	return block, nil
}

func (e *Engine) endClaim(rd *reading) {
	e.pool.PutBack(rd.extra)
	rd.extra = 0
}

// noMemory is called when n bytes could not be had: the request waits at the
// head of its flow until there are as many as it has now and n more, or fails
// if that can't be. hint is what the record is known to need by now, or 0.
func (e *Engine) noMemory(id int32, err error, n int, hint uint64) {
	if err != mem.ErrBudget {
		status, detail := memStatus(err)
		e.fail(id, status, 0, detail)
		return
	}
	r := e.requests.at(id)
	if hint != 0 {
		r.hint = hint
	}
	rd := e.readings.at(r.reading)
	need := mem.Need(n)
	for _, p := range [...]*piece{&rd.main, &rd.body, &rd.meta} {
		if p.block == 0 {
			continue
		}
		size := mem.Size(p.block)
		if p == &rd.main && rd.parsed {
			// It may have others' records too.
			size = min(size, mem.Need(int(min(rd.to, uint64(p.filled)))+2*lineGuess))
		}
		need += size
	}
	r.need = min(max(r.need, need), e.pool.Budget())
	if r.op == abi.OpScan {
		e.pauseScan(id)
	} else {
		e.endReading(id)
	}
	if e.pool.Used() == 0 {
		// All of the budget is free and does not do.
		status, detail := memStatus(mem.ErrTooBig)
		e.fail(id, status, 0, detail)
		return
	}
	e.waitForMemory(id)
}

// waitForMemory has a request wait at the head of its flow until there is as
// much as it needs.
func (e *Engine) waitForMemory(id int32) {
	e.requeue(id)
	e.queue.Hold(id)
	e.heldNeed = min(e.heldNeed, e.requests.at(id).need)
}

// startRead begins an operation that reads length bytes at off into block,
// whose reference passes to the operation. The operation serves the requests
// in the list that first begins. It can be over when startRead returns.
func (e *Engine) startRead(i int32, r *request, off uint64, block uintptr, length int) {
	o := e.ops.at(i)
	n := e.nodes.at(r.node)
	o.node = r.node
	n.refs++
	n.users++
	o.mount = n.mount
	o.fd = n.fd
	o.block = block
	o.off = off
	o.length = length
	e.stats.Reads++
	switch {
	case n.slow:
		o.wait = true
		o.waited = true
		if length > partSize {
			e.startParts(i)
			return
		}
	case !e.batching:
		done, errno := e.readCached(o)
		if done {
			e.readEnd(i, errno)
			return
		}
		o.waited = true
	}
	e.startOp(i)
}

// cachedStep bounds how long one call copies.
const cachedStep = 128 << 10

// readCached reads what is in the page cache. It reports whether that was
// all; what is missing is left to the backend, and to a worker if only time
// is missing.
func (e *Engine) readCached(o *op) (bool, syscall.Errno) {
	for o.filled < o.length {
		if o.filled > 0 && e.late() {
			o.wait = true
			return false, 0
		}
		n, errno := e.be.TryRead(o.fd, o.block+uintptr(o.filled), min(o.length-o.filled, cachedStep), o.off+uint64(o.filled))
		if errno == unix.EAGAIN {
			return false, 0
		}
		if errno != 0 {
			return true, errno
		}
		if n == 0 {
			o.eof = true
			return true, 0
		}
		o.filled += n
		e.stats.BytesRead += uint64(n)
	}
	return true, 0
}

// readDone is called when the backend has read n bytes. A short read is not
// the end of the file: only reading nothing is.
func (e *Engine) readDone(i int32, n int, errno syscall.Errno) {
	o := e.ops.at(i)
	o.filled += n
	e.stats.BytesRead += uint64(n)
	if errno == 0 && n == 0 {
		o.eof = true
	}
	if errno == 0 && !o.eof && o.filled < o.length && !o.orphaned {
		o.started = false
		e.startOp(i)
		return
	}
	e.readEnd(i, errno)
}

// readEnd gives the requests of an operation what it has read.
func (e *Engine) readEnd(i int32, errno syscall.Errno) {
	o := e.ops.at(i)
	switch o.purpose {
	case purposeHeader:
		e.headerEnd(i, errno)
		return
	case purposePart:
		e.partEnd(i, errno)
		return
	}
	first := o.first
	if o.waited {
		for id := first; id != none; id = e.requests.at(id).member {
			e.requests.at(id).waited = true
		}
	}
	if errno != 0 && first != none && e.requests.at(first).member != none {
		e.readAlone(i)
		return
	}
	for id := first; id != none; id = e.requests.at(id).member {
		p := e.pieceOf(id, o.purpose)
		*p = piece{
			block: o.block, start: o.off, filled: o.filled,
			op: none, errno: int32(errno), eof: o.eof,
		}
		mem.Ref(o.block)
	}
	e.endOp(i)
	for id := first; id != none; {
		r := e.requests.at(id)
		next := r.member
		r.member = none
		e.advance(id)
		id = next
	}
}

// readAlone has each request of a read that failed begin again by itself: what
// is broken for one of them must not be for its neighbours.
func (e *Engine) readAlone(i int32) {
	o := e.ops.at(i)
	id := o.first
	o.first = none
	for at := id; at != none; at = e.requests.at(at).member {
		e.readings.at(e.requests.at(at).reading).main.op = none
	}
	e.endOp(i)
	for id != none {
		r := e.requests.at(id)
		next := r.member
		r.member = none
		r.before, r.after = none, none
		e.endReading(id)
		e.beginRead(id)
		id = next
	}
}

func (e *Engine) pieceOf(id int32, purpose uint8) *piece {
	rd := e.readings.at(e.requests.at(id).reading)
	switch purpose {
	case purposeBody:
		return &rd.body
	case purposeMeta:
		return &rd.meta
	}
	return &rd.main
}

// readPiece has a part of the file read for one request. false: the request
// waits for memory, or has failed.
func (e *Engine) readPiece(id int32, purpose uint8, off uint64, length int, hint uint64) bool {
	e.makeRoom(id, e.pieceOf(id, purpose))
	block, err := e.allocate(e.readings.at(e.requests.at(id).reading), length)
	if err != nil {
		e.noMemory(id, err, length, hint)
		return false
	}
	e.readInto(id, purpose, off, block, length)
	return true
}

// readInto is readPiece for memory that was had.
func (e *Engine) readInto(id int32, purpose uint8, off uint64, block uintptr, length int) {
	r := e.requests.at(id)
	i := e.newOp(backend.Read, purpose)
	o := e.ops.at(i)
	o.first = id
	r.member = none
	e.pieceOf(id, purpose).op = i
	e.startRead(i, r, off, block, length)
}

// advance takes the next step of a request, if all that it waits for is there.
func (e *Engine) advance(id int32) {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	if rd.waitHeader || rd.main.op != none || rd.body.op != none || rd.meta.op != none {
		return
	}
	for _, p := range [...]*piece{&rd.main, &rd.body, &rd.meta} {
		if p.errno != 0 {
			e.fail(id, readFailed(syscall.Errno(p.errno)), p.errno, detailRead)
			return
		}
	}
	if r.op == abi.OpScan {
		e.advanceScan(id)
	} else {
		e.advanceRead(id)
	}
}

func readFailed(errno syscall.Errno) abi.Status {
	switch errno {
	case unix.EISDIR, unix.ESPIPE:
		return abi.ENOTFILE
	case unix.ENOMEM:
		return abi.ENOMEM
	}
	return abi.EIO
}
