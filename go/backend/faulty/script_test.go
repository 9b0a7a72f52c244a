package faulty_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/faulty"
)

func TestRules(t *testing.T) {
	eio := faulty.Fault{Errno: unix.EIO}
	short := faulty.Fault{Short: 1}
	script := faulty.Rules(
		faulty.Rule{Call: faulty.Read, From: 3, Fault: eio},
		faulty.Rule{Call: faulty.Read, From: 2, To: 5, Fault: short},
		faulty.Rule{Call: faulty.Open, Fault: eio})
	want := []faulty.Fault{{}, short, eio, short, short, {}}
	for i, f := range want {
		if got := script(faulty.Read, i+1); got != f {
			t.Errorf("read %d: %+v", i+1, got)
		}
	}
	if script(faulty.Open, 17) != eio || script(faulty.Stat, 1) != (faulty.Fault{}) {
		t.Error("a rule is for all calls of its kind, and for no others")
	}
}

func TestRandomIsTheSameAgain(t *testing.T) {
	odds := faulty.Odds{Uncached: 300, Short: 300, Again: 200, Fail: 100, Hold: 100, Keep: 100}
	a, b := faulty.Random(7, odds), faulty.Random(7, odds)
	faults := 0
	for n := range 1000 {
		call := faulty.Call(n % int(faulty.Calls))
		f := a(call, n)
		if f != b(call, n) {
			t.Fatalf("call %d: not the same", n)
		}
		if f != (faulty.Fault{}) {
			faults++
		}
	}
	if faults < 100 {
		t.Errorf("%d faults in 1000 calls", faults)
	}
}

// recorder is a backend that does everything at once.
type recorder struct {
	backend.Backend
	started []backend.Op
	events  []backend.Event
}

func (r *recorder) Start(op *backend.Op) {
	r.started = append(r.started, *op)
	r.events = append(r.events, backend.Event{Tag: op.Tag, Res: int32(op.Len)})
}

func (r *recorder) Reap(events []backend.Event) int {
	n := copy(events, r.events)
	r.events = r.events[n:]
	return n
}

func (r *recorder) Flush()                {}
func (r *recorder) Close(released func()) { released() }

func TestHeld(t *testing.T) {
	var inner recorder
	signals := 0
	b := faulty.New(&inner, func() { signals++ }, faulty.Rules(
		faulty.Rule{Call: faulty.Read, From: 1, Fault: faulty.Fault{Hold: faulty.HoldStart}},
		faulty.Rule{Call: faulty.Read, From: 2, Fault: faulty.Fault{Hold: faulty.HoldEvent}},
		faulty.Rule{Call: faulty.Read, From: 3, Fault: faulty.Fault{Errno: unix.EIO}}))
	for tag := range uint32(4) {
		b.Start(&backend.Op{Tag: tag, Kind: backend.Read, FD: -1, Len: 10 + tag})
	}
	var events [8]backend.Event
	reap := func(want ...backend.Event) {
		t.Helper()
		got := events[:b.Reap(events[:])]
		if len(got) != len(want) {
			t.Fatalf("events %v, not %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("events %v, not %v", got, want)
			}
		}
	}
	reap(backend.Event{Tag: 2, Res: -int32(unix.EIO)}, backend.Event{Tag: 3, Res: 13})
	if len(inner.started) != 2 || b.Held() != 2 {
		t.Errorf("%d begun, %d held", len(inner.started), b.Held())
	}
	b.Cancel(0)
	signals = 0
	b.Release(1) // the one kept back: the other one is first
	reap(backend.Event{Tag: 1, Res: 11})
	if signals == 0 {
		t.Error("no signal for what was kept back")
	}
	released := false
	b.Close(func() { released = true })
	if released {
		t.Error("memory was let go of that an operation has")
	}
	b.ReleaseAll()
	if !released {
		t.Error("memory was not let go of")
	}
}
