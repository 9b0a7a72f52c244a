package engine_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend/faulty"
)

// remoteWays are those to storage that is not local.
func remoteWays() []way {
	var some []way
	for _, w := range ways {
		if w.name == "uring-remote" || w.name == "threads-remote" {
			some = append(some, w)
		}
	}
	return some
}

// longRead has a record of 2 MB read, whose parts wait for their release.
func longRead(t *testing.T, w way, f *mailFile, workers int) *host {
	t.Helper()
	opts := options()
	opts.MaxWorkers = workers
	script := w.script
	w.script = before(hold(faulty.Read, faulty.HoldStart), script)
	h := newHost(t, w, opts)
	h.submit(f.hinted(1, 0))
	h.waitHeld(1)
	h.settle()
	return h
}

// A long read of storage that is not local has some workers at the same time,
// and never more; in whatever order they end, the record is what is in the file.
func TestLongReadIsSplit(t *testing.T) {
	s := newStore(t)
	rng := rand.New(rand.NewPCG(7, 7))
	for _, w := range remoteWays() {
		for _, workers := range []int{64, 8, 1} {
			t.Run(fmt.Sprintf("%s/%d-workers", w.name, workers), func(t *testing.T) {
				h := longRead(t, w, s.large, workers)
				want := min(8, max(workers/2, 1))
				most, ended := 0, 0
				for h.faults.Held() > 0 {
					most = max(most, h.faults.Held())
					h.faults.Release(rng.IntN(h.faults.Held()))
					ended++
					h.settle()
				}
				if most != want {
					t.Errorf("%d parts at the same time, not %d", most, want)
				}
				if least := len(s.large.records[0].body) >> 17; ended < least {
					t.Errorf("%d reads for %d bytes", ended, s.large.records[0].size)
				}
				h.run()
				got := h.one(1)
				q := s.large.hinted(1, 0).Request
				s.large.verify(t, &q, &got, &s.large.records[0])
				h.end()
			})
		}
	}
}

// What is wrong with a part is what one read would have met, and nothing behind
// it counts.
func TestPartFails(t *testing.T) {
	s := newStore(t)
	for _, w := range remoteWays() {
		for k := 1; k <= 16; k++ {
			t.Run(fmt.Sprintf("%s/%d", w.name, k), func(t *testing.T) {
				w.script = before(faulty.Rules(
					faulty.Rule{Call: faulty.Read, From: k, Fault: faulty.Fault{Errno: unix.EIO}}), w.script)
				h := newHost(t, w, options())
				h.submit(s.large.hinted(1, 0))
				h.run()
				if r := h.one(1); r.Status != abi.EIO || unix.Errno(r.SysErrno) != unix.EIO || r.message != nil {
					t.Errorf("read %d of %d fails: %s", k, h.faults.Count(faulty.Read), r.text())
				}
				h.end()
			})
		}
	}
}

// A file that ends inside a part is cut off there, although parts behind it
// have been asked for.
func TestFileEndsInPart(t *testing.T) {
	for _, w := range remoteWays() {
		for _, size := range []int64{200, 130_000, 131_072, 400_000, 1_999_000} {
			t.Run(fmt.Sprintf("%s/%d", w.name, size), func(t *testing.T) {
				s := newStore(t)
				h := longRead(t, w, s.large, 64)
				if err := os.Truncate(s.large.path, size); err != nil {
					t.Fatal(err)
				}
				for h.faults.Held() > 0 {
					h.faults.Release(h.faults.Held() - 1)
					h.settle()
				}
				h.faults.Play(w.script)
				h.run()
				if r := h.one(1); r.Status != abi.ETRUNCATED || r.ErrorOffset != uint64(size) {
					t.Errorf("%s, at %d", r.text(), r.ErrorOffset)
				}
				h.end()
			})
		}
	}
}

// A long read that nobody waits for any more ends with the parts that have
// begun; those that wait for a worker never begin.
func TestLongReadIsCancelled(t *testing.T) {
	s := newStore(t)
	for _, w := range remoteWays() {
		t.Run(w.name, func(t *testing.T) {
			opts := options()
			opts.MaxWorkers = 4
			w.script = before(hold(faulty.Read, faulty.HoldStart), w.script)
			h := newHost(t, w, opts)
			id := h.submit(s.large.hinted(1, 0))[0]
			h.waitHeld(2)
			if status := h.cancel(id); status != abi.OK {
				t.Fatalf("cancel: %d", status)
			}
			h.run()
			if r := h.one(1); r.Status != abi.ECANCELED {
				t.Errorf("%s", r.text())
			}
			begun := h.faults.Count(faulty.Read)
			h.faults.ReleaseAll()
			h.settle()
			if now := h.faults.Count(faulty.Read); now != begun {
				t.Errorf("%d reads were begun for nobody", now-begun)
			}
			h.end()
		})
	}
}
