package threads

import (
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/backendtest"
)

func withGoroutines(workers int) backendtest.New {
	return func(t *testing.T, eventFD int) backend.Backend {
		t.Helper()
		b, err := New(workers, eventFD, nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func TestSuite(t *testing.T) {
	backendtest.Suite(t, withGoroutines(4))
}

func TestSuiteWithOneWorker(t *testing.T) {
	backendtest.Suite(t, withGoroutines(1))
}

// later is an executor that does nothing before it is told to.
type later struct {
	shared *Shared
	jobs   []uintptr
	looks  []bool
	closed []int32
	refuse bool
}

func (x *later) Post(job uintptr, look bool) bool {
	if x.refuse {
		return false
	}
	x.jobs = append(x.jobs, job)
	x.looks = append(x.looks, look)
	return true
}

func (x *later) Stop() {}

func (x *later) CloseAll(fds []int32) {
	for _, fd := range fds {
		_ = unix.Close(int(fd))
	}
	x.closed = append(x.closed, fds...)
}

func (x *later) runAll() {
	for _, job := range x.jobs {
		run(abi.At[Job](job))
		x.shared.finish(job)
	}
	x.jobs = nil
}

func withLater(x *later) backendtest.New {
	return func(t *testing.T, eventFD int) backend.Backend {
		t.Helper()
		b, err := New(1, eventFD, func(shared *Shared, _ int) (Executor, error) {
			x.shared = shared
			return x, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func TestAQueuedJobCanBeCancelled(t *testing.T) {
	x := &later{}
	b := backendtest.NewBench(t, withLater(x))
	fd, buf := b.OpenFile(), backendtest.Memory(t, 100)
	for tag := range uint32(3) {
		b.Start(&backend.Op{Tag: tag, Kind: backend.Read, FD: fd, Len: 10, Buf: buf})
	}
	b.Cancel(1)
	x.runAll()
	b.Cancel(2) // too late
	results := b.Wait(3)
	if results[0] != 10 || results[1] != -int32(unix.ECANCELED) || results[2] != 10 {
		t.Errorf("results %v", results)
	}
}

func TestSeveralResultsAreOneSignal(t *testing.T) {
	x := &later{}
	b := backendtest.NewBench(t, withLater(x))
	fd, buf := b.OpenFile(), backendtest.Memory(t, 100)
	for tag := range uint32(5) {
		b.Start(&backend.Op{Tag: tag, Kind: backend.Read, FD: fd, Len: 10, Buf: buf})
	}
	x.runAll()
	var count [8]byte
	if _, err := unix.Read(b.EventFD, count[:]); err != nil || count[0] != 1 {
		t.Errorf("%d signals, %v", count[0], err)
	}
	b.Wait(5)
}

func TestWithoutAWorkerAnOperationFails(t *testing.T) {
	x := &later{refuse: true}
	b := backendtest.NewBench(t, withLater(x))
	res := b.Do(backend.Op{Tag: 5, Kind: backend.Read, FD: b.OpenFile(), Len: 10})
	if res != -int32(unix.ENOMEM) {
		t.Errorf("result %d, want ENOMEM", res)
	}
}

func TestWithoutAnExecutorThereIsNoBackend(t *testing.T) {
	before := backendtest.Mappings(t)
	none := errors.New("no thread")
	for range 50 {
		_, err := New(1, -1, func(*Shared, int) (Executor, error) { return nil, none })
		if !errors.Is(err, none) {
			t.Fatalf("%v, want %v", err, none)
		}
	}
	if after := backendtest.Mappings(t); after > before+10 {
		t.Errorf("%d mappings, %d before", after, before)
	}
}

func TestCloseWithJobsInTheQueue(t *testing.T) {
	x := &later{}
	b := backendtest.NewBench(t, withLater(x))
	before := backendtest.Descriptors(t)
	path := backendtest.CString(t, b.Path("file"))
	for tag := range uint32(2000) { // more than one mapping of jobs
		b.Start(&backend.Op{Tag: tag, Kind: backend.Open, Path: path})
	}
	released := b.CloseNotWaiting()
	select {
	case <-released:
		t.Error("released with jobs in the queue")
	default:
	}
	x.runAll()
	b.MustEnd(released)
	if after := backendtest.Descriptors(t); after > before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	if len(x.closed) != 2000 {
		t.Errorf("%d of them closed by the executor, want all 2000", len(x.closed))
	}
}

func TestRightsAreLookedAtOnceInEachCall(t *testing.T) {
	x := &later{}
	b := backendtest.NewBench(t, withLater(x))
	fd, buf := b.OpenFile(), backendtest.Memory(t, 100)
	for tag := range uint32(4) {
		if tag == 2 {
			b.Flush()
		}
		b.Start(&backend.Op{Tag: tag, Kind: backend.Read, FD: fd, Len: 10, Buf: buf})
	}
	if want := []bool{true, false, true, false}; !slices.Equal(x.looks, want) {
		t.Errorf("looked at %v, want %v", x.looks, want)
	}
	x.runAll()
	b.Wait(4)
}

func TestNothingIsLeftOfManyBackends(t *testing.T) {
	fd := backendtest.EventFD(t)
	once := func() {
		b, err := New(2, fd, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.Start(&backend.Op{Tag: 1, Kind: backend.Close, FD: -1})
		ended := make(chan struct{})
		b.Close(func() { close(ended) })
		<-ended
	}
	once()
	mappings, descriptors := backendtest.Mappings(t), backendtest.Descriptors(t)
	for range 200 {
		once()
	}
	if n := backendtest.Mappings(t); n > mappings+50 {
		t.Errorf("%d mappings, %d before", n, mappings)
	}
	if n := backendtest.Descriptors(t); n > descriptors {
		t.Errorf("%d descriptors, %d before", n, descriptors)
	}
}

func TestNoMoreWorkersThanAllowed(t *testing.T) {
	b := backendtest.NewBench(t, withGoroutines(3))
	var stuck []*backendtest.Stuck
	fd := b.OpenFile()
	for tag := range uint32(3) {
		s := backendtest.NewStuck(t)
		stuck = append(stuck, s)
		b.Start(&backend.Op{Tag: tag, Kind: backend.Read, FD: fd, Len: 10, Buf: s.Buf})
	}
	for _, s := range stuck {
		s.WaitHanging() // all at once
	}
	b.Start(&backend.Op{Tag: 3, Kind: backend.Read, FD: fd, Len: 10, Buf: backendtest.Memory(t, 10)})
	var events [1]backend.Event
	if n := b.Reap(events[:]); n != 0 {
		t.Errorf("operation %d ended with all workers hanging", events[0].Tag)
	}
	b.Cancel(3)
	for _, s := range stuck {
		s.LetGo()
	}
	if results := b.Wait(4); results[0] != 10 || results[3] != -int32(unix.ECANCELED) {
		t.Errorf("results %v", results)
	}
}
