package engine_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend/faulty"
)

// operation is one thing that a host can ask for, by itself.
type operation struct {
	name string
	run  func(t *testing.T, h *host)
	// what it must need of the storage where nothing is cached
	needs []faulty.Call
}

// asks is an operation that is a batch of requests.
func asks(name string, needs []faulty.Call, requests ...request) operation {
	for i := range requests {
		requests[i].Context = uint64(i + 1)
	}
	return operation{name, func(t *testing.T, h *host) {
		h.submit(requests...)
		h.run()
	}, needs}
}

// onHandle has requests on a handle, one after the other; closed: the handle is
// closed while they are pending.
func onHandle(name, path, alt string, closed bool, needs []faulty.Call, requests ...request) operation {
	return operation{name, func(t *testing.T, h *host) {
		file := h.open(path, alt)
		for i, q := range requests {
			q.path, q.alt, q.File, q.Context = "", "", file, uint64(i+1)
			h.submit(q)
			if !closed {
				h.run()
			}
		}
		h.close(file)
		h.run()
	}, needs}
}

func operations(s *store) []operation {
	flagged := func(q request, flags uint32) request {
		q.Flags = flags
		return q
	}
	windowed := func(q request, offset, limit uint64) request {
		q.BodyOffset, q.BodyLimit = offset, limit
		return q
	}
	op := func(op uint32, path string) request {
		return request{Request: abi.Request{Op: op}, path: path}
	}
	read := []faulty.Call{faulty.Open, faulty.Attr, faulty.Read}
	var all []operation
	for _, kind := range []struct {
		name  string
		small *mailFile
		large *mailFile
		i, j  int
	}{{"sdbox", s.small, s.big, 0, 0}, {"mdbox", s.many, s.mixed, 7, 3}} {
		add := func(o operation) {
			o.name = kind.name + "-" + o.name
			all = append(all, o)
		}
		small, large := kind.small.read(0, kind.i), kind.large.read(0, kind.j)
		add(asks("read", read, small))
		add(asks("read-large", read, large))
		add(asks("read-hinted", read, kind.large.hinted(0, kind.j)))
		add(asks("window", read, windowed(large, 200_000, 1000)))
		add(asks("window-to-end", read, windowed(large, 150_001, 0)))
		add(asks("headers-only", read, flagged(large, abi.HeadersOnly)))
		add(asks("no-body", read, flagged(large, abi.NoBody)))
		add(asks("no-metadata", read, flagged(large, abi.NoMetadata)))
		add(asks("want-fd", read, flagged(small, abi.WantFD)))
		add(asks("scan", read, op(abi.OpScan, kind.large.path)))
		add(asks("scan-no-body", read, kind.large.scan(0, abi.NoBody)))
		add(asks("scan-resync", read, kind.small.scan(0, abi.Resync)))
		add(asks("open", read, op(abi.OpOpen, kind.small.path)))
		add(asks("stat", []faulty.Call{faulty.Open, faulty.Attr}, op(abi.OpStat, kind.small.path)))
		add(onHandle("handle-read", kind.large.path, "", false, read, small, large, flagged(large, abi.HeadersOnly)))
		add(onHandle("handle-window", kind.large.path, "", false, read, windowed(large, 200_000, 1000), windowed(large, 10, 5)))
		add(onHandle("handle-scan", kind.small.path, "", false, read, kind.small.scan(0, 0), kind.small.scan(0, abi.NoBody)))
		add(onHandle("handle-open-stat", kind.small.path, "", false, read, op(abi.OpOpen, ""), op(abi.OpStat, "")))
		add(onHandle("handle-want-fd", kind.small.path, "", false, read, flagged(small, abi.WantFD)))
		add(onHandle("handle-closed", kind.large.path, "", true, read, large, op(abi.OpStat, ""), kind.large.scan(0, abi.NoBody)))
	}
	var neighbours []request
	for i := 3; i < 30; i++ {
		neighbours = append(neighbours, s.many.hinted(0, i))
	}
	alternative := []faulty.Call{faulty.Open, faulty.Attr, faulty.Read}
	return append(all,
		asks("neighbours", read, neighbours...),
		asks("alternative", alternative, request{Request: abi.Request{Op: abi.OpRead}, path: s.missing, alt: s.moved.path}),
		onHandle("handle-alternative", s.missing, s.moved.path, false, alternative, op(abi.OpRead, "")),
		operation{"close-fd", func(t *testing.T, h *host) {
			fd, err := unix.Open(s.small.path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			if status := h.e.CloseFD(int32(fd)); status != abi.OK {
				t.Fatalf("close: %d", status)
			}
			h.check("close-fd", true)
			h.run()
		}, []faulty.Call{faulty.Attr}},
	)
}

// quiet waits until nothing is under way, and checks that nothing is left but
// descriptors that no worker could be had for: they are closed with the context.
func (h *host) quiet(what string) {
	h.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		if h.e.Quiet() {
			// may find descriptors to close
			s := h.stats()
			if h.e.Quiet() && s.BytesHeld == 0 && int(s.OpenFiles) == h.e.Unclosed() && s.Pending == 0 {
				return
			}
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%s: it does not end: %s", what, h.e.Counts())
		}
		h.readable(time.Millisecond)
		h.signal()
		h.dispatch(0)
	}
}

