package sched

// Timers is a heap of deadlines, at most one for each item.
type Timers struct {
	heap []deadline
	at   []int32 // of an item in heap, plus 1; 0: none
}

type deadline struct {
	when int64
	id   int32
}

// Set gives the item a deadline in place of any it had.
func (t *Timers) Set(id int32, when int64) {
	t.Clear(id)
	for int(id) >= len(t.at) {
		t.at = append(t.at, make([]int32, 256)...)
	}
	t.heap = append(t.heap, deadline{when, id})
	t.at[id] = int32(len(t.heap))
	t.up(len(t.heap) - 1)
}

// Clear takes the item's deadline away, if it has one.
func (t *Timers) Clear(id int32) {
	if int(id) >= len(t.at) || t.at[id] == 0 {
		return
	}
	i := int(t.at[id]) - 1
	t.at[id] = 0
	last := len(t.heap) - 1
	moved := t.heap[last]
	t.heap = t.heap[:last]
	if i == last {
		return
	}
	t.heap[i] = moved
	t.at[moved.id] = int32(i + 1)
	t.up(i)
	t.down(int(t.at[moved.id]) - 1)
}

// Next returns the earliest deadline, or 0 if there is none.
func (t *Timers) Next() int64 {
	if len(t.heap) == 0 {
		return 0
	}
	return t.heap[0].when
}

// Expired returns an item whose deadline has passed and clears it.
func (t *Timers) Expired(now int64) (int32, bool) {
	if len(t.heap) == 0 || t.heap[0].when > now {
		return none, false
	}
	id := t.heap[0].id
	t.Clear(id)
	return id, true
}

func (t *Timers) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if t.heap[parent].when <= t.heap[i].when {
			return
		}
		t.swap(parent, i)
		i = parent
	}
}

func (t *Timers) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(t.heap) {
			return
		}
		if child+1 < len(t.heap) && t.heap[child+1].when < t.heap[child].when {
			child++
		}
		if t.heap[i].when <= t.heap[child].when {
			return
		}
		t.swap(i, child)
		i = child
	}
}

func (t *Timers) swap(a, b int) {
	t.heap[a], t.heap[b] = t.heap[b], t.heap[a]
	t.at[t.heap[a].id] = int32(a + 1)
	t.at[t.heap[b].id] = int32(b + 1)
}
