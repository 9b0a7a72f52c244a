package sched

// flow finds the flow of a stream, or makes it. A new one starts at its
// group's clock: it neither has saved up time nor owes any.
func (q *Queue) flow(groupID int32, stream uint64, prio uint8) int32 {
	h := hash(groupID, stream, prio)
	for f := q.table[h&uint64(len(q.table)-1)]; f != none; f = q.flows[f].chain {
		fl := &q.flows[f]
		if fl.stream == stream && fl.group == groupID && fl.prio == prio {
			if fl.head == none {
				q.unidle(f)
			}
			return f
		}
	}
	q.grow(groupID)
	if q.used >= len(q.table) {
		q.rehash()
	}
	f := q.free
	if f != none {
		q.free = q.flows[f].chain
	} else {
		q.flows = append(q.flows, flow{})
		f = int32(len(q.flows) - 1)
	}
	slot := &q.table[h&uint64(len(q.table)-1)]
	q.flows[f] = flow{
		stream: stream,
		clock:  q.groups[groupID].clock[prio],
		head:   none,
		tail:   none,
		group:  groupID,
		heapAt: none,
		chain:  *slot,
		prio:   prio,
	}
	*slot = f
	q.used++
	return f
}

// maxIdle empty flows are remembered.
const maxIdle = 1024

// retire puts an empty flow by: it is forgotten when the clock of its group
// has come to where its own is.
func (q *Queue) retire(f int32) {
	if !q.ahead(f) {
		q.drop(f)
		return
	}
	if q.idle == none {
		q.idle = f
		q.flows[f].prev, q.flows[f].next = f, f
	} else {
		first := &q.flows[q.idle]
		last := first.prev
		q.flows[f].prev, q.flows[f].next = last, q.idle
		q.flows[last].next, first.prev = f, f
	}
	q.idleN++
	if q.idleN > maxIdle {
		oldest := q.idle
		q.unidle(oldest)
		q.drop(oldest)
	}
}

func (q *Queue) ahead(f int32) bool {
	fl := &q.flows[f]
	return fl.clock > q.groups[fl.group].clock[fl.prio]
}

// unidle takes a flow out of the empty ones.
func (q *Queue) unidle(f int32) {
	fl := &q.flows[f]
	q.flows[fl.prev].next, q.flows[fl.next].prev = fl.next, fl.prev
	q.idleN--
	switch {
	case q.idleN == 0:
		q.idle = none
	case q.idle == f:
		q.idle = fl.next
	}
}

// forget looks at the next n empty flows.
func (q *Queue) forget(n int) {
	for ; n > 0 && q.idle != none; n-- {
		f := q.idle
		if q.ahead(f) {
			q.idle = q.flows[f].next
			continue
		}
		q.unidle(f)
		q.drop(f)
	}
}

// drop forgets a flow that is empty.
func (q *Queue) drop(f int32) {
	fl := &q.flows[f]
	at := &q.table[hash(fl.group, fl.stream, fl.prio)&uint64(len(q.table)-1)]
	for *at != f {
		at = &q.flows[*at].chain
	}
	*at = fl.chain
	fl.chain = q.free
	q.free = f
	q.used--
}

func (q *Queue) rehash() {
	old := q.table
	q.table = make([]int32, 2*len(old))
	for i := range q.table {
		q.table[i] = none
	}
	for _, f := range old {
		for f != none {
			fl := &q.flows[f]
			next := fl.chain
			slot := &q.table[hash(fl.group, fl.stream, fl.prio)&uint64(len(q.table)-1)]
			fl.chain = *slot
			*slot = f
			f = next
		}
	}
}

// hash mixes by multiplication with odd constants (splitmix64's).
func hash(groupID int32, stream uint64, prio uint8) uint64 {
	x := stream + uint64(groupID)<<1 + uint64(prio)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// enter puts a flow that has items into its group's heap.
func (q *Queue) enter(f int32) {
	fl := &q.flows[f]
	g := &q.groups[fl.group]
	if fl.clock < g.clock[fl.prio] {
		fl.clock = g.clock[fl.prio]
	}
	h := &g.heap[fl.prio]
	*h = append(*h, f)
	fl.heapAt = int32(len(*h) - 1)
	q.up(*h, fl.heapAt)
}

// leave takes a flow out of its group's heap if it is there.
func (q *Queue) leave(f int32) {
	fl := &q.flows[f]
	if fl.heapAt == none {
		return
	}
	h := &q.groups[fl.group].heap[fl.prio]
	at := fl.heapAt
	last := int32(len(*h) - 1)
	fl.heapAt = none
	if at != last {
		moved := (*h)[last]
		(*h)[at] = moved
		q.flows[moved].heapAt = at
	}
	*h = (*h)[:last]
	if at != last {
		q.up(*h, at)
		q.down(h, q.flows[(*h)[at]].heapAt)
	}
}

func (q *Queue) up(h []int32, at int32) {
	for at > 0 {
		parent := (at - 1) / 2
		if q.flows[h[parent]].clock <= q.flows[h[at]].clock {
			return
		}
		q.swap(h, parent, at)
		at = parent
	}
}

func (q *Queue) down(hp *[]int32, at int32) {
	h := *hp
	for {
		child := 2*at + 1
		if child >= int32(len(h)) {
			return
		}
		if child+1 < int32(len(h)) && q.flows[h[child+1]].clock < q.flows[h[child]].clock {
			child++
		}
		if q.flows[h[at]].clock <= q.flows[h[child]].clock {
			return
		}
		q.swap(h, at, child)
		at = child
	}
}

func (q *Queue) swap(h []int32, a, b int32) {
	h[a], h[b] = h[b], h[a]
	q.flows[h[a]].heapAt = a
	q.flows[h[b]].heapAt = b
}
