package engine

import (
	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/dbox"
	"libdbox_aio/go/mem"
)

const (
	// lineGuess is more than a file header of today takes (16 bytes).
	lineGuess = 64
	// startMax: a record that begins this near the file's start is read
	// together with the file header.
	startMax = 4096
	// blockGuess is the first read where only the beginning is wanted.
	blockGuess = 8 << 10
	// wholeMax is the largest file that is read whole for a record of which
	// only the start is known: sdbox, where it is all of the file.
	wholeMax = 8 << 20
	// tailMax is the same for a record inside a file.
	tailMax = 256 << 10
	// recordGuess is the first read of a record about which nothing is known.
	recordGuess = 32 << 10
	// maxGuess is a hint's weight in the queue, and what is read for a hint
	// that is larger than the budget.
	maxGuess = 64 << 10
	// metaGuess is the first read of metadata apart from its body.
	metaGuess = 1 << 10
)

// plain reports whether the whole body is wanted.
func (r *request) plain() bool {
	return r.bodyOffset == 0 && r.bodyLimit == 0 && r.flags&(abi.NoBody|abi.HeadersOnly) == 0
}

// headersOnly: NO_BODY asks for even less.
func (r *request) headersOnly() bool {
	return r.flags&(abi.HeadersOnly|abi.NoBody) == abi.HeadersOnly
}

func (r *request) windowed() bool { return r.bodyOffset != 0 || r.bodyLimit != 0 }

// beginRead has the first piece of a record read, if possible all of it.
func (e *Engine) beginRead(id int32) {
	r := e.requests.at(id)
	n := e.nodes.at(r.node)
	rd := e.newReading(r)
	if !e.claim(id) {
		return
	}
	start, length := e.plan(r, n)
	if r.need == 0 && e.gather(id, start, length) {
		return
	}
	if r.need != 0 {
		length = min(length, int(r.need))
	}
	block, err := e.allocate(rd, length)
	// The length is a guess or the host's: what the record really needs, its
	// header tells.
	for _, less := range [...]int{recordGuess, blockGuess, metaGuess} {
		if err == nil || err == mem.ErrNoMemory {
			break
		}
		if less < length {
			length = less
			block, err = e.allocate(rd, length)
		}
	}
	if err != nil {
		e.noMemory(id, err, length, 0)
		return
	}
	e.readMain(id, start, block, length)
}

// readMain starts the operation that reads the first piece for a request, and
// for those that gather has linked behind it.
func (e *Engine) readMain(first int32, start uint64, block uintptr, length int) {
	r := e.requests.at(first)
	needHeader := !e.nodes.at(r.node).known && start > 0
	i := e.newOp(backend.Read, purposeMain)
	e.ops.at(i).first = first
	for id := first; id != none; id = e.requests.at(id).member {
		rd := e.readings.at(e.requests.at(id).reading)
		rd.main.op = i
	}
	if needHeader {
		for id := first; id != none; id = e.requests.at(id).member {
			if r := e.requests.at(id); !e.nodes.at(r.node).known {
				e.readings.at(r.reading).waitHeader = true
				e.wantHeader(id)
			}
		}
		if e.ops.at(i).first == none {
			// The header is broken: all have failed already.
			e.pool.Unref(block)
			e.ops.release(i)
			return
		}
		r = e.requests.at(e.ops.at(i).first)
	}
	e.startRead(i, r, start, block, length)
}

// plan says what is to be read first: where, and how much.
func (e *Engine) plan(r *request, n *node) (start uint64, length int) {
	if f := n.file; f != none && e.files.at(f).handle && r.offset+max(r.hint, 1) > n.attr.Size {
		// The file may have grown since it was opened.
		_ = e.be.Attr(n.fd, &n.attr)
	}
	start = r.offset
	if r.offset == 0 || !n.known && r.offset <= startMax {
		start = 0
	}
	lead := r.offset - start
	if r.offset == 0 {
		lead = lineGuess
	}
	rest := uint64(0)
	if n.attr.Size > r.offset {
		rest = n.attr.Size - r.offset
	}
	want := r.firstRead(rest)
	if rest == 0 {
		// Nothing there, as far as is known: look. A read of nothing would
		// say that the file ends, whatever is there by now.
		if want == 0 || want > metaGuess {
			want = metaGuess
		}
	} else {
		want = min(want, rest)
		if start == 0 {
			return 0, int(min(want+lead, n.attr.Size))
		}
	}
	return start, int(want + lead)
}

