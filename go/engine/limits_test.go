package engine_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend/faulty"
)

// A host that keeps its messages gets no more than max_bytes, and the next one
// as soon as it releases some.
func TestMaxBytes(t *testing.T) {
	s := newStore(t)
	opts := options()
	opts.MaxBytes = 1 << 20
	onAll(t, opts, func(t *testing.T, h *host) {
		h.keep = true
		var all []request
		for i := range 12 {
			all = append(all, s.big.read(uint64(i), 0))
		}
		h.submit(all...)
		for done := 0; len(h.pending) > 0; {
			h.settle()
			if len(h.order) == done || len(h.kept) == 0 {
				t.Fatalf("%d are done, %d messages are held, and nothing goes on", len(h.order), len(h.kept))
			}
			done = len(h.order)
			unref(h.kept[0])
			h.kept = h.kept[1:]
		}
		for _, q := range all {
			r := h.one(q.Context)
			s.big.verify(t, &q.Request, &r, &s.big.records[0])
		}
	})
}

// A record that can never fit is refused, a window of it is not.
func TestTooBig(t *testing.T) {
	s := newStore(t)
	opts := options()
	opts.MaxBytes = 512 << 10
	onAll(t, opts, func(t *testing.T, h *host) {
		q := s.large.read(2, 0)
		q.BodyOffset, q.BodyLimit = 1_000_000, 1000
		h.submit(s.large.read(1, 0), q)
		h.run()
		if r := h.one(1); r.Status != abi.ETOOBIG {
			t.Errorf("%s", r.text())
		}
		r := h.one(2)
		s.large.verify(t, &q.Request, &r, &s.large.records[0])
	})
}

func TestMaxMessageSize(t *testing.T) {
	s := newStore(t)
	opts := options()
	opts.MaxMessageSize = 50_000
	onAll(t, opts, func(t *testing.T, h *host) {
		for i := range s.mixed.records {
			h.submit(s.mixed.read(uint64(i), i))
			h.run()
			r, rec := h.one(uint64(i)), &s.mixed.records[i]
			if len(rec.body) > 50_000 {
				if r.Status != abi.ETOOBIG {
					t.Errorf("%s", r.text())
				}
				continue
			}
			s.mixed.verify(t, &abi.Request{}, &r, rec)
		}
	})
}

// However small the queue and the workers are, all is served.
func TestSmallQueues(t *testing.T) {
	s := newStore(t)
	all := some(s)
	for _, n := range []int{1, 2, 3} {
		opts := options()
		opts.QueueDepth, opts.MaxWorkers = n, n
		onAll(t, opts, func(t *testing.T, h *host) {
			h.submit(all...)
			h.run()
		})
	}
}

// A mount that hangs takes half of the workers, and another one goes on.
func TestHungMount(t *testing.T) {
	other, err := os.MkdirTemp("/dev/shm", "")
	if err != nil {
		t.Skip("no second file system: ", err)
	}
	defer os.RemoveAll(other)
	s := newStore(t)
	var here, there unix.Stat_t
	if unix.Stat(s.dir, &here) != nil || unix.Stat(other, &there) != nil || here.Dev == there.Dev {
		t.Skip("/dev/shm is no file system of its own")
	}
	f := writeMails(t, filepath.Join(other, "m.1"), 300, 400)
	opts := options()
	// The first opens are those of the mount that hangs: no more get so far.
	script := faulty.Rules(faulty.Rule{Call: faulty.Open, From: 1, To: opts.MaxWorkers / 2, Fault: faulty.Fault{Hold: faulty.HoldStart}})
	onHeld(t, opts, script, func(t *testing.T, h *host) {
		for i := range 30 {
			q := s.small.read(uint64(i), 0)
			q.Flags = abi.WantFD // each opens by itself
			h.submit(q)
		}
		h.waitHeld(opts.MaxWorkers / 2)
		h.submit(f.read(100, 0), f.read(101, 1))
		for h.results[100] == nil || h.results[101] == nil {
			if !h.readable(patience) {
				t.Fatalf("the other mount waits too: %s", h.e.Counts())
			}
			h.dispatch(0)
		}
		if n := len(h.pending); n != 30 {
			t.Errorf("%d requests are left", n)
		}
		h.faults.Play(nil)
	})
}

// Normal requests go before background ones, but for a few; a stream with one
// request does not wait for one with many.
func TestOrder(t *testing.T) {
	s := newStore(t)
	opts := options()
	opts.QueueDepth, opts.MaxWorkers, opts.StallNS = 1, 2, int64(time.Second)
	onAll(t, opts, func(t *testing.T, h *host) {
		var all []request
		for i := range 80 {
			q := request{Request: abi.Request{Op: abi.OpStat, Context: uint64(i), Stream: 1}, path: s.at("u.2")}
			if i < 40 {
				q.Priority = 1
			}
			all = append(all, q)
		}
		last := all[79]
		last.Context, last.Stream = 100, 2
		h.submit(append(all, last)...)
		h.run()
		background := 0
		for i, context := range h.order {
			if i < 35 && context < 40 {
				background++
			}
			if context == 100 && i > 10 {
				t.Errorf("the stream with one request was served after %d others", i)
			}
		}
		if background > 5 {
			t.Errorf("%d of the first 35 were background", background)
		}
	})
}

// A request that is waited for goes before all others, and no result of
// another one is taken with it.
func TestTake(t *testing.T) {
	s := newStore(t)
	opts := options()
	opts.QueueDepth, opts.StallNS = 1, 1
	onAll(t, opts, func(t *testing.T, h *host) {
		var all []request
		for i := range 40 {
			all = append(all, s.many.hinted(uint64(i), i))
		}
		scan := s.mixed.scan(50, abi.NoBody)
		ids := h.submit(append(all, scan)...)
		h.waitRequest(ids[39])
		if len(h.order) != 1 || h.order[0] != 39 {
			t.Errorf("order %d", h.order)
		}
		h.waitRequest(ids[40])
		if n := len(h.results[50]); n != len(s.mixed.records)+1 {
			t.Errorf("a scan of %d records has %d completions", len(s.mixed.records), n)
		}
		h.run()
		for _, q := range all {
			r := h.one(q.Context)
			s.many.verify(t, &q.Request, &r, &s.many.records[q.Context])
		}
	})
}
