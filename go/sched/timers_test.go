package sched

import (
	"math/rand/v2"
	"testing"
)

func TestTimersAgainstASortedModel(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var timers Timers
	model := map[int32]int64{}
	now := int64(1)
	earliest := func() int64 {
		first := int64(0)
		for _, when := range model {
			if first == 0 || when < first {
				first = when
			}
		}
		return first
	}
	for range 50000 {
		id := int32(r.IntN(600))
		switch r.IntN(5) {
		case 0, 1:
			when := now + int64(r.IntN(1000))
			timers.Set(id, when)
			model[id] = when
		case 2:
			timers.Clear(id)
			delete(model, id)
		default:
			now += int64(r.IntN(5))
			id, ok := timers.Expired(now)
			first := earliest()
			if ok != (first != 0 && first <= now) || ok && model[id] != first {
				t.Fatalf("at %d item %d expired (%v), the earliest is %d", now, id, ok, first)
			}
			if ok {
				delete(model, id)
			}
		}
		if timers.Next() != earliest() {
			t.Fatalf("next %d, want %d", timers.Next(), earliest())
		}
	}
}

func TestNoTimerIsNoDeadline(t *testing.T) {
	var timers Timers
	timers.Clear(7)
	if _, ok := timers.Expired(1 << 62); ok || timers.Next() != 0 {
		t.Error("something expired")
	}
}
