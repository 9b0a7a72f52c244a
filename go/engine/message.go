package engine

import (
	"unsafe"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/dbox"
	"libdbox_aio/go/mem"
)

func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// content says what a message is to be made of.
type content struct {
	holder   *piece // whose block the message keeps: that of the body
	bodySize uint64
	from, to uint64
	bodyAt   uint64 // file offset of the body
	first    uint64 // file offset of the first byte that raw may have
	metadata []byte // with its magic, or nil
	info     dbox.Metadata
	apart    bool // body and metadata were read apart: no raw
}

// makeMessage makes the message of a reading. It takes a reference to the
// block with the body.
func (e *Engine) makeMessage(r *request, rd *reading, c *content) (uintptr, error) {
	e.endClaim(rd)
	m, err := e.pool.Message(0, c.info.Lines, len(c.metadata))
	if err != nil {
		return 0, err
	}
	rd.reserved = false
	values := mem.ValuesOf(m, c.info.Lines)
	lines := dbox.MetadataLines(c.metadata)
	for key, value, ok := lines.Next(); ok; key, value, ok = lines.Next() {
		values.Add(key, value)
	}
	msg := abi.At[abi.Message](m)
	msg.BodySize = c.bodySize
	if r.flags&abi.NoBody == 0 {
		msg.Body = m // not NULL, also for no bytes at all
	}
	if p := c.holder; p != nil && p.block != 0 {
		mem.Ref(p.block)
		msg.Block = uint64(p.block)
		if c.to > c.from {
			msg.Body = p.block + uintptr(c.bodyAt+c.from-p.start)
			msg.BodyLength = c.to - c.from
		}
		if !c.apart {
			end := c.bodyAt + c.bodySize + uint64(len(c.metadata))
			msg.Raw = p.block + uintptr(c.first-p.start)
			msg.RawOffset = c.first
			msg.RawSize = min(end, p.end()) - c.first
		}
	}
	if c.metadata != nil {
		msg.Flags |= abi.MessageHasMetadata
		msg.RecordSize = c.bodyAt + c.bodySize + uint64(len(c.metadata)) - r.record
		r.resultFlags |= abi.HaveMetadata
		if c.info.External {
			r.resultFlags |= abi.External
		}
	}
	if c.to-c.from < c.bodySize {
		r.resultFlags |= abi.PartialBody
	}
	return m, nil
}

// deliverRead makes the message of a READ that has all it needs.
func (e *Engine) deliverRead(id int32) {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	n := e.nodes.at(r.node)
	c := content{
		holder:   &rd.main,
		bodySize: rd.bodySize,
		from:     rd.from,
		to:       rd.to,
		bodyAt:   e.bodyAt(r),
		first:    r.record,
		apart:    rd.body.block != 0 || rd.meta.block != 0,
	}
	if rd.body.block != 0 {
		c.holder = &rd.body
	} else if c.apart && c.to == c.from {
		c.holder = nil // nothing of it is shown
	}
	if r.record == uint64(n.header.Size) && rd.main.start == 0 {
		c.first = 0
	}
	if r.wantsMetadata() {
		at := c.bodyAt + rd.bodySize
		b := e.metadataPiece(rd, at).from(at)
		c.info, _ = dbox.ParseMetadata(b, true)
		c.metadata = b[:c.info.Size]
	}
	m, err := e.makeMessage(r, rd, &c)
	if err != nil {
		e.noMemory(id, err, mem.MessageSize(c.info.Lines, len(c.metadata)), 0)
		return
	}
	if r.flags&abi.WantFD != 0 && !e.giveDescriptor(id, m) {
		return
	}
	r.message = m
	e.finish(id)
}

// giveDescriptor puts a descriptor into a message, or fails the request.
func (e *Engine) giveDescriptor(id int32, m uintptr) bool {
	r := e.requests.at(id)
	fd, errno := e.takeDescriptor(r)
	if errno != 0 {
		e.pool.Drop(m)
		status, detail := openFailed(errno)
		e.fail(id, status, int32(errno), detail)
		return false
	}
	msg := abi.At[abi.Message](m)
	msg.FD = fd
	msg.Flags |= abi.MessageWantFD
	if e.nodes.at(r.node).slow {
		msg.Flags |= abi.MessageFDSlow
	}
	return true
}

// dropMessage takes back the message of a result, if there is one, that the
// host will not see.
func (e *Engine) dropMessage(r *request) {
	if r.message == 0 {
		return
	}
	m := abi.At[abi.Message](r.message)
	if m.FD >= 0 {
		e.reclaimFD(m.FD, m.Flags&abi.MessageFDSlow != 0)
	}
	e.pool.Drop(r.message)
	r.message = 0
}
