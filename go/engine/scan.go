package engine

import (
	"libdbox_aio/go/abi"
	"libdbox_aio/go/dbox"
	"libdbox_aio/go/mem"
)

// A SCAN reads a file chunk by chunk. After each chunk it goes back to the
// queue, so that it takes no more than its turn. Records lie in chunks whole;
// one that does not fit makes a chunk of its own, or, if not all of its body
// is wanted, is read through without being kept.
//
// Messages are made one at a time, when the host takes them: a host that does
// not hurry has one chunk in memory for each scan. A scan that waits for its
// turn has none: it could stand behind a request that waits for just that. One
// that keeps a part of a body does not wait behind others.

const (
	// scanChunk is what a scan reads at once.
	scanChunk = 256 << 10
	// slack is what a block may take beside its data.
	slack = 2 * 4096
	// skimChunk is what it reads at once of a body that nobody wants.
	skimChunk = 1 << 20
)

// scanState is where a scan is.
type scanState struct {
	pos    uint64 // file offset of the record that is next
	search uint64 // in a gap: where the next record is sought
	skim   uint64 // behind a body that is read through; or 0
	at     uint64 // up to where it, or the zeros, have been read
	need   uint64 // bytes from pos on that the next chunk must have

	begun bool
	more  bool // what is ready is one record, not the end
	gap   bool // behind a broken record
	zeros bool // all bytes from pos on have been zero

	status abi.Status // of the first broken record
	detail uint16
	record uint64
	offset uint64
}

// beginScan has the next chunk read.
func (e *Engine) beginScan(id int32) {
	r := e.requests.at(id)
	if r.reading == none {
		rd := e.newReading(r)
		rd.scan.pos = r.offset
	}
	rd := e.readings.at(r.reading)
	s := &rd.scan
	n := e.nodes.at(r.node)
	if rd.main.block == 0 && rd.body.block == 0 && rd.extra == 0 && !e.claim(id) {
		return
	}
	if !n.known && s.pos != 0 {
		rd.waitHeader = true
		e.wantHeader(id) // advanceScan follows
		return
	}
	e.readChunk(id)
}

func (e *Engine) readChunk(id int32) {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	s := &rd.scan
	n := e.nodes.at(r.node)
	start, length := s.pos, max(s.need, scanChunk)
	switch {
	case s.skim != 0:
		start = s.at
		// Up to the end of the body; then its metadata with what follows.
		length = scanChunk
		if start < s.skim {
			length = min(skimChunk, s.skim-start)
		}
	case s.gap:
		start, length = s.search, max(s.need, scanChunk)
	case s.zeros:
		start, length = s.at, skimChunk
	}
	if limit := uint64(e.pool.Budget()) / 8; length > limit && s.need < length {
		length = max(limit, s.need, startMax)
	}
	if s.skim != 0 {
		length = min(length, max(uint64(max(e.room(rd)-slack, 0)), startMax))
	}
	_ = e.be.Attr(n.fd, &n.attr)
	// One byte more than there is shows that the file ends there.
	rest := uint64(startMax)
	if n.attr.Size > start {
		rest = n.attr.Size - start + 1
	}
	if n.slow {
		// Where the size may be out of date, what is needed is asked for.
		rest = max(rest, min(s.need, scanChunk+uint64(rd.read)))
	}
	length = min(length, rest)
	rd.read = int(length)
	e.makeRoom(id, &rd.main)
	least := min(max(s.need, startMax), length)
	block, err := e.allocate(rd, int(length))
	for err == mem.ErrBudget && length > least {
		length = max(length/4, least)
		block, err = e.allocate(rd, int(length))
	}
	if err != nil {
		e.noMemory(id, err, int(length), 0)
		return
	}
	e.readInto(id, purposeMain, start, block, int(length))
}

// pauseScan gives back the memory of a scan that has to wait for memory. What
// it has looked at since the last record is looked at again.
func (e *Engine) pauseScan(id int32) {
	rd := e.readings.at(e.requests.at(id).reading)
	e.dropPiece(id, &rd.main)
	e.dropPiece(id, &rd.body)
	if rd.reserved {
		e.pool.EndReserve()
		rd.reserved = false
	}
	e.endClaim(rd)
	rd.scan.skim = 0
	rd.scan.zeros = false
	rd.lookedAt = 0
}

