package engine_test

import (
	"os"
	"testing"
	"time"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend/faulty"
)

// hold holds all operations of a kind, or keeps back what they give.
func hold(call faulty.Call, how faulty.Hold) faulty.Script {
	return faulty.Rules(faulty.Rule{Call: call, Fault: faulty.Fault{Hold: how}})
}

// stuck are the operations that a request can wait for, with requests for
// which they are made.
var stuck = []struct {
	name   string
	call   faulty.Call
	remote bool // made for remote storage only
	make   func(s *store) request
}{
	{"open", faulty.Open, false, func(s *store) request { return s.small.read(0, 0) }},
	{"header", faulty.Read, false, func(s *store) request {
		return request{Request: abi.Request{Op: abi.OpOpen}, path: s.many.path}
	}},
	{"read", faulty.Read, false, func(s *store) request { return s.small.read(0, 0) }},
	{"header-and-read", faulty.Read, false, func(s *store) request { return s.many.hinted(0, 30) }},
	{"parts", faulty.Read, true, func(s *store) request { return s.large.hinted(0, 0) }},
	{"scan", faulty.Read, false, func(s *store) request { return s.many.scan(0, 0) }},
	{"stat", faulty.Stat, true, func(s *store) request {
		return request{Request: abi.Request{Op: abi.OpStat}, path: s.small.path}
	}},
}

// onStuck runs a schedule for each operation that hangs, before it is done and
// after.
func onStuck(t *testing.T, schedule func(t *testing.T, h *host, q request)) {
	s := newStore(t)
	for _, c := range stuck {
		for how, name := range map[faulty.Hold]string{faulty.HoldStart: "hangs", faulty.HoldEvent: "ends-late"} {
			for _, w := range ways {
				if w.script == nil || c.remote && w.name != "uring-remote" && w.name != "threads-remote" {
					continue
				}
				t.Run(c.name+"-"+name+"/"+w.name, func(t *testing.T) {
					w.script = before(hold(c.call, how), w.script)
					h := newHost(t, w, options())
					q := c.make(s)
					q.Context = 1
					schedule(t, h, q)
					if !h.down {
						h.end()
					}
				})
			}
		}
	}
}

func (h *host) waitHeld(n int) {
	h.t.Helper()
	for deadline := time.Now().Add(patience); h.faults.Held() < n; {
		if time.Now().After(deadline) {
			h.t.Fatalf("%d operations are held, not %d: %s", h.faults.Held(), n, h.e.Counts())
		}
		h.readable(10 * time.Millisecond)
		h.dispatch(0)
	}
}

// What hangs is cancelled at once, leaves the engine able to do the same
// again, and gives back its memory when it ends.
func TestCancelStuck(t *testing.T) {
	onStuck(t, func(t *testing.T, h *host, q request) {
		id := h.submit(q)[0]
		h.waitHeld(1)
		if status := h.cancel(id); status != abi.OK {
			t.Fatalf("cancel: %d", status)
		}
		if status := h.cancel(id); status != abi.EALREADY {
			t.Errorf("cancelled again: %d", status)
		}
		h.run()
		if r := h.one(1); r.Status != abi.ECANCELED || r.message != nil {
			t.Errorf("%s", r.text())
		}
		if status := h.cancel(id); status != abi.ENOENT {
			t.Errorf("cancelled when it was gone: %d", status)
		}
		q.Context = 2
		h.submit(q)
		h.settle()
		h.faults.Play(nil)
		h.faults.ReleaseAll()
		h.run()
		if r := h.results[2]; r[len(r)-1].Status != abi.OK {
			t.Errorf("the same again: %s", r[len(r)-1].text())
		}
	})
}

// A request whose time is up gets ETIMEDOUT, whatever hangs; another one for
// the same file that has time goes on.
func TestTimeOutStuck(t *testing.T) {
	onStuck(t, func(t *testing.T, h *host, q request) {
		q.TimeoutMS = 5
		patient := q
		patient.Context, patient.TimeoutMS = 2, 0
		begin := time.Now()
		h.submit(q, patient)
		for len(h.results[1]) == 0 {
			if !h.readable(patience) {
				t.Fatalf("no wake-up for a deadline: %s", h.e.Counts())
			}
			h.dispatch(0)
		}
		if d := time.Since(begin); d < 5*time.Millisecond {
			t.Errorf("it was late after %v", d)
		}
		if r := h.one(1); r.Status != abi.ETIMEDOUT {
			t.Errorf("%s", r.text())
		}
		h.settle()
		if len(h.results[2]) != 0 {
			t.Errorf("the other one: %s", h.results[2][0].text())
		}
		h.faults.Play(nil)
		h.faults.ReleaseAll()
		h.run()
		if r := h.results[2]; r[len(r)-1].Status != abi.OK {
			t.Errorf("the other one: %s", r[len(r)-1].text())
		}
	})
}

// The end of a context does not wait for what hangs, and what hangs then ends
// without harm.
func TestShutdownStuck(t *testing.T) {
	onStuck(t, func(t *testing.T, h *host, q request) {
		h.submit(q)
		h.waitHeld(1)
		h.shutdown()
		if r := h.one(1); r.Status != abi.ESHUTDOWN {
			t.Errorf("%s", r.text())
		}
		if h.released.Load() {
			t.Errorf("memory was let go of that an operation still has")
		}
		h.gone()
	})
}