// firstRead is how many bytes of a record are read at first; rest is how many
// the file has from there on.
func (r *request) firstRead(rest uint64) uint64 {
	whole := rest
	if r.hint != 0 {
		whole = r.hint
	}
	switch {
	case r.flags&abi.NoBody != 0:
		if whole <= 2*blockGuess {
			return whole
		}
		return metaGuess
	case r.flags&abi.HeadersOnly != 0:
		if whole <= 4*blockGuess {
			return whole
		}
		return blockGuess
	case r.windowed():
		if whole <= 4*blockGuess {
			return whole
		}
		end := r.bodyOffset + r.bodyLimit
		if r.bodyLimit != 0 && end >= r.bodyOffset && end <= maxGuess {
			return end + 2*lineGuess
		}
		return metaGuess
	case r.hint != 0:
		return r.hint
	case r.offset == 0 && rest <= wholeMax, r.offset != 0 && rest <= tailMax:
		return rest
	}
	return recordGuess
}

// advanceRead looks at what has been read, and has more read or ends.
func (e *Engine) advanceRead(id int32) {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	n := e.nodes.at(r.node)
	if !n.known {
		header, res := dbox.ParseFileHeader(rd.main.bytes(), rd.main.eof)
		if !res.OK() {
			e.needOrFail(id, 0, res, dbox.MaxFileHeaderSize)
			return
		}
		n.header, n.known = header, true
	}
	r.record = r.offset
	if r.record == 0 {
		r.record = uint64(n.header.Size)
	}
	if !rd.parsed && !e.parseMessageHeader(id) {
		return
	}
	if !e.findBody(id) || !e.findMetadata(id) {
		return
	}
	e.deliverRead(id)
}

// needOrFail ends a request whose bytes at off are broken, or reads more: as
// much as is needed, and at least length bytes from off on.
func (e *Engine) needOrFail(id int32, off uint64, res dbox.Result, length int) {
	r := e.requests.at(id)
	if res.Need == 0 {
		r.errorOffset = off + uint64(res.Offset)
		e.broken(id, res.Rule)
		return
	}
	end := off + uint64(max(res.Need, length))
	if size := e.nodes.at(r.node).attr.Size; end > size && off+uint64(res.Need) <= size {
		end = size // more than what is needed was only a wish
	}
	e.rereadMain(id, end)
}

// rereadMain reads the main piece again, up to the file offset end: in one
// piece, so that no byte has to be copied.
func (e *Engine) rereadMain(id int32, end uint64) {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	start := rd.main.start
	if n := e.nodes.at(r.node); n.known && r.offset != 0 {
		start = r.offset // perhaps it was read together with others
	}
	end, ok := e.justified(r, rd.main.end(), end)
	if !ok {
		size := e.nodes.at(r.node).attr.Size
		if rd.main.end() < size {
			e.truncated(id, size)
			return
		}
		// All of the file is there: the parser knows what is missing.
		rd.main.eof = true
		e.advanceRead(id)
		return
	}
	if start > end || end-start > uint64(e.pool.Budget()) {
		status, detail := memStatus(mem.ErrTooBig)
		e.fail(id, status, 0, detail)
		return
	}
	hint := uint64(0)
	if r.plain() && end > r.offset {
		hint = end - r.offset
	}
	e.readPiece(id, purposeMain, start, int(end-start), hint)
}

// justified lowers the end of what is to be read to what the file's size
// justifies: a record header can claim any size. have is the end of what has
// been read. false: the file ends before.
func (e *Engine) justified(r *request, have, end uint64) (uint64, bool) {
	n := e.nodes.at(r.node)
	_ = e.be.Attr(n.fd, &n.attr)
	if end <= n.attr.Size {
		return end, true
	}
	if !n.slow {
		return end, false
	}
	// On a network file system the size can be out of date: one byte more
	// than there should be shows whether it is.
	return min(end, max(n.attr.Size+1, have+maxGuess)), true
}

func (e *Engine) parseMessageHeader(id int32) bool {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	n := e.nodes.at(r.node)
	mhs := n.header.MessageHeaderSize
	size, res := dbox.ParseMessageHeader(rd.main.from(r.record), mhs, rd.main.eof)
	if !res.OK() {
		e.needOrFail(id, r.record, res, int(mhs))
		return false
	}
	if m := e.opts.MaxMessageSize; m != 0 && size+uint64(mhs) > m {
		r.errorOffset = r.record
		e.fail(id, abi.ETOOBIG, 0, detailMaxSize)
		return false
	}
	if (!r.wantsMetadata() || size > maxOffset) && !e.bodyEnds(id, size) {
		return false
	}
	rd.parsed = true
	rd.bodySize = size
	rd.from, rd.to = r.window(size)
	return true
}