// advanceScan is called when a chunk is there, or the file header.
func (e *Engine) advanceScan(id int32) {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	n := e.nodes.at(r.node)
	if rd.main.block == 0 {
		e.readChunk(id)
		return
	}
	if !n.known {
		header, res := dbox.ParseFileHeader(rd.main.bytes(), rd.main.eof)
		switch {
		case res.OK():
			n.header, n.known = header, true
		case res.Need != 0:
			rd.scan.need = uint64(max(res.Need, dbox.MaxFileHeaderSize))
			e.readChunk(id)
			return
		default:
			r.errorOffset = uint64(res.Offset)
			e.fail(id, statusOf(res.Rule), 0, detailOf(res.Rule))
			return
		}
	}
	if !rd.scan.begun {
		rd.scan.begun = true
		if rd.scan.pos == 0 {
			rd.scan.pos = uint64(n.header.Size)
		}
	}
	e.scanOn(id)
}

// nextRecord is called when the host has taken a record: the next one is
// ready, or has to be read.
func (e *Engine) nextRecord(id int32) {
	r := e.requests.at(id)
	s := &e.readings.at(r.reading).scan
	s.more = false
	r.message, r.status, r.detail, r.errorOffset, r.resultFlags = 0, abi.OK, 0, 0, 0
	e.setDeadline(id)
	r.state = stateActive
	r.submitted = e.now() // latency is counted from the result before
	e.scanOn(id)
}

// scanOn looks at the chunk from the scan's position on, until there is
// something to deliver, or the chunk is used up.
func (e *Engine) scanOn(id int32) {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	s := &rd.scan
	for {
		if s.skim == 0 && !s.zeros && s.next() < rd.main.start {
			// What is next lies before the chunk.
			e.nextChunk(id)
			return
		}
		switch {
		case s.skim != 0:
			e.scanSkimmed(id)
			return
		case s.gap:
			k, looked := dbox.FindRecordMagic(rd.main.from(s.search), e.messageHeaderSize(r), rd.main.eof)
			if k < 0 {
				s.search += uint64(looked)
				e.chunkOrEnd(id)
				return
			}
			s.search += uint64(k)
			s.pos = s.search
		case s.zeros:
			if !dbox.AllZero(rd.main.from(max(s.pos, rd.main.start))) {
				s.zeros = false
				e.scanBroken(id, dbox.RuleMessageHeaderUnwritten, s.pos)
				return
			}
			e.chunkOrEnd(id)
			return
		case dbox.AllZero(rd.main.from(s.pos)):
			s.zeros = len(rd.main.from(s.pos)) > 0
			e.chunkOrEnd(id)
			return
		}
		if !e.scanRecord(id) {
			return
		}
	}
}

// next is the file offset at which the scan goes on looking.
func (s *scanState) next() uint64 {
	if s.gap {
		return s.search
	}
	return s.pos
}

// nextChunk has the scan wait for its turn to read on.
func (e *Engine) nextChunk(id int32) {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	e.makeRoom(id, &rd.main)
	if rd.body.block != 0 {
		// What it has, those before it in its flow could be waiting for.
		r.state = stateAgain
		e.push(&e.again, id)
		return
	}
	e.endClaim(rd)
	if rd.reserved {
		e.pool.EndReserve()
		rd.reserved = false
	}
	r.need = 0
	r.state = stateQueued
	e.queue.Push(id, e.groupOf(r), r.stream, r.prio, scanChunk)
}

func (e *Engine) messageHeaderSize(r *request) uint32 {
	return e.nodes.at(r.node).header.MessageHeaderSize
}

// chunkOrEnd goes on with the next chunk, or ends a scan at the file's end.
func (e *Engine) chunkOrEnd(id int32) {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	if !rd.main.eof {
		rd.scan.at = rd.main.end()
		e.nextChunk(id)
		return
	}
	if e.nodes.at(r.node).slow && !r.rechecked {
		e.recheck(id) // whether that is where the file ends
		return
	}
	s := &rd.scan
	r.record = s.pos
	if s.status != abi.OK {
		r.record, r.errorOffset = s.record, s.offset
	}
	e.fail(id, s.status, 0, s.detail)
}

// scanRechecked goes on from the scan's position if the file is longer than
// it had seemed, or ends the scan.
func (e *Engine) scanRechecked(id int32, grown bool) {
	if !grown {
		e.scanOn(id)
		return
	}
	e.pauseScan(id)
	e.readChunk(id)
}