// TestEveryFaultOfEachOperation has each call of the storage that an operation
// makes fail in turn, for each operation. The points are counted: an operation
// without any is none that is tested.
func TestEveryFaultOfEachOperation(t *testing.T) {
	s := newStore(t)
	errnos := map[faulty.Call][]syscall.Errno{
		faulty.TryOpen: {unix.EAGAIN, unix.EIO, unix.EMFILE},
		faulty.TryRead: {unix.EAGAIN, unix.EIO},
		faulty.Attr:    {unix.EIO},
		faulty.Open:    {unix.EINTR, unix.EIO, unix.EACCES, unix.EMFILE, unix.ENOMEM},
		faulty.Read:    {unix.EINTR, unix.EAGAIN, unix.EIO},
		faulty.Stat:    {unix.EINTR, unix.EIO, unix.ENOMEM},
		faulty.Close:   {unix.EIO, unix.ENOMEM},
	}
	all := operations(s)
	points := map[string]int{}
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			bare := w.script == nil
			if bare {
				w.script = faulty.Rules()
			}
			for _, o := range all {
				h := newHost(t, w, options())
				play := func(what string, script faulty.Script) {
					h.faults.Play(before(script, w.script))
					h.results = map[uint64][]result{}
					o.run(t, h)
					h.quiet(what)
				}
				play(o.name, faulty.Rules())
				right := h.results
				var counts [faulty.Calls]int
				for call := range faulty.Calls {
					counts[call] = h.faults.Count(call)
				}
				for _, call := range o.needs {
					if !bare && counts[call] == 0 {
						t.Fatalf("%s needs no %v: %s", o.name, call, right[1][len(right[1])-1].text())
					}
				}
				if strings.HasSuffix(w.name, "-remote") && counts[faulty.Close] == 0 {
					t.Fatalf("%s closes nothing", o.name)
				}
				for call, n := range counts {
					for _, errno := range fewer(errnos[faulty.Call(call)]) {
						for k := 1; k <= n; k++ {
							what := fmt.Sprintf("%s: %v %d fails with %v", o.name, faulty.Call(call), k, errno)
							play(what, faulty.Rules(faulty.Rule{Call: faulty.Call(call), From: k, Fault: faulty.Fault{Errno: errno}}))
							h.compare(right, what, errno)
							points[o.name]++
						}
					}
				}
				play(o.name, faulty.Rules())
				h.compare(right, o.name+" afterwards", 0)
				h.end()
			}
		})
	}
	for _, o := range all {
		if points[o.name] == 0 {
			t.Errorf("%s: nothing was made to fail", o.name)
		}
		t.Logf("%-24s %4d faults", o.name, points[o.name])
	}
}
