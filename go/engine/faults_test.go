package engine_test

import (
	"fmt"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend/faulty"
)

// some has a few requests of each kind: as many calls of the backend as there
// can be one after the other in a short time.
func some(s *store) []request {
	var all []request
	add := func(q request) {
		q.Context = uint64(len(all) + 1)
		all = append(all, q)
	}
	add(s.small.read(0, 0))
	for i := 3; i < 30; i += 5 {
		add(s.many.hinted(0, i))
	}
	add(s.mixed.read(0, 3))
	far := s.mixed.read(0, 3)
	far.BodyOffset, far.BodyLimit = 200_000, 1000
	add(far)
	header := s.large.read(0, 2)
	header.Flags = abi.HeadersOnly
	add(header)
	add(s.mixed.scan(0, abi.NoBody))
	add(s.many.scan(0, 0))
	add(request{Request: abi.Request{Op: abi.OpOpen}, path: s.large.path})
	add(request{Request: abi.Request{Op: abi.OpStat}, path: s.big.path})
	add(request{Request: abi.Request{Op: abi.OpRead}, path: s.missing, alt: s.moved.path})
	return all
}

// fewer returns the first of the errors only, with -short: what is done about
// the others has been tried without a race detector.
func fewer(errnos []syscall.Errno) []syscall.Errno {
	if testing.Short() {
		return errnos[:min(len(errnos), 1)]
	}
	return errnos
}

// TestEveryFault has every call of the backend fail in turn. Interruptions are
// not to be seen at all; other errors by nobody but those the call was for.
func TestEveryFault(t *testing.T) {
	s := newStore(t)
	all := some(s)
	errnos := map[faulty.Call][]syscall.Errno{
		faulty.TryOpen: {unix.EAGAIN, unix.ELOOP, unix.EIO, unix.EMFILE},
		faulty.TryRead: {unix.EAGAIN, unix.EIO},
		faulty.Attr:    {unix.EIO},
		faulty.Open:    {unix.EINTR, unix.EAGAIN, unix.EIO, unix.ENFILE, unix.ENOMEM},
		faulty.Read:    {unix.EINTR, unix.EAGAIN, unix.EIO},
		faulty.Stat:    {unix.EINTR, unix.EIO},
		faulty.Close:   {unix.EIO},
	}
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			if w.script == nil {
				w.script = faulty.Rules()
			}
			h := newHost(t, w, options())
			play := func(script faulty.Script) {
				h.faults.Play(before(script, w.script))
				h.results = map[uint64][]result{}
				h.submit(all...)
				h.run()
			}
			play(faulty.Rules())
			right := h.results
			for call := range faulty.Calls {
				calls := max(h.faults.Count(call), 1)
				for _, errno := range fewer(errnos[call]) {
					for k := 1; k <= calls; k++ {
						play(faulty.Rules(faulty.Rule{Call: call, From: k, Fault: faulty.Fault{Errno: errno}}))
						h.compare(right, fmt.Sprintf("%v %d fails with %v", call, k, errno), errno)
					}
				}
				play(faulty.Rules())
			}
			h.end()
		})
	}
}

// compare checks that each request got what it got without a fault, or failed
// with the fault's errno.
func (h *host) compare(right map[uint64][]result, fault string, errno syscall.Errno) {
	h.t.Helper()
	hidden := errno == unix.EINTR || errno == unix.EAGAIN || errno == unix.ELOOP
	for context, want := range right {
		got := h.results[context]
		for i := range got {
			failed := i == len(got)-1 && syscall.Errno(got[i].SysErrno) == errno && got[i].Status != abi.OK
			if failed && !hidden {
				break
			}
			if i >= len(want) || got[i].text() != want[i].text() {
				h.t.Fatalf("%s: request %d, completion %d: %s", fault, context, i, got[i].text())
			}
		}
	}
}

// TestShortReads has every read give at most so many bytes, for each number
// that can matter.
func TestShortReads(t *testing.T) {
	s := newStore(t)
	short := writeMails(t, s.at("m.9"), 5, 0, 90, 300)
	all := []request{
		short.read(1, 0), short.hinted(2, 1), short.read(3, 2), short.scan(4, 0), short.scan(5, abi.NoBody),
		{Request: abi.Request{Op: abi.OpRead, Context: 6}, path: s.small.path},
		{Request: abi.Request{Op: abi.OpOpen, Context: 7}, path: s.many.path},
		{Request: abi.Request{Op: abi.OpRead, Context: 8, Flags: abi.HeadersOnly}, path: s.small.path},
		{Request: abi.Request{Op: abi.OpRead, Context: 9, BodyOffset: 33, BodyLimit: 300}, path: s.small.path},
	}
	// Beyond the first few each length is like the next.
	large := []request{s.mixed.read(10, 3), s.mixed.scan(11, abi.NoBody), s.big.read(12, 0), s.large.scan(13, abi.HeadersOnly)}
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			if w.script == nil {
				w.script = faulty.Rules()
			}
			h := newHost(t, w, options())
			h.submit(append(all, large...)...)
			h.run()
			right := h.results
			play := func(n int, requests []request) {
				h.results = map[uint64][]result{}
				fault := faulty.Fault{Short: n}
				script := before(w.script, faulty.Rules(
					faulty.Rule{Call: faulty.TryRead, Fault: fault}, faulty.Rule{Call: faulty.Read, Fault: fault}))
				h.faults.Play(script)
				h.submit(requests...)
				h.run()
				for context, got := range h.results {
					for i := range got {
						if want := right[context][i].text(); got[i].text() != want {
							t.Fatalf("reads of %d bytes: request %d: %s\nnot %s", n, context, got[i].text(), want)
						}
					}
				}
			}
			for n := 1; n < len(s.small.data)+2; n++ {
				if n > 40 && n%7 != 0 {
					continue
				}
				play(n, all)
			}
			for _, n := range []int{997, 4096, 65_535, 131_073, 262_145} {
				play(n, large)
			}
			h.end()
		})
	}
}