// scanRecord looks at the record at the scan's position. true: go on at once,
// with a position that has changed.
func (e *Engine) scanRecord(id int32) bool {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	s := &rd.scan
	mhs := e.messageHeaderSize(r)
	b := rd.main.from(s.pos)
	size, res := dbox.ParseMessageHeader(b, mhs, rd.main.eof)
	if !res.OK() {
		return e.scanNeeds(id, res, uint64(mhs), s.pos)
	}
	r.record = s.pos
	bodyAt := s.pos + uint64(mhs)
	rd.bodySize = size
	rd.from, rd.to = r.window(size)
	have := min(uint64(len(rd.main.from(bodyAt))), size)
	if n := e.nodes.at(r.node); have < size && !rd.main.eof {
		// The header can claim any size: is there so much?
		if _, rule := dbox.BodyEnd(s.pos, mhs, size, n.attr.Size); rule != dbox.RuleNone {
			if n.slow && !r.rechecked {
				e.recheck(id)
				return false
			}
			return e.scanBroken(id, rule, n.attr.Size)
		}
	}
	if m := e.opts.MaxMessageSize; m != 0 && size+uint64(mhs) > m {
		return e.scanTooBig(id, bodyAt+size, detailMaxSize)
	}
	if have < size && rd.main.eof && e.nodes.at(r.node).slow && !r.rechecked {
		e.recheck(id)
		return false
	}
	if have < size && rd.main.eof {
		return e.scanBroken(id, dbox.RuleBodyTruncated, rd.main.end())
	}
	if r.headersOnly() {
		k := dbox.FindEmptyLine(rd.main.from(bodyAt)[:have])
		if k < 0 && have < size {
			return e.scanGrow(id, uint64(mhs)+e.grown(have, size))
		}
		if k >= 0 {
			rd.to = uint64(k)
		}
	}
	if rd.to > have && rd.to > rd.from {
		// With what is wanted to its end, room for the metadata too.
		return e.scanGrow(id, uint64(mhs)+rd.to+metaGuess)
	}
	if have < size {
		e.startSkim(id, bodyAt+size)
		return false
	}
	at := bodyAt + size
	md, res := dbox.ParseMetadata(rd.main.from(at), rd.main.eof)
	if !res.OK() {
		known := at - s.pos
		grown := known + uint64(max(res.Need, 4*len(rd.main.from(at)), metaGuess))
		return e.scanNeeds(id, res, grown, at)
	}
	b = rd.main.from(at)[:md.Size]
	if k := dbox.Unended(b); k >= 0 {
		return e.scanBroken(id, dbox.RuleMetadataUnended, at+uint64(k))
	}
	e.scanDeliver(id, b, md, &rd.main, false)
	return false
}

// scanNeeds handles a parser's answer other than OK about the bytes at off.
func (e *Engine) scanNeeds(id int32, res dbox.Result, need, off uint64) bool {
	if res.Need != 0 {
		return e.scanGrow(id, need)
	}
	if r := e.requests.at(id); res.Rule.Status() == dbox.StatusTruncated && e.nodes.at(r.node).slow && !r.rechecked {
		e.recheck(id)
		return false
	}
	return e.scanBroken(id, res.Rule, off+uint64(res.Offset))
}

// scanGrow has a chunk read that begins with the record and has so many bytes
// at least.
func (e *Engine) scanGrow(id int32, need uint64) bool {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	s := &rd.scan
	if need > uint64(e.pool.Budget()) {
		return e.scanTooBig(id, s.pos+uint64(e.messageHeaderSize(r))+rd.bodySize, detailBudget)
	}
	s.need = need
	if s.gap {
		s.search = s.pos // to be found again
	}
	e.chunkOrEnd(id)
	return false
}

// scanTooBig reports a record that may not be read; behind is where its body
// ends.
func (e *Engine) scanTooBig(id int32, behind uint64, detail uint16) bool {
	rd := e.readings.at(e.requests.at(id).reading)
	if rd.scan.gap {
		// The gap was reported; whether this is a record can't be told.
		rd.scan.search = rd.scan.pos + 1
		return true
	}
	rd.scan.search = behind
	return e.scanReport(id, abi.ETOOBIG, detail, rd.scan.pos)
}

// scanBroken reports a record that breaks a rule at off.
func (e *Engine) scanBroken(id int32, rule dbox.Rule, off uint64) bool {
	s := &e.readings.at(e.requests.at(id).reading).scan
	s.zeros = false
	if s.gap {
		// The gap was reported; this was no record.
		s.search = s.pos + 1
		return true
	}
	s.search = s.pos
	if rule != dbox.RuleMessageMagic {
		s.search++
	}
	return e.scanReport(id, statusOf(rule), detailOf(rule), off)
}

