package sched

import (
	"math/rand/v2"
	"testing"
)

// naive is a Queue without a thought for speed, which forgets nothing.
type naive struct {
	flows   map[key]*naiveFlow
	clock   map[[2]int32]uint64 // by group and priority
	blocked map[int32]bool
	groups  int32
	turn    [2]int32
	rounds  int
}

type key struct {
	group  int32
	stream uint64
	prio   uint8
}

type naiveFlow struct {
	key
	items []naiveItem
	clock uint64
	held  bool
}

type naiveItem struct {
	id   int32
	cost uint64
}

func newNaive() *naive {
	return &naive{flows: map[key]*naiveFlow{}, clock: map[[2]int32]uint64{}, blocked: map[int32]bool{}}
}

func (n *naive) push(id int32, k key, cost uint64, front bool) {
	f := n.flows[k]
	if f == nil {
		f = &naiveFlow{key: k}
		n.flows[k] = f
	}
	n.groups = max(n.groups, k.group+1)
	if len(f.items) == 0 {
		n.enter(f)
	}
	it := naiveItem{id, max(cost, MinCost)}
	if front {
		f.items = append([]naiveItem{it}, f.items...)
	} else {
		f.items = append(f.items, it)
	}
}

func (n *naive) enter(f *naiveFlow) {
	f.clock = max(f.clock, n.clock[[2]int32{f.group, int32(f.prio)}])
}

func (n *naive) find(id int32) (*naiveFlow, int) {
	for _, f := range n.flows {
		for i, it := range f.items {
			if it.id == id {
				return f, i
			}
		}
	}
	return nil, 0
}

func (n *naive) remove(id int32, charge bool) {
	f, i := n.find(id)
	if charge {
		f.clock += f.items[i].cost
	}
	f.items = append(f.items[:i:i], f.items[i+1:]...)
	f.held = f.held && len(f.items) > 0
}

func (n *naive) take(id int32) {
	f, _ := n.find(id)
	n.clock[[2]int32{f.group, int32(f.prio)}] = f.clock
	n.turn[f.prio] = (f.group + 1) % n.groups
	n.rounds++
	n.remove(id, true)
}

func (n *naive) hold(id int32) {
	f, _ := n.find(id)
	f.held = true
}

func (n *naive) release() {
	for _, f := range n.flows {
		if f.held {
			f.held = false
			n.enter(f)
		}
	}
}

func (n *naive) waiting(prio uint8) bool {
	for _, f := range n.flows {
		if f.prio == prio && len(f.items) > 0 {
			return true
		}
	}
	return false
}

// next returns the items that may be next: the heads of the flows whose
// clocks are furthest behind.
func (n *naive) next() map[int32]bool {
	order := []uint8{Normal, Background}
	if n.waiting(Background) && n.rounds%backgroundTurn == backgroundTurn-1 {
		order = []uint8{Background, Normal}
	}
	for _, prio := range order {
		for i := range n.groups {
			g := (n.turn[prio] + i) % n.groups
			if heads := n.heads(g, prio); len(heads) > 0 && !n.blocked[g] {
				n.turn[prio] = g
				return heads
			}
		}
	}
	return nil
}

func (n *naive) heads(g int32, prio uint8) map[int32]bool {
	heads, least := map[int32]bool{}, ^uint64(0)
	for _, f := range n.flows {
		if f.group != g || f.prio != prio || f.held || len(f.items) == 0 || f.clock > least {
			continue
		}
		if f.clock < least {
			clear(heads)
			least = f.clock
		}
		heads[f.items[0].id] = true
	}
	return heads
}

// TestRandomUse does the same to a Queue and to the naive one.
func TestRandomUse(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 0))
		q, n := New(), newNaive()
		var ids, free []int32
		for i := range int32(300) {
			free = append(free, i)
		}
		groups := 1 + r.IntN(4)
		for step := range 3000 {
			switch k := r.IntN(20); {
			case k < 7 && len(free) > 0:
				at := r.IntN(len(free))
				id := free[at]
				free[at] = free[len(free)-1]
				free = free[:len(free)-1]
				to := key{int32(r.IntN(groups)), uint64(r.IntN(8)), uint8(r.IntN(4) / 3)}
				cost, front := uint64(r.IntN(1<<17)), r.IntN(8) == 0
				if front {
					q.PushFront(id, to.group, to.stream, to.prio, cost)
				} else {
					q.Push(id, to.group, to.stream, to.prio, cost)
				}
				n.push(id, to, cost, front)
				ids = append(ids, id)
			case k < 14:
				may := n.next()
				id, ok := q.Peek()
				if ok != (len(may) > 0) || ok && !may[id] || ok != q.Servable() {
					t.Fatalf("seed %d, step %d: next is %d (%v), want one of %v", seed, step, id, ok, may)
				}
				if !ok {
					continue
				}
				if r.IntN(10) == 0 {
					q.Hold(id)
					n.hold(id)
					continue
				}
				q.Take(id)
				n.take(id)
				ids = without(ids, id)
				free = append(free, id)
			case k < 16 && len(ids) > 0:
				id, charge := ids[r.IntN(len(ids))], r.IntN(2) == 0
				q.Remove(id, charge)
				n.remove(id, charge)
				ids = without(ids, id)
				free = append(free, id)
			case k == 16:
				g, on := int32(r.IntN(groups)), r.IntN(3) == 0
				q.Block(g, on)
				n.blocked[g] = on
				n.groups = max(n.groups, g+1)
			case k == 17:
				q.ReleaseHeld()
				n.release()
			}
			held := 0
			for _, f := range n.flows {
				if f.held {
					held++
				}
			}
			if q.Len() != len(ids) || q.Held() != held {
				t.Fatalf("seed %d, step %d: %d wait, %d held, want %d, %d", seed, step, q.Len(), q.Held(), len(ids), held)
			}
		}
	}
}

func without(ids []int32, id int32) []int32 {
	for i := range ids {
		if ids[i] == id {
			ids[i] = ids[len(ids)-1]
			return ids[:len(ids)-1]
		}
	}
	panic("no such item")
}
