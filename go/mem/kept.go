package mem

import "libdbox_aio/go/abi"

// Big blocks that were let go of are kept, as malloc keeps them: the first touch of
// a fresh page costs more than what is read into it. What was kept for a while and
// not used goes back to the system.

const (
	// keptAlways is not given back: enough for a full queue of ordinary mails,
	// little beside a daemon's own memory.
	keptAlways = 16 << 20
	// keptFor is how long, in nanoseconds, more is kept without being used.
	keptFor = 2_000_000_000
	// looked is how many kept mappings are looked at for one that fits.
	looked = 16
)

// kept are the big blocks that nobody uses.
type kept struct {
	own    uintptr // those above the classes, each a mapping of its own size
	cached int64   // bytes of all of them, those in class.free included
	least  int64   // of cached since the look before trimAt
	trimAt int64   // when to look what was not used; 0: nothing to give back
}

// keepMost bounds what is kept.
func (p *Pool) keepMost() int64 { return max(keptAlways, p.budget/2) }

// keep takes a big block in for reuse, if there is room.
func (p *Pool) keep(b uintptr, size int) bool {
	h := abi.At[block](b)
	if p.cached+int64(size) > p.keepMost() || p.mapped > p.budget ||
		h.class == ownMapping && size <= 1<<maxShift {
		return false
	}
	list := p.keptOf(h.class)
	h.next = *list
	*list = b
	p.cached += int64(size)
	return true
}

func (p *Pool) keptOf(class uint32) *uintptr {
	if class == ownMapping {
		return &p.own
	}
	return &p.classes[class].free
}

// take gets a kept block of exactly this size, or 0.
func (p *Pool) take(class uint32, size int) uintptr {
	if class == ownMapping && size <= 1<<maxShift {
		return 0
	}
	list := p.keptOf(class)
	if class == ownMapping {
		list = p.fitting(size)
	}
	if list == nil || *list == 0 {
		return 0
	}
	b := *list
	old := int(abi.At[block](b).size)
	p.pop(list)
	if old == size {
		return b
	}
	p.makeRoom(size - old)
	moved, ok := p.resize(b, old, size)
	if !ok {
		p.unmapBig(b, old)
		return 0
	}
	if size >= hugeMin && old < hugeMin {
		adviseHuge(moved, size)
	}
	return moved
}

// fitting returns where the newest mappings have one of about this size: the
// smallest that is large enough, or else the largest. Others stay for those who
// need such sizes: what is cut off is lost, and what is added is fresh.
func (p *Pool) fitting(size int) *uintptr {
	var best *uintptr
	most := 0
	at := &p.own
	for i := 0; i < looked && *at != 0; i++ {
		have := int(abi.At[block](*at).size)
		if have/2 <= size && size/2 <= have &&
			(have >= size && (most < size || have < most) || most < size && have > most) {
			best, most = at, have
		}
		at = &abi.At[block](*at).next
	}
	return best
}

func (p *Pool) pop(list *uintptr) {
	h := abi.At[block](*list)
	*list = h.next
	p.cached -= int64(h.size)
	p.least = min(p.least, p.cached)
}

// makeRoom gives kept blocks back to the system before the mappings would
// grow beyond the budget.
func (p *Pool) makeRoom(size int) {
	p.drop(p.mapped + int64(size) - p.budget)
}

// drop unmaps kept blocks, the largest first, until so many bytes are gone.
func (p *Pool) drop(want int64) {
	for want > 0 && p.cached > 0 {
		want -= p.dropOne()
	}
}

func (p *Pool) dropOne() int64 {
	list := &p.own
	for i := classCount - 1; *list == 0; i-- {
		list = &p.classes[i].free
	}
	b := *list
	size := int(abi.At[block](b).size)
	p.pop(list)
	p.unmapBig(b, size)
	return int64(size)
}

// TrimAt returns when Trim is to be called; 0: nothing is to be given back.
func (p *Pool) TrimAt(now int64) int64 {
	if p.cached <= keptAlways {
		p.trimAt = 0
	} else if p.trimAt == 0 {
		p.trimAt = now + keptFor
		p.least = p.cached
	}
	return p.trimAt
}

// Trim gives back what was not used since TrimAt told the time that is now over, one
// block at a time as long as it is not late.
func (p *Pool) Trim(now int64, late func() bool) {
	if p.trimAt == 0 || now < p.trimAt {
		return
	}
	for p.least > 0 && p.cached > keptAlways {
		if late() {
			return
		}
		before := p.least
		p.least = before - p.dropOne()
	}
	p.trimAt = 0
}
