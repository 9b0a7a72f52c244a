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

// from returns the piece from a file offset on; empty if it does not get
// there.
func (p *piece) from(off uint64) []byte {
	if off >= p.end() {
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
	e.readings.release(r.reading)
	r.reading = none
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

// allocate gets memory for a piece of a reading. Room for the message is set
// aside once for each reading.
func (e *Engine) allocate(rd *reading, n int) (uintptr, error) {
	block, err := e.pool.Alloc(int64(n))
	if err != nil {
		return 0, err
	}
	if rd.reserved {
		e.pool.EndReserve()
	}
	rd.reserved = true
	return block, nil
}

// noMemory is called when allocate failed: the request waits at the head of
// its flow until memory comes back, or fails if that can't help. hint is what
// the record is known to need by now, or 0.
func (e *Engine) noMemory(id int32, err error, hint uint64) {
	if err != mem.ErrBudget {
		status, detail := memStatus(err)
		e.fail(id, status, 0, detail)
		return
	}
	r := e.requests.at(id)
	if hint != 0 {
		r.hint = hint
	}
	if r.op == abi.OpScan {
		e.pauseScan(id)
	} else {
		e.endReading(id)
	}
	e.requeue(id)
	e.queue.Hold(id)
	e.heldMark = max(e.heldMark, e.pool.Used())
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
	if !n.slow {
		done, errno := e.readCached(o)
		if done {
			e.readEnd(i, errno)
			return
		}
	} else {
		o.wait = true
	}
	for id := o.first; id != none; id = e.requests.at(id).member {
		e.requests.at(id).waited = true
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
	if o.purpose == purposeHeader {
		e.headerEnd(i, errno)
		return
	}
	first := o.first
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
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	e.dropPiece(id, e.pieceOf(id, purpose))
	block, err := e.allocate(rd, length)
	if err != nil {
		e.noMemory(id, err, hint)
		return false
	}
	i := e.newOp(backend.Read, purpose)
	o := e.ops.at(i)
	o.first = id
	r.member = none
	e.pieceOf(id, purpose).op = i
	e.startRead(i, r, off, block, length)
	return true
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