func (e *Engine) scanReport(id int32, status abi.Status, detail uint16, off uint64) bool {
	r := e.requests.at(id)
	s := &e.readings.at(r.reading).scan
	r.record, r.errorOffset = s.pos, off
	if s.status == abi.OK {
		s.status, s.detail, s.record, s.offset = status, detail, s.pos, off
	}
	if r.flags&abi.Resync == 0 {
		e.fail(id, status, 0, detail)
		return false
	}
	r.status, r.detail = status, detail
	s.gap = true
	s.need = 0
	e.scanReady(id)
	return false
}

// scanReady has the host take what the request has now; nextRecord follows.
func (e *Engine) scanReady(id int32) {
	r := e.requests.at(id)
	e.readings.at(r.reading).scan.more = true
	e.clearDeadline(id)
	r.state = stateReady
	r.ended = e.now()
	e.pushReady(id)
}

// startSkim begins to read through a body of which no more is wanted: what is
// wanted of it, if anything, is kept.
func (e *Engine) startSkim(id int32, behind uint64) {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	rd.scan.skim = behind
	rd.scan.at = rd.main.end()
	if rd.to > rd.from {
		rd.body = rd.main
		rd.main = noPiece
	}
	e.nextChunk(id)
}

// scanSkimmed is called when a piece of such a body has been read, or the
// metadata behind it.
func (e *Engine) scanSkimmed(id int32) {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	s := &rd.scan
	if rd.main.end() <= s.skim && !rd.main.eof {
		e.chunkOrEnd(id)
		return
	}
	at := s.skim
	if end := rd.main.end(); end < at {
		e.skimBroken(id, dbox.RuleBodyTruncated, end)
		return
	}
	md, res := dbox.ParseMetadata(rd.main.from(at), rd.main.eof)
	if res.OK() {
		if k := dbox.Unended(rd.main.from(at)[:md.Size]); k >= 0 {
			res = dbox.Result{Rule: dbox.RuleMetadataUnended, Offset: k}
		}
	}
	switch {
	case res.OK():
		holder := &rd.body
		if rd.to == rd.from {
			holder = nil
		}
		r.record = s.pos
		s.skim = 0
		e.scanDeliver(id, rd.main.from(at)[:md.Size], md, holder, true)
	case res.Need != 0:
		// Longer than a chunk: again with a larger one.
		length := max(res.Need, 4*len(rd.main.from(at)), metaGuess)
		e.readPiece(id, purposeMain, at, min(length, dbox.MaxMetadataSize), 0)
	default:
		e.skimBroken(id, res.Rule, at+uint64(res.Offset))
	}
}

// skimBroken reports a record that is broken behind what was kept of it. The
// next one is sought right behind its beginning, which has to be read again.
func (e *Engine) skimBroken(id int32, rule dbox.Rule, off uint64) {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	rd.scan.skim = 0
	e.dropPiece(id, &rd.main)
	e.dropPiece(id, &rd.body)
	e.scanBroken(id, rule, off)
	if r.state == stateActive {
		e.scanOn(id)
	}
}

// scanDeliver makes the message of a record that is whole.
func (e *Engine) scanDeliver(id int32, metadata []byte, md dbox.Metadata, holder *piece, apart bool) {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	s := &rd.scan
	n := e.nodes.at(r.node)
	c := content{
		holder:   holder,
		bodySize: rd.bodySize,
		from:     rd.from,
		to:       rd.to,
		bodyAt:   e.bodyAt(r),
		first:    r.record,
		apart:    apart,
	}
	if r.record == uint64(n.header.Size) && holder != nil && holder.start == 0 && rd.main.end() >= n.attr.Size {
		c.first = 0
	}
	next := c.bodyAt + rd.bodySize + uint64(md.Size)
	if r.wantsMetadata() {
		c.metadata, c.info = metadata, md
	}
	if !rd.reserved && !e.pool.TryReserve() {
		e.noMemory(id, mem.ErrBudget, mem.MessageReserve, 0)
		return
	}
	rd.reserved = true
	m, err := e.makeMessage(r, rd, &c)
	if err != nil {
		e.noMemory(id, err, mem.MessageSize(c.info.Lines, len(c.metadata)), 0)
		return
	}
	if r.flags&abi.WantFD != 0 && !e.giveDescriptor(id, m) {
		return
	}
	e.dropPiece(id, &rd.body)
	r.message = m
	r.need = 0
	s.pos = next
	s.gap = false
	s.need = 0
	rd.lookedAt = 0
	e.scanReady(id)
}
