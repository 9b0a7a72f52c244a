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

// Neighbours in a file are read together, whatever their order, and each gets
// what is its.
func TestMerge(t *testing.T) {
	s := newStore(t)
	var all []request
	for i := range s.many.records {
		all = append(all, s.many.hinted(uint64(i), i), s.many.hinted(uint64(100+i), i))
		all[2*i].SizeHint -= uint64(i % 3)
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	onAll(t, options(), func(t *testing.T, h *host) {
		h.submit(all...)
		h.run()
		for _, q := range all {
			r := h.one(q.Context)
			s.many.verify(t, &q.Request, &r, &s.many.records[q.Context%100])
		}
		if stats := h.stats(); stats.MergedReads < 60 || stats.Opens > 3 {
			t.Errorf("%d reads of %d were merged, the file was opened %d times", stats.MergedReads, len(all), stats.Opens)
		}
	})
}

// A handle is one file until it is closed, whatever happens to its path, and
// can be closed while requests on it are in flight.
func TestHandle(t *testing.T) {
	onAll(t, options(), func(t *testing.T, h *host) {
		s := newStore(t)
		file := h.open(s.many.path, "")
		on := func(context uint64, i int) request {
			return request{Request: abi.Request{Op: abi.OpRead, Context: context, File: file, Offset: s.many.records[i].offset}}
		}
		h.submit(on(1, 1))
		h.run()
		if err := os.Rename(s.small.path, s.many.path); err != nil {
			t.Fatal(err)
		}
		h.submit(on(2, 20), on(3, 30))
		h.close(file)
		if status := h.e.CloseFile(file); status != abi.EINVAL {
			t.Errorf("closed twice: %d", status)
		}
		h.submit(on(4, 1))
		h.run()
		for context, i := range map[uint64]int{1: 1, 2: 20, 3: 30} {
			r := h.one(context)
			s.many.verify(t, &abi.Request{}, &r, &s.many.records[i])
		}
		if r := h.one(4); r.Status != abi.EINVAL {
			t.Errorf("a request on a closed handle: %s", r.text())
		}
	})
}

// A handle whose first open failed is tried again by its next request.
func TestHandleOpensLater(t *testing.T) {
	onAll(t, options(), func(t *testing.T, h *host) {
		s := newStore(t)
		file := h.open(s.missing, "")
		q := request{Request: abi.Request{Op: abi.OpRead, Context: 1, File: file}}
		h.submit(q)
		h.run()
		if r := h.one(1); r.Status != abi.ENOENT {
			t.Errorf("%s", r.text())
		}
		if err := os.Rename(s.moved.path, s.missing); err != nil {
			t.Fatal(err)
		}
		q.Context = 2
		h.submit(q)
		h.run()
		r := h.one(2)
		s.moved.verify(t, &q.Request, &r, &s.moved.records[0])
	})
}

// The alternative path is tried where the path has nothing, and the path once
// more after that: the file can have been moved back in between.
func TestAlternativePath(t *testing.T) {
	s := newStore(t)
	onAll(t, options(), func(t *testing.T, h *host) {
		h.submit(
			request{Request: abi.Request{Op: abi.OpRead, Context: 1}, path: s.missing, alt: s.moved.path},
			request{Request: abi.Request{Op: abi.OpRead, Context: 2}, path: s.small.path, alt: s.moved.path},
			request{Request: abi.Request{Op: abi.OpRead, Context: 3}, path: s.missing, alt: s.missing + "x"},
			request{Request: abi.Request{Op: abi.OpRead, Context: 4}, path: s.at("directory"), alt: s.moved.path})
		h.run()
		r := h.one(1)
		s.moved.verify(t, &abi.Request{}, &r, &s.moved.records[0])
		if r.Flags&abi.FromAlt == 0 || h.one(2).Flags&abi.FromAlt != 0 {
			t.Errorf("flags %#x and %#x", r.Flags, h.one(2).Flags)
		}
		if r := h.one(3); r.Status != abi.ENOENT {
			t.Errorf("%s", r.text())
		}
		if r := h.one(4); r.Status != abi.ENOTFILE {
			t.Errorf("%s", r.text())
		}
	})
	missed := faulty.Rules(faulty.Rule{Call: faulty.Open, From: 1, To: 2, Fault: faulty.Fault{Errno: unix.ENOENT}})
	onHeld(t, options(), missed, func(t *testing.T, h *host) {
		h.submit(request{Request: abi.Request{Op: abi.OpRead, Context: 1}, path: s.small.path, alt: s.moved.path})
		h.run()
		r := h.one(1)
		s.small.verify(t, &abi.Request{}, &r, &s.small.records[0])
		if r.Flags&abi.FromAlt != 0 {
			t.Errorf("flags %#x", r.Flags)
		}
	})
}

// On remote storage the size that the kernel knows can be out of date: no file
// is called short before it was asked for.
func TestStaleSize(t *testing.T) {
	s := newStore(t)
	for _, w := range ways {
		if w.name != "uring-remote" && w.name != "threads-remote" {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			asked := false // the storage: then the kernel knows
			stale := func(call faulty.Call, _ int) faulty.Fault {
				asked = asked || call == faulty.Stat
				if call != faulty.Attr || asked {
					return faulty.Fault{}
				}
				return faulty.Fault{Mount: noMount, Shrink: 20_000}
			}
			w.script = before(stale, w.script)
			h := newHost(t, w, options())
			for i := range s.many.records {
				h.submit(s.many.read(uint64(i), i), s.many.hinted(uint64(100+i), i))
			}
			scan := s.many.scan(200, 0)
			h.submit(scan)
			h.run()
			for i := range s.many.records {
				for _, context := range []uint64{uint64(i), uint64(100 + i)} {
					r := h.one(context)
					s.many.verify(t, &abi.Request{}, &r, &s.many.records[i])
				}
			}
			s.many.verifyScan(t, &scan.Request, h.results[200])
			h.end()
		})
	}
}

// A read for several requests that fails once fails none of them: each is
// tried by itself.
func TestMergeFails(t *testing.T) {
	s := newStore(t)
	var all []request
	for i := range s.many.records {
		all = append(all, s.many.hinted(uint64(i), i))
	}
	for _, call := range []faulty.Call{faulty.TryRead, faulty.Read} {
		for _, w := range ways {
			t.Run(fmt.Sprintf("%v-%s", call, w.name), func(t *testing.T) {
				if w.script == nil {
					w.script = faulty.Rules()
				}
				h := newHost(t, w, options())
				// The first call can be for the file header.
				fault := faulty.Fault{Errno: unix.EIO}
				h.faults.Play(before(faulty.Rules(faulty.Rule{Call: call, From: 2, Fault: fault}), w.script))
				h.submit(all...)
				h.run()
				for _, q := range all {
					r := h.one(q.Context)
					s.many.verify(t, &q.Request, &r, &s.many.records[q.Context])
				}
				h.end()
			})
		}
	}
}