// bodyEnds reports whether a body ends inside the file. Its metadata, which
// lies behind it, shows that too, unless it is not read, or could not be: there
// is no reading at such offsets.
func (e *Engine) bodyEnds(id int32, size uint64) bool {
	r := e.requests.at(id)
	n := e.nodes.at(r.node)
	mhs := n.header.MessageHeaderSize
	_, rule := dbox.BodyEnd(r.record, mhs, size, n.attr.Size)
	if rule != dbox.RuleNone {
		// The file may have grown since.
		_ = e.be.Attr(n.fd, &n.attr)
		_, rule = dbox.BodyEnd(r.record, mhs, size, n.attr.Size)
	}
	if rule != dbox.RuleNone {
		e.truncated(id, n.attr.Size)
		return false
	}
	return true
}

// window returns the part of a body of that size that the request wants.
func (r *request) window(size uint64) (from, to uint64) {
	if r.flags&abi.NoBody != 0 {
		return 0, 0
	}
	from = min(r.bodyOffset, size)
	to = size
	if r.bodyLimit != 0 && r.bodyLimit < size-from {
		to = from + r.bodyLimit
	}
	return from, to
}

// bodyAt is the file offset of the body.
func (e *Engine) bodyAt(r *request) uint64 {
	return r.record + uint64(e.nodes.at(r.node).header.MessageHeaderSize)
}

func (r *request) wantsMetadata() bool { return r.flags&abi.NoMetadata == 0 }

// findBody reports whether the part of the body that is wanted is there; if
// not, it is being read, or the request has failed.
func (e *Engine) findBody(id int32) bool {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	at := e.bodyAt(r)
	if rd.body.block != 0 {
		if rd.body.end() < at+rd.to {
			e.truncated(id, rd.body.end())
			return false
		}
		return true
	}
	have := min(uint64(len(rd.main.from(at))), rd.bodySize)
	if r.headersOnly() && !e.findEmptyLine(id, at, have) {
		return false
	}
	if rd.to <= have || rd.to == rd.from {
		return true
	}
	if rd.main.eof {
		e.truncated(id, rd.main.end())
		return false
	}
	if rd.from == 0 {
		end := at + rd.to
		if rd.to == rd.bodySize && r.wantsMetadata() {
			end = e.withMetadata(r, end)
		}
		e.rereadMain(id, end)
		return false
	}
	return e.readApart(id, at)
}

// withMetadata adds to the end of a body what its metadata may take: what the
// hint says, or a guess, but nothing behind the end of the file.
func (e *Engine) withMetadata(r *request, end uint64) uint64 {
	n := e.nodes.at(r.node)
	guess := end + metaGuess
	if h := r.offset + r.hint; r.hint != 0 && h > end && h-end <= 16*metaGuess {
		guess = h
	}
	if n.attr.Size >= end && n.attr.Size < guess {
		guess = n.attr.Size
	}
	return guess
}

// readApart reads a window of the body, and the metadata at the same time.
func (e *Engine) readApart(id int32, at uint64) bool {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	if end, ok := e.justified(r, at+rd.from, at+rd.to); !ok || end < at+rd.to {
		e.truncated(id, e.nodes.at(r.node).attr.Size)
		return false
	}
	if rd.to-rd.from > uint64(e.pool.Budget()) {
		e.fail(id, abi.ETOOBIG, 0, detailBudget)
		return false
	}
	// All that the main piece had to tell is known, and its memory may be
	// what is missing.
	e.makeRoom(id, &rd.main)
	if !e.readPiece(id, purposeBody, at+rd.from, int(rd.to-rd.from), 0) {
		return false
	}
	// If the body was there at once, the request has gone on already.
	if r.state != stateActive || r.reading == none || e.readings.at(r.reading) != rd || rd.body.op == none {
		return false
	}
	// Without the memory for both, the metadata comes after the body.
	if r.wantsMetadata() && rd.meta == noPiece && e.room(rd) >= metaGuess+slack {
		e.readMetadata(id, at+rd.bodySize, metaGuess)
	}
	return false
}

// findEmptyLine looks for the end of the mail's header in the part of the
// body that is there, and reads more if it needs to.
func (e *Engine) findEmptyLine(id int32, at, have uint64) bool {
	rd := e.readings.at(e.requests.at(id).reading)
	body := rd.main.from(at)[:have]
	if k := dbox.FindEmptyLineFrom(body, rd.lookedAt); k >= 0 {
		rd.to = uint64(k)
		return true
	}
	rd.lookedAt = len(body)
	if have == rd.bodySize {
		rd.to = rd.bodySize
		return true
	}
	if rd.main.eof {
		e.truncated(id, rd.main.end())
		return false
	}
	e.rereadMain(id, at+e.grown(have, rd.bodySize))
	return false
}

