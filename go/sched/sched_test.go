package sched

import "testing"

const kib = 1 << 10

// take serves the next item.
func take(t *testing.T, q *Queue) int32 {
	t.Helper()
	id, ok := q.Peek()
	if !ok {
		t.Fatal("nothing can be served")
	}
	q.Take(id)
	return id
}

// fill pushes items with the ids from to to-1.
func fill(q *Queue, from, to, group int32, stream uint64, prio uint8, cost uint64) {
	for id := from; id < to; id++ {
		q.Push(id, group, stream, prio, cost)
	}
}

func wantOrder(t *testing.T, q *Queue, ids ...int32) {
	t.Helper()
	for i, want := range ids {
		if got := take(t, q); got != want {
			t.Fatalf("item %d is %d, want %d of %v", i, got, want, ids)
		}
	}
}

func TestAStreamIsServedInOrder(t *testing.T) {
	q := New()
	fill(q, 0, 5, 0, 7, Normal, kib)
	q.PushFront(5, 0, 7, Normal, kib)
	wantOrder(t, q, 5, 0, 1, 2, 3, 4)
	if _, ok := q.Peek(); ok || q.Len() != 0 {
		t.Error("the queue is not empty")
	}
}

func TestStreamsGetTheSameBytes(t *testing.T) {
	q := New()
	costs := []uint64{4 * kib, 64 * kib, 300 * kib}
	var got [3]uint64
	for s, cost := range costs {
		fill(q, int32(s)*10000, int32(s)*10000+10000, 0, uint64(s), Normal, cost)
	}
	for range 5000 {
		s := take(t, q) / 10000
		got[s] += costs[s]
	}
	for s := range got {
		if off := int64(got[s]) - int64(got[0]); off < -300*kib || off > 300*kib {
			t.Errorf("stream %d got %d bytes, stream 0 %d", s, got[s], got[0])
		}
	}
}

func TestANewcomerGoesBeforeAStreamWithThousandsWaiting(t *testing.T) {
	q := New()
	fill(q, 0, 10000, 0, 1, Normal, 100*kib)
	for range 100 {
		take(t, q)
	}
	q.Push(10000, 0, 2, Normal, 100*kib)
	wantOrder(t, q, 10000)
}

func TestOneAtATimeGetsItsShareAndNoMore(t *testing.T) {
	q := New()
	fill(q, 0, 1000, 0, 1, Normal, 64*kib)
	q.Push(1000, 0, 2, Normal, 64*kib)
	n := 0
	for range 1000 {
		if take(t, q) == 1000 { // at once the next one
			q.Push(1000, 0, 2, Normal, 64*kib)
			n++
		}
	}
	if n < 499 || n > 501 {
		t.Errorf("the stream that asks for one thing after the other got %d of 1000 turns", n)
	}
}

func TestASmallRequestIsChargedTheLeast(t *testing.T) {
	q := New()
	fill(q, 0, 100, 0, 1, Normal, 0)
	fill(q, 100, 200, 0, 2, Normal, MinCost)
	n := 0
	for range 100 {
		if take(t, q) < 100 {
			n++
		}
	}
	if n < 49 || n > 51 {
		t.Errorf("the stream of empty requests got %d of 100 turns", n)
	}
}

func TestBackgroundHasOneTurnOfSixteen(t *testing.T) {
	q := New()
	fill(q, 0, 1600, 0, 1, Normal, kib)
	fill(q, 1600, 3200, 0, 2, Background, kib)
	n := 0
	for range 1600 {
		if take(t, q) >= 1600 {
			n++
		}
	}
	if n != 100 {
		t.Errorf("background had %d of 1600 turns", n)
	}
}

func TestBackgroundGoesAheadWhereNothingElseCan(t *testing.T) {
	q := New()
	q.Push(0, 0, 1, Normal, kib)
	q.Push(1, 1, 1, Background, kib)
	q.Block(0, true)
	wantOrder(t, q, 1)
}

