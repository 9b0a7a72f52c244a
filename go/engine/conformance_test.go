package engine_test

import (
	"strings"
	"testing"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend/faulty"
	"libdbox_aio/go/engine"
)

// onAll runs a schedule on all ways, and compares what the requests get.
func onAll(t *testing.T, opts engine.Options, schedule func(t *testing.T, h *host)) {
	t.Helper()
	first, firstWay := "", ""
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			h := newHost(t, w, opts)
			schedule(t, h)
			h.end()
			text := h.transcript()
			if firstWay == "" {
				first, firstWay = text, w.name
			} else if text != first {
				t.Errorf("not the same completions as on %s:\n%s", firstWay, difference(first, text))
			}
		})
	}
}

// difference shows the first lines of two transcripts that differ.
func difference(a, b string) string {
	linesA, linesB := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range linesA {
		if i >= len(linesB) || linesA[i] != linesB[i] {
			return linesA[i] + "\n" + strings.Join(linesB[i:min(i+1, len(linesB))], "")
		}
	}
	return "there is more"
}

// onHeld runs a schedule on the ways on which nothing is answered at once, with
// a script that goes before theirs.
func onHeld(t *testing.T, opts engine.Options, script faulty.Script, schedule func(t *testing.T, h *host)) {
	t.Helper()
	for _, w := range ways {
		if w.script == nil {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			w.script = before(script, w.script)
			h := newHost(t, w, opts)
			schedule(t, h)
			if !h.down {
				h.end()
			}
		})
	}
}

// before joins two scripts: the second is asked where the first has no fault.
func before(first, second faulty.Script) faulty.Script {
	return func(call faulty.Call, n int) faulty.Fault {
		if f := first(call, n); f != (faulty.Fault{}) {
			return f
		}
		return second(call, n)
	}
}

// everything has requests of all kinds for the files of a store.
func everything(s *store) []request {
	var all []request
	add := func(q request) {
		q.Context = uint64(len(all) + 1)
		all = append(all, q)
	}
	for _, f := range s.mails() {
		for i := range f.records {
			for _, hint := range []uint64{0, f.records[i].size, 100, 3 * f.records[i].size, 1 << 40} {
				q := f.read(0, i)
				q.SizeHint = hint
				add(q)
			}
			size := uint64(len(f.records[i].body))
			for _, flags := range []uint32{abi.NoBody, abi.NoMetadata, abi.HeadersOnly, abi.NoBody | abi.NoMetadata, abi.HeadersOnly | abi.NoMetadata} {
				q := f.read(0, i)
				q.Flags = flags
				add(q)
				q.SizeHint = f.records[i].size
				add(q)
			}
			for _, w := range [][2]uint64{{0, 10}, {5, 0}, {size / 2, 100}, {size, 0}, {size + 1, 5}, {1 << 63, 1 << 63}, {size / 3, size / 3}} {
				q := f.read(0, i)
				q.BodyOffset, q.BodyLimit = w[0], w[1]
				add(q)
				q.Flags = abi.NoMetadata
				add(q)
			}
		}
		for _, flags := range []uint32{0, abi.NoBody, abi.HeadersOnly, abi.NoMetadata, abi.Resync} {
			add(f.scan(0, flags))
		}
		q := f.scan(0, 0)
		q.BodyOffset, q.BodyLimit = 10, 50
		add(q)
		last := f.scan(0, 0)
		last.Offset = f.records[len(f.records)-1].offset
		add(last)
		end := f.read(0, 0)
		end.Offset = uint64(len(f.data))
		add(end)
		end.Offset = 1 << 63
		add(end)
	}
	for _, name := range []string{"directory", "fifo", "nothing"} {
		for _, op := range []uint32{abi.OpOpen, abi.OpRead, abi.OpScan, abi.OpStat} {
			add(request{Request: abi.Request{Op: op}, path: s.at(name)})
			add(request{Request: abi.Request{Op: op}, path: s.missing, alt: s.moved.path})
			add(request{Request: abi.Request{Op: op}, path: s.many.path})
		}
	}
	return all
}

// verifyAll compares the completions of requests for whole files.
func verifyAll(t *testing.T, h *host, s *store, all []request) {
	t.Helper()
	for _, q := range all {
		f := s.byPath(q.path)
		if q.path == s.missing {
			f = s.moved
		}
		verifyOne(t, h, f, q)
	}
}

func verifyOne(t *testing.T, h *host, f *mailFile, q request) {
	t.Helper()
	switch {
	case f == nil:
		want := abi.ENOTFILE
		if q.path[len(q.path)-7:] == "nothing" {
			want = abi.ENOENT
		}
		if r := h.one(q.Context); r.Status != want {
			t.Errorf("%s: %s", q.path, r.text())
		}
	case q.Op == abi.OpScan:
		f.verifyScan(t, &q.Request, h.results[q.Context])
	case q.Op == abi.OpRead && q.Offset >= uint64(len(f.data)):
		if r := h.one(q.Context); r.Status != abi.ETRUNCATED || r.ErrorOffset != uint64(len(f.data)) {
			t.Errorf("%s at its end: %s", q.path, r.text())
		}
	case q.Op == abi.OpRead:
		for i := range f.records {
			if rec := &f.records[i]; rec.offset == max(q.Offset, f.records[0].offset) {
				r := h.one(q.Context)
				f.verify(t, &q.Request, &r, rec)
			}
		}
	default:
		if r := h.one(q.Context); r.Status != abi.OK || r.FileSize != uint64(len(f.data)) {
			t.Errorf("%s: %s", q.path, r.text())
		}
	}
}

func TestEverything(t *testing.T) {
	s := newStore(t)
	all := everything(s)
	onAll(t, options(), func(t *testing.T, h *host) {
		for at := 0; at < len(all); at += 100 {
			h.submit(all[at:min(at+100, len(all))]...)
			h.run()
		}
		verifyAll(t, h, s, all)
	})
}

func TestEverythingAtOnce(t *testing.T) {
	s := newStore(t)
	all := everything(s)
	onAll(t, options(), func(t *testing.T, h *host) {
		h.unaware = true // its time grows with the square of what is pending
		h.submit(all...)
		h.run()
		h.unaware = false
		verifyAll(t, h, s, all)
	})
}