// grown is how much of a body is to be read where have bytes of it did not
// have its first empty line: four times as much, if the budget allows that.
func (e *Engine) grown(have, size uint64) uint64 {
	most := uint64(e.pool.Budget()) * 3 / 4
	if have < most {
		return min(4*max(have, blockGuess), max(most, have+1), size)
	}
	return min(have+have/8+1, size)
}

func (e *Engine) truncated(id int32, off uint64) {
	e.requests.at(id).errorOffset = off
	e.broken(id, dbox.RuleBodyTruncated)
}

// broken ends a READ whose record breaks a rule. On a network file system a
// file seems to end where the kernel believes that it does, which can be out
// of date: there the size is asked for first.
func (e *Engine) broken(id int32, rule dbox.Rule) {
	r := e.requests.at(id)
	n := e.nodes.at(r.node)
	if rule.Status() != dbox.StatusTruncated || !n.slow || r.rechecked {
		e.fail(id, statusOf(rule), 0, detailOf(rule))
		return
	}
	r.status, r.detail = statusOf(rule), detailOf(rule)
	e.recheck(id)
}

// recheck has the size of a file asked for where it really is; rechecked
// follows.
func (e *Engine) recheck(id int32) {
	r := e.requests.at(id)
	r.rechecked = true
	r.sizeBefore = e.nodes.at(r.node).attr.Size
	// Another request can have asked since this one found the file's end.
	rd := e.readings.at(r.reading)
	for _, p := range [...]*piece{&rd.main, &rd.body, &rd.meta} {
		if p.block != 0 && p.eof {
			r.sizeBefore = min(r.sizeBefore, p.end())
		}
	}
	e.startStat(id)
}

// rechecked lets a request begin again if the file has grown, or end as it
// was about to.
func (e *Engine) rechecked(id int32) {
	r := e.requests.at(id)
	status, detail := r.status, r.detail
	r.status, r.detail = abi.OK, 0
	grown := e.nodes.at(r.node).attr.Size > r.sizeBefore
	switch {
	case r.op == abi.OpScan:
		e.scanRechecked(id, grown)
	case grown:
		r.errorOffset = 0
		r.before, r.after = none, none // they may be others' by now
		e.endReading(id)
		e.beginRead(id)
	default:
		e.fail(id, status, 0, detail)
	}
}

// findMetadata reports whether all of the metadata is there, if it is wanted.
func (e *Engine) findMetadata(id int32) bool {
	r := e.requests.at(id)
	rd := e.readings.at(r.reading)
	if !r.wantsMetadata() {
		return true
	}
	at := e.bodyAt(r) + rd.bodySize
	p := e.metadataPiece(rd, at)
	if p == nil {
		if rd.main.eof {
			e.truncated(id, rd.main.end())
			return false
		}
		e.readMetadata(id, at, metaGuess)
		return false
	}
	_, res := dbox.ParseMetadata(p.from(at), p.eof)
	switch {
	case res.OK():
		return true
	case res.Need != 0:
		e.readMetadata(id, at, max(res.Need, 4*len(p.from(at)), metaGuess))
	case p == &rd.meta && p.filled == 0 && p.eof:
		e.truncated(id, e.fileEnd(r, at))
	default:
		r.errorOffset = at + uint64(res.Offset)
		e.broken(id, res.Rule)
	}
	return false
}

// fileEnd is where a file ends of which nothing could be read at off.
func (e *Engine) fileEnd(r *request, off uint64) uint64 {
	n := e.nodes.at(r.node)
	_ = e.be.Attr(n.fd, &n.attr)
	return min(n.attr.Size, off)
}

// metadataPiece returns the piece that has the beginning of the metadata, or
// nil if it has not been read.
func (e *Engine) metadataPiece(rd *reading, at uint64) *piece {
	if rd.meta.block != 0 {
		return &rd.meta
	}
	for _, p := range [...]*piece{&rd.main, &rd.body} {
		if p.block != 0 && p.start <= at && (p.end() > at || p.end() == at && p.eof) {
			return p
		}
	}
	return nil
}

// readMetadata reads metadata apart from the body. false: no memory.
func (e *Engine) readMetadata(id int32, at uint64, length int) bool {
	return e.readPiece(id, purposeMeta, at, min(length, dbox.MaxMetadataSize), 0)
}
