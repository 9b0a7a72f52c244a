package dboxaio

import (
	"context"
	"syscall"

	"libdbox_aio/go/abi"
)

// scanQueue records, or scanBytes of them, wait for the consumer of a scan;
// then it is stopped, and goes on when they are taken.
const (
	scanQueue = 64
	scanBytes = 4 << 20
)

// scan is a call of Scan. What its consumer and the loop's goroutine both use
// goes through the queue.
type scan struct {
	call
	request abi.Request
	path    string
	file    uint64 // handle: the same file after a stop
	told    bool   // a broken record, whose status is also the final one

	// of the loop's goroutine
	id       uint64
	queued   int
	bytes    int
	checking bool // stop is going to be called
	whole    bool // the last one that came was a whole record

	resume uint64 // behind that record
}

// begin makes the file's handle and starts the scan.
func (s *scan) begin(r Request, resync bool) error {
	if err := invalid(&r); err != nil {
		return err
	}
	if len(r.Path) >= abi.PathMax || len(r.AltPath) >= abi.PathMax {
		return &Error{Path: r.Path, Errno: syscall.ENAMETOOLONG, kind: errIO}
	}
	r.NoMetadata = false // it tells where a record ends
	s.request = s.engineRequest(&r, abi.OpScan)
	s.path = r.Path
	if resync {
		s.request.Flags |= abi.Resync
	}
	status := abi.OK
	err := s.loop.do(func() {
		room := s.loop.arena
		path := cbytes(&room, r.Path)
		s.file, status = s.loop.e.OpenFile(path, cbytes(&room, r.AltPath), 0)
	})
	if err != nil {
		return err
	}
	if status != abi.OK {
		return &Error{Path: r.Path, kind: kindOf(status)}
	}
	s.request.File = s.file
	s.submit()
	return nil
}

func cbytes(room *[]byte, s string) []byte {
	at, n := cstring(room, s)
	if at == 0 {
		return nil
	}
	return abi.Bytes(at, int(n))
}

// submit starts the scan, or goes on with it.
func (s *scan) submit() {
	s.open = 1
	request := s.request
	s.loop.post(func(ok bool) {
		if !ok {
			s.arrivals.add(arrival{status: abi.ESHUTDOWN, result: Result{Err: s.loop.why()}})
			return
		}
		s.queued, s.bytes, s.whole = 0, 0, false
		s.id = s.loop.submit([]abi.Request{request}, nil, s.add)
	})
}

// add runs on the loop's goroutine.
func (s *scan) add(_ int, res *abi.Result, more bool) {
	a := s.arrived(s.path, res, more)
	if m := a.result.Message; more {
		s.whole = m != nil
		s.queued++
		if m != nil {
			s.bytes += len(m.Body)
			s.resume = uint64(m.Offset + m.RecordSize)
		}
		if !s.checking && (s.queued >= scanQueue || s.bytes >= scanBytes) {
			s.checking = true
			s.loop.after = append(s.loop.after, s.stop)
		}
	}
	s.arrivals.add(a)
}

// stop stops the scan where it can go on later: behind a whole record.
func (s *scan) stop() {
	s.checking = false
	if s.whole {
		s.loop.e.Cancel(s.id)
	}
}

// next returns what to yield next, or false at the end.
func (s *scan) next(ctx context.Context) (arrival, bool) {
	for {
		if s.open == 0 {
			return arrival{}, false
		}
		a, ok := s.arrivals.take(ctx.Done())
		if !ok {
			s.cancel()
			s.open = 0
			return arrival{result: Result{Err: context.Cause(ctx)}}, true
		}
		if a.more {
			s.told = s.told || a.result.Err != nil
			return a, true
		}
		s.open = 0
		switch {
		case a.status == abi.ECANCELED:
			// stopped, and all that came before it was taken
			s.request.Offset = s.resume
			s.submit()
		case a.status == abi.OK:
			return arrival{}, false
		case s.told && a.status != abi.ESHUTDOWN && a.status != abi.EIO:
			return arrival{}, false
		default:
			return a, true
		}
	}
}

// end closes the handle, which ends with what is in flight on it.
func (s *scan) end() {
	s.call.end()
	if s.file == 0 {
		return
	}
	s.loop.post(func(ok bool) {
		if ok {
			s.loop.e.CloseFile(s.file)
		}
	})
}
