package engine

import (
	"syscall"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/posix"
	"libdbox_aio/go/dbox"
)

// headerGuess is what is read for a file header alone: today's has 16 bytes.
const headerGuess = 512

// wantHeader has a request wait until the header of its file is known, which
// can be so when it returns.
func (e *Engine) wantHeader(id int32) {
	r := e.requests.at(id)
	n := e.nodes.at(r.node)
	e.push(&n.waiters, id)
	if !n.reading {
		n.reading = true
		e.readHeader(r, headerGuess)
	}
}

func (e *Engine) readHeader(r *request, length int) {
	block, err := e.pool.Small(length)
	if err != nil {
		e.headerKnown(r.node, abi.ENOMEM, 0, detailMemory, 0)
		return
	}
	i := e.newOp(backend.Read, purposeHeader)
	e.startRead(i, r, 0, block, length)
}

// headerEnd is called when the beginning of a file has been read.
func (e *Engine) headerEnd(i int32, errno syscall.Errno) {
	o := e.ops.at(i)
	at := o.node
	n := e.nodes.at(at)
	if errno != 0 {
		e.endHeader(i, at, readFailed(errno), int32(errno), detailRead, 0)
		return
	}
	header, res := dbox.ParseFileHeader(abi.Bytes(o.block, o.filled), o.eof)
	switch {
	case res.OK():
		n.header = header
		n.known = true
		e.endHeader(i, at, abi.OK, 0, 0, 0)
	case res.Need != 0 && n.waiters.head != none:
		r := e.requests.at(n.waiters.head)
		n.refs++
		e.endOp(i)
		e.readHeader(r, max(res.Need, dbox.MaxFileHeaderSize))
		e.unrefNode(at)
	default:
		e.endHeader(i, at, statusOf(res.Rule), 0, detailOf(res.Rule), uint64(res.Offset))
	}
}

func (e *Engine) endHeader(i, at int32, status abi.Status, errno int32, detail uint16, offset uint64) {
	e.nodes.at(at).refs++
	e.endOp(i)
	e.headerKnown(at, status, errno, detail, offset)
	e.unrefNode(at)
}

// headerKnown lets those go on who wait for the header, or fail.
func (e *Engine) headerKnown(at int32, status abi.Status, errno int32, detail uint16, offset uint64) {
	n := e.nodes.at(at)
	n.reading = false
	for {
		id := e.pop(&n.waiters)
		if id == none {
			return
		}
		r := e.requests.at(id)
		if r.reading != none {
			e.readings.at(r.reading).waitHeader = false
		}
		switch {
		case status != abi.OK:
			r.errorOffset = offset
			e.fail(id, status, errno, detail)
		case r.op == abi.OpOpen:
			e.finish(id)
		default:
			e.advance(id)
		}
	}
}

// maxOffset is behind the end of any file, and far enough from the largest
// offset for any read to be added to it.
const maxOffset = 1 << 62

// begin takes the first step of a request whose file is open.
func (e *Engine) begin(id int32) {
	r := e.requests.at(id)
	r.state = stateActive
	e.leaveRun(id)
	e.use(r)
	if r.offset > maxOffset && (r.op == abi.OpRead || r.op == abi.OpScan) {
		r.errorOffset = e.nodes.at(r.node).attr.Size
		e.fail(id, abi.ETRUNCATED, 0, detailOf(dbox.RuleMessageHeaderTruncated))
		return
	}
	switch r.op {
	case abi.OpOpen:
		if e.nodes.at(r.node).known {
			e.beginStat(id) // the file may have grown
			return
		}
		e.wantHeader(id)
	case abi.OpStat:
		e.beginStat(id)
	case abi.OpRead:
		e.beginRead(id)
	default:
		e.beginScan(id)
	}
}

// beginStat asks for the attributes: what is cached is good enough only on a
// local file system.
func (e *Engine) beginStat(id int32) {
	r := e.requests.at(id)
	n := e.nodes.at(r.node)
	if !n.slow {
		if errno := e.be.Attr(n.fd, &n.attr); errno != 0 {
			e.fail(id, abi.EIO, int32(errno), detailStat)
			return
		}
		e.finish(id)
		return
	}
	e.startStat(id)
}

// startStat asks the storage for the attributes; statDone follows.
func (e *Engine) startStat(id int32) {
	r := e.requests.at(id)
	n := e.nodes.at(r.node)
	block, err := e.pool.Small(backend.StatBuffer)
	if err != nil {
		e.fail(id, abi.ENOMEM, 0, detailMemory)
		return
	}
	r.waited = true
	i := e.newOp(backend.Stat, purposeStat)
	o := e.ops.at(i)
	o.node = r.node
	n.refs++
	n.users++
	o.mount = n.mount
	o.fd = n.fd
	o.block = block
	o.wait = true
	o.first = id
	r.member = none
	r.statOp = i
	e.startOp(i)
}

func (e *Engine) statDone(i int32, errno syscall.Errno) {
	o := e.ops.at(i)
	id := o.first
	if id != none {
		r := e.requests.at(id)
		r.statOp = none
		if errno == 0 {
			posix.AttrAt(o.block, &e.nodes.at(o.node).attr)
		}
		e.endOp(i)
		switch {
		case r.op == abi.OpRead || r.op == abi.OpScan:
			e.rechecked(id)
		case errno != 0:
			e.fail(id, statFailed(errno), int32(errno), detailStat)
		default:
			e.finish(id)
		}
		return
	}
	e.endOp(i)
}

func statFailed(errno syscall.Errno) abi.Status {
	if errno == unix.ENOMEM {
		return abi.ENOMEM
	}
	return abi.EIO
}
