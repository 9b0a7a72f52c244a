package engine

import (
	"cmp"
	"slices"

	"libdbox_aio/go/abi"
)

const (
	// mergeGap is how many bytes between two records are read and thrown
	// away rather than making two reads: about what a cold read takes
	// anyhow, as the kernel reads ahead.
	mergeGap = 16 << 10
	// mergeMax bounds a read for several records.
	mergeMax = 256 << 10
)

// runItem is a READ of a batch that names a place in a file.
type runItem struct {
	offset uint64
	file   int32
	id     int32
}

// linkRuns links those READs of a batch that lie behind each other in one
// file, in the order of their offsets. Where a size is not known, the next
// record's offset tells it.
func (e *Engine) linkRuns() {
	items := e.scratch
	e.scratch = items[:0]
	if !e.sharing {
		return // each in a file of its own, as in sdbox
	}
	e.sharing = false
	slices.SortFunc(items, func(a, b runItem) int {
		if c := cmp.Compare(a.file, b.file); c != 0 {
			return c
		}
		return cmp.Compare(a.offset, b.offset)
	})
	for i := 1; i < len(items); i++ {
		a, b := items[i-1], items[i]
		if a.file != b.file {
			continue
		}
		ra, rb := e.requests.at(a.id), e.requests.at(b.id)
		ra.runNext, rb.runPrev = b.id, a.id
		if distance := b.offset - a.offset; ra.hint == 0 && distance > 0 && distance <= tailMax {
			ra.hint = distance
		}
	}
}

// leaveRun takes a request out from between its neighbours.
func (e *Engine) leaveRun(id int32) {
	r := e.requests.at(id)
	if r.runPrev != none {
		e.requests.at(r.runPrev).runNext = r.runNext
	}
	if r.runNext != none {
		e.requests.at(r.runNext).runPrev = r.runPrev
	}
	r.before, r.after = r.runPrev, r.runNext
	r.runPrev, r.runNext = none, none
}

// mergeable reports whether a request can be served by a read for others.
func (r *request) mergeable() bool {
	return r.op == abi.OpRead && r.plain() && r.hint != 0 && r.hint <= mergeMax
}

// gather looks for neighbours of a request that can be read with it, takes
// them from the queue and starts the one read. false: there are none, or
// there is not the memory for them.
func (e *Engine) gather(id int32, start uint64, length int) bool {
	r := e.requests.at(id)
	before, after := r.before, r.after
	r.before, r.after = none, none // they are good for this moment only
	if before == none && after == none || !r.mergeable() {
		return false
	}
	end := start + uint64(length)
	limit := uint64(mergeMax)
	if b := uint64(e.pool.Budget()) / 4; b < limit {
		limit = b
	}
	found := e.together[:0]
	for m := after; m != none; m = e.requests.at(m).runNext {
		rm := e.requests.at(m)
		to := max(rm.offset+rm.hint, end)
		if !e.joins(rm, r) || rm.offset > end+mergeGap || to-start > limit || !e.pool.TryReserve() {
			break
		}
		end = to
		found = append(found, m)
	}
	for m := before; m != none; m = e.requests.at(m).runPrev {
		rm := e.requests.at(m)
		if !e.joins(rm, r) || rm.offset+rm.hint+mergeGap < start || end-min(rm.offset, start) > limit || !e.pool.TryReserve() {
			break
		}
		start = min(start, rm.offset)
		found = append(found, m)
	}
	e.together = found
	return len(found) > 0 && e.readTogether(id, start, end)
}

// joins reports whether a neighbour still waits and can be read with another
// request.
func (e *Engine) joins(r, with *request) bool {
	return r.file == with.file && (r.state == stateQueued || r.state == stateOpening) && r.mergeable() && r.offset != 0 && r.offset <= maxOffset
}

// readTogether reads one piece of the file for a request and for those in
// e.together. false: there is no memory for it.
func (e *Engine) readTogether(id int32, start, end uint64) bool {
	r := e.requests.at(id)
	n := e.nodes.at(r.node)
	if n.attr.Size > start && n.attr.Size < end {
		end = n.attr.Size
	}
	length := int(end - start)
	block, err := e.allocate(e.readings.at(r.reading), length)
	if err != nil {
		for range e.together {
			e.pool.EndReserve()
		}
		return false
	}
	r.member = none
	for _, m := range e.together {
		e.joinRead(m)
		e.requests.at(m).member = r.member
		r.member = m
	}
	e.readMain(id, start, block, length)
	return true
}

// joinRead takes a request that waits from where it waits, to be served by
// another one's read.
func (e *Engine) joinRead(m int32) {
	rm := e.requests.at(m)
	if rm.state == stateQueued {
		e.queue.Remove(m, true)
		e.setBegun(rm)
	} else {
		e.unlink(&e.files.at(rm.file).waiters, m)
	}
	rm.state = stateActive
	e.leaveRun(m)
	e.use(rm)
	rd := e.newReading(rm)
	rd.reserved = true // gather has set it aside
	e.stats.MergedReads++
}