func TestCancelStream(t *testing.T) {
	s := newStore(t)
	onHeld(t, options(), hold(faulty.Open, faulty.HoldStart), func(t *testing.T, h *host) {
		var all []request
		for i := range 60 {
			q := s.many.hinted(uint64(i), i%40)
			q.Stream = uint64(i % 3)
			all = append(all, q)
		}
		h.submit(all...)
		if n := h.e.CancelStream(1); n != 20 {
			t.Errorf("%d requests were cancelled", n)
		}
		h.check("cancel", true)
		if n := h.e.CancelStream(0); n != 20 {
			t.Errorf("%d requests of stream 0 were cancelled", n)
		}
		if n := h.e.CancelStream(0); n != 0 {
			t.Errorf("%d requests were cancelled twice", n)
		}
		h.faults.Play(nil)
		h.faults.ReleaseAll()
		h.run()
		for _, q := range all {
			r := h.one(q.Context)
			if q.Stream == 2 {
				s.many.verify(t, &q.Request, &r, &s.many.records[q.Context%40])
			} else if r.Status != abi.ECANCELED {
				t.Errorf("%s", r.text())
			}
		}
	})
}

// What is complete can't be cancelled; a SCAN can, with a record that waits to
// be taken.
func TestCancelReady(t *testing.T) {
	s := newStore(t)
	onAll(t, options(), func(t *testing.T, h *host) {
		q := s.many.scan(1, abi.WantFD)
		ids := h.submit(q, s.small.read(2, 0))
		for len(h.results[1]) < 3 {
			h.readable(patience)
			h.dispatch(1)
		}
		if status := h.cancel(ids[0]); status != abi.OK {
			t.Errorf("cancel: %d", status)
		}
		h.run()
		r := h.results[1]
		if last := r[len(r)-1]; last.Status != abi.ECANCELED || last.Flags&abi.More != 0 || last.message != nil {
			t.Errorf("%s", last.text())
		}
		h.results = map[uint64][]result{}
	})
}

// Requests that are ready and never taken hold descriptors and memory; both
// go with the context.
func TestShutdownReady(t *testing.T) {
	s := newStore(t)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			h := newHost(t, w, options())
			fd := s.small.read(1, 0)
			fd.Flags = abi.WantFD
			scan := s.many.scan(2, abi.WantFD)
			h.submit(fd, scan, s.big.read(3, 0))
			for range 50 {
				h.readable(time.Millisecond)
				var none [0]abi.Completion
				h.clear()
				h.e.Dispatch(none[:], 1e6)
			}
			h.shutdown()
			h.gone()
		})
	}
}

// However far some work has gone, the context can end.
func TestShutdownAnyTime(t *testing.T) {
	s := newStore(t)
	all := some(s)
	for i := range all {
		all[i].Flags |= abi.WantFD & (uint32(i%2) * abi.WantFD)
	}
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			for steps := range 25 {
				opts := options()
				opts.QueueDepth, opts.MaxBytes = 4, 1<<20
				h := newHost(t, w, opts)
				h.keep = steps%2 == 0
				handle := h.open(s.many.path, "")
				h.submit(append(all, request{Request: abi.Request{Op: abi.OpRead, File: handle, Context: 99}})...)
				for range steps {
					h.readable(time.Millisecond)
					h.dispatch(3)
				}
				h.shutdown()
				h.gone()
			}
		})
	}
}

// Messages outlive their context.
func TestMessagesOutliveContext(t *testing.T) {
	s := newStore(t)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			h := newHost(t, w, options())
			h.keep = true
			h.submit(s.big.read(1, 0), s.many.read(2, 7))
			h.run()
			h.shutdown()
			for _, at := range h.kept {
				m := copyMessage(at)
				if r := h.one(1); len(m.body) == len(r.message.body) && string(m.body) != string(r.message.body) {
					t.Errorf("a message has changed")
				}
			}
			h.gone()
		})
	}
}

// Operations end in any order, and each request gets what is its.
func TestReordered(t *testing.T) {
	s := newStore(t)
	all := some(s)
	for _, call := range []faulty.Call{faulty.Open, faulty.Read} {
		t.Run(call.String(), func(t *testing.T) {
			onHeld(t, options(), hold(call, faulty.HoldEvent), func(t *testing.T, h *host) {
				h.submit(all...)
				for len(h.pending) > 0 {
					h.settle()
					for h.faults.Held() > 0 {
						h.faults.Release(h.faults.Held() - 1)
						h.dispatch(0)
					}
				}
				for _, q := range all {
					if q.alt == "" {
						verifyOne(t, h, s.byPath(q.path), q)
					}
				}
			})
		})
	}
}

// A file can be replaced, removed and moved while operations on it hang.
func TestFileGoesWhileStuck(t *testing.T) {
	onHeld(t, options(), hold(faulty.Read, faulty.HoldStart), func(t *testing.T, h *host) {
		s := newStore(t)
		h.submit(s.small.read(1, 0))
		h.waitHeld(1)
		if err := os.Remove(s.small.path); err != nil {
			t.Fatal(err)
		}
		h.faults.Play(nil)
		h.faults.ReleaseAll()
		h.run()
		q := s.small.read(1, 0)
		r := h.one(1)
		s.small.verify(t, &q.Request, &r, &s.small.records[0])
		h.submit(s.small.read(2, 0))
		h.run()
		if r := h.one(2); r.Status != abi.ENOENT {
			t.Errorf("opened after it was removed: %s", r.text())
		}
	})
}
