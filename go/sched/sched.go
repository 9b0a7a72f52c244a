// Package sched decides which request is next. Requests wait in flows, one
// for each stream, priority and group (a group is a mount: what keeps its own
// workers busy must not keep the others' requests waiting). Within a group the
// flows are served by start-time fair queueing: each flow has a clock that
// advances by the bytes it was given, and the flow whose clock is behind goes
// first. A stream that comes with one request now and then thus goes before
// one that has ten thousand waiting. What a flow was given is remembered for a
// while after it is empty, so that one which asks for one thing after the
// other gets no more than its share. Groups take turns.
//
// Normal requests go before background ones, but of sixteen turns one is the
// background's, so that it is never starved.
//
// Nothing here allocates once its tables have grown; every operation is O(1)
// or O(log of the flows of a group).
package sched

const (
	none = int32(-1)

	// Normal and Background are the priorities of dbox_aio_request.
	Normal     = 0
	Background = 1

	// backgroundTurn: one of so many turns is the background's.
	backgroundTurn = 16

	// MinCost is charged for the smallest request: an open, a seek and a
	// callback are not free.
	MinCost = 4096
)

type item struct {
	prev, next int32
	flow       int32
	cost       uint32 // in bytes, at most 1 GiB: enough to tell large from small
}

type flow struct {
	stream     uint64
	clock      uint64 // bytes; see group.clock
	head, tail int32
	group      int32
	heapAt     int32 // in its heap, or none: empty or held
	prev, next int32 // in Queue.idle, while it is empty
	chain      int32 // of the hash table, or of the free list
	prio       uint8
	held       bool
}

type group struct {
	heap    [2][]int32 // flows by clock
	clock   [2]uint64
	blocked bool
}

// Queue holds what waits. Items are small integers of the caller's, each in
// at most one flow.
type Queue struct {
	items  []item
	flows  []flow
	free   int32
	table  []int32 // hash of flows
	used   int
	idle   int32 // ring of empty flows whose clock is still ahead, or none
	idleN  int
	groups []group
	turn   [2]int // the group that is next
	count  [2]int
	rounds uint
	heldN  int
	length int
}

// New makes an empty queue.
func New() *Queue {
	q := &Queue{free: none, idle: none, table: make([]int32, 64)}
	for i := range q.table {
		q.table[i] = none
	}
	return q
}

// Len returns how many items wait, held and blocked ones included.
func (q *Queue) Len() int { return q.length }

// Push adds an item at the end of its flow. cost is the bytes it will read.
func (q *Queue) Push(id, groupID int32, stream uint64, prio uint8, cost uint64) {
	f := q.flow(groupID, stream, prio)
	it := q.item(id)
	*it = item{prev: q.flows[f].tail, next: none, flow: f, cost: clamp(cost)}
	if it.prev != none {
		q.items[it.prev].next = id
	} else {
		q.flows[f].head = id
	}
	q.flows[f].tail = id
	q.added(f)
}

// PushFront puts an item before all others of its flow.
func (q *Queue) PushFront(id, groupID int32, stream uint64, prio uint8, cost uint64) {
	f := q.flow(groupID, stream, prio)
	it := q.item(id)
	*it = item{prev: none, next: q.flows[f].head, flow: f, cost: clamp(cost)}
	if it.next != none {
		q.items[it.next].prev = id
	} else {
		q.flows[f].tail = id
	}
	q.flows[f].head = id
	q.added(f)
}

func (q *Queue) added(f int32) {
	fl := &q.flows[f]
	q.count[fl.prio]++
	q.length++
	if fl.heapAt == none && !fl.held {
		q.enter(f)
	}
}

// Remove takes an item out, wherever it stands, and charges its flow for it
// if charge is set: it was served together with another one.
func (q *Queue) Remove(id int32, charge bool) {
	it := &q.items[id]
	f := it.flow
	fl := &q.flows[f]
	if it.prev != none {
		q.items[it.prev].next = it.next
	} else {
		fl.head = it.next
	}
	if it.next != none {
		q.items[it.next].prev = it.prev
	} else {
		fl.tail = it.prev
	}
	it.flow = none
	q.count[fl.prio]--
	q.length--
	if charge {
		fl.clock += uint64(it.cost)
	}
	switch {
	case fl.head == none:
		q.leave(f)
		if fl.held {
			fl.held = false
			q.heldN--
		}
		q.retire(f)
	case charge && fl.heapAt != none:
		q.down(&q.groups[fl.group].heap[fl.prio], fl.heapAt)
	}
}

// Peek returns the item that is next, or false if none can be served now.
func (q *Queue) Peek() (int32, bool) {
	if q.length == 0 {
		return none, false
	}
	first := uint8(Normal)
	if q.count[Background] > 0 && (q.count[Normal] == 0 || q.rounds%backgroundTurn == backgroundTurn-1) {
		first = Background
	}
	if id, ok := q.peek(first); ok {
		return id, true
	}
	return q.peek(1 - first)
}

func (q *Queue) peek(prio uint8) (int32, bool) {
	if q.count[prio] == 0 {
		return none, false
	}
	for i := 0; i < len(q.groups); i++ {
		at := q.turn[prio] + i
		if at >= len(q.groups) {
			at -= len(q.groups)
		}
		g := &q.groups[at]
		if g.blocked || len(g.heap[prio]) == 0 {
			continue
		}
		q.turn[prio] = at
		return q.flows[g.heap[prio][0]].head, true
	}
	return none, false
}

// Take removes the item that Peek returned and charges its flow.
func (q *Queue) Take(id int32) {
	f := q.items[id].flow
	fl := &q.flows[f]
	g := &q.groups[fl.group]
	g.clock[fl.prio] = fl.clock
	turn := &q.turn[fl.prio]
	*turn++
	if *turn >= len(q.groups) {
		*turn = 0
	}
	q.rounds++
	q.Remove(id, true)
	q.forget(2)
}

// Hold keeps the flow of an item from being served until ReleaseHeld: its
// first item needs memory that is not there now. The other flows go on.
func (q *Queue) Hold(id int32) {
	f := q.items[id].flow
	q.leave(f)
	if !q.flows[f].held {
		q.flows[f].held = true
		q.heldN++
	}
}

// Held returns the number of flows that are held.
func (q *Queue) Held() int { return q.heldN }

// ReleaseHeld lets all held flows be served again.
func (q *Queue) ReleaseHeld() {
	if q.heldN == 0 {
		return
	}
	for f := range q.flows {
		if q.flows[f].held {
			q.flows[f].held = false
			q.enter(int32(f))
		}
	}
	q.heldN = 0
}

// Block keeps all flows of a group from being served, or lets them again.
func (q *Queue) Block(groupID int32, on bool) {
	q.grow(groupID)
	q.groups[groupID].blocked = on
}

// Servable reports whether Peek would find something.
func (q *Queue) Servable() bool {
	_, ok := q.Peek()
	return ok
}

func clamp(cost uint64) uint32 {
	if cost < MinCost {
		return MinCost
	}
	if cost > 1<<30 {
		return 1 << 30
	}
	return uint32(cost)
}

func (q *Queue) item(id int32) *item {
	for int(id) >= len(q.items) {
		q.items = append(q.items, make([]item, 256)...)
	}
	return &q.items[id]
}

func (q *Queue) grow(groupID int32) {
	for int(groupID) >= len(q.groups) {
		q.groups = append(q.groups, group{})
	}
}