func TestBackgroundOfEachGroupHasItsTurn(t *testing.T) {
	for _, groups := range []int32{2, 3, 4, 16} {
		q := New()
		for g := range groups {
			fill(q, g*2000, g*2000+1000, g, 1, Normal, kib)
			fill(q, g*2000+1000, g*2000+2000, g, 2, Background, kib)
		}
		got := make([]int, groups)
		for range 16 * 10 * groups {
			if id := take(t, q); id%2000 >= 1000 {
				got[id/2000]++
			}
		}
		for g, n := range got {
			if n != 10 {
				t.Errorf("%d groups: background of group %d had %d turns, want 10", groups, g, n)
			}
		}
	}
}

func TestGroupsTakeTurns(t *testing.T) {
	q := New()
	fill(q, 0, 100, 0, 1, Normal, kib)
	fill(q, 100, 103, 2, 1, Normal, 900*kib) // group 1 is empty
	wantOrder(t, q, 0, 100, 1, 101, 2, 102, 3, 4)
}

func TestABlockedGroupIsPassedOver(t *testing.T) {
	q := New()
	fill(q, 0, 3, 0, 1, Normal, kib)
	fill(q, 10, 13, 1, 1, Normal, kib)
	q.Block(0, true)
	wantOrder(t, q, 10, 11, 12)
	if q.Servable() || q.Len() != 3 {
		t.Error("a blocked group is served")
	}
	q.Block(0, false)
	wantOrder(t, q, 0, 1, 2)
}

func TestAHeldStreamLetsTheOthersGoOn(t *testing.T) {
	q := New()
	fill(q, 0, 3, 0, 1, Normal, kib)
	fill(q, 10, 12, 0, 2, Normal, kib)
	q.Hold(0)
	q.Hold(0)
	q.Push(3, 0, 1, Normal, kib)
	wantOrder(t, q, 10, 11)
	if q.Servable() || q.Held() != 1 || q.Len() != 4 {
		t.Errorf("%d streams are held, %d items wait", q.Held(), q.Len())
	}
	q.ReleaseHeld()
	if q.Held() != 0 {
		t.Error("a stream is still held")
	}
	wantOrder(t, q, 0, 1, 2, 3)
}

func TestAHeldStreamIsNotHeldWhenItComesAgain(t *testing.T) {
	q := New()
	q.Push(0, 0, 1, Normal, kib)
	q.Hold(0)
	q.Remove(0, false)
	if q.Held() != 0 {
		t.Error("an empty stream is held")
	}
	q.Push(0, 0, 1, Normal, kib)
	wantOrder(t, q, 0)
}

func TestItemsCanBeRemovedAnywhere(t *testing.T) {
	q := New()
	fill(q, 0, 7, 0, 1, Normal, kib)
	for _, id := range []int32{3, 0, 6} { // the middle, the first, the last
		q.Remove(id, false)
	}
	q.Push(7, 0, 1, Normal, kib)
	wantOrder(t, q, 1, 2, 4, 5, 7)
}

func TestAStreamPaysForWhatIsServedAlong(t *testing.T) {
	q := New()
	fill(q, 0, 10, 0, 1, Normal, 64*kib)
	fill(q, 10, 20, 0, 2, Normal, 64*kib)
	first := take(t, q)
	other := 10 - first/10*10
	q.Remove(first+1, true)
	q.Remove(first+2, true)
	wantOrder(t, q, other, other+1, other+2)
}

func TestNothingIsAllocatedInSteadyState(t *testing.T) {
	q := New()
	var timers Timers
	stream := uint64(0)
	round := func() {
		for id := range int32(1000) {
			q.Push(id, id%3, stream, uint8(id)%2, uint64(id)*kib)
			timers.Set(id, int64(id)*7919%1000)
			stream = (stream + 1) % 5000
		}
		q.Hold(500)
		q.ReleaseHeld()
		for q.Len() > 0 {
			id, _ := q.Peek()
			q.Take(id)
			timers.Clear(id)
		}
	}
	for range 20 {
		round()
	}
	if n := testing.AllocsPerRun(20, round); n != 0 {
		t.Errorf("%v allocations a round", n)
	}
}

func TestStreamsAreForgotten(t *testing.T) {
	q := New()
	for stream := range uint64(100000) {
		q.Push(0, 0, stream, Normal, kib)
		take(t, q)
	}
	if q.used > maxIdle || len(q.flows) > maxIdle+2 {
		t.Errorf("%d streams of 100000 are remembered, in %d places", q.used, len(q.flows))
	}
}
