package both

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/backendtest"
	"libdbox_aio/go/backend/posix"
	"libdbox_aio/go/backend/threads"
	"libdbox_aio/go/backend/uring"
)

// workers counts what it is given.
type workers struct {
	made   int   // how often they were asked for
	refuse error // or nil
	jobs   int
}

// counting is an executor that counts.
type counting struct {
	threads.Executor
	jobs *int
}

func (x counting) Post(job uintptr, look bool) bool {
	*x.jobs++
	return x.Executor.Post(job, look)
}

func (w *workers) backend() backendtest.New {
	return func(t *testing.T, eventFD int) backend.Backend {
		t.Helper()
		ring, err := uring.New(64, 4, eventFD)
		var refusal *uring.Refusal
		if errors.As(err, &refusal) {
			t.Skip(refusal.Reason)
		}
		if err != nil {
			t.Fatal(err)
		}
		return New(ring, func() (backend.Backend, error) {
			w.made++
			if w.refuse != nil {
				return nil, w.refuse
			}
			return threads.New(2, eventFD, func(shared *threads.Shared, max int) (threads.Executor, error) {
				return counting{threads.NewGoExecutor(shared, max), &w.jobs}, nil
			})
		}, func() { posix.Signal(int32(eventFD)) })
	}
}

func TestSuite(t *testing.T) {
	var w workers
	backendtest.Suite(t, w.backend())
}

// localReads begins ten reads of a local file, all of them with Wait set or none,
// and checks that they give what is there.
func localReads(t *testing.T, w *workers, wait bool) {
	t.Helper()
	b := backendtest.NewBench(t, w.backend())
	fd, buf := b.OpenFile(), backendtest.Memory(t, 100)
	for tag := range uint32(10) {
		b.Start(&backend.Op{Tag: tag, Kind: backend.Read, Wait: wait, FD: fd, Len: 5, Off: uint64(tag), Buf: buf + uintptr(tag)*5})
	}
	for tag, res := range b.Wait(10) {
		if res != 5 {
			t.Errorf("operation %d: %d", tag, res)
		}
	}
}

func TestLocalOperationsNeedNoWorkers(t *testing.T) {
	var w workers
	localReads(t, &w, false)
	if w.made != 0 {
		t.Errorf("%d pools of workers for what the ring does", w.made)
	}
}

// io-wq would interrupt the host.
func TestWhatWaitsGoesToWorkers(t *testing.T) {
	var w workers
	localReads(t, &w, true)
	if w.made != 1 || w.jobs != 10 {
		t.Errorf("%d pools of workers had %d operations, want 1 and 10", w.made, w.jobs)
	}
}

func TestLocalOperationsGoOnWithoutThreads(t *testing.T) {
	w := workers{refuse: errors.New("no thread")}
	localReads(t, &w, true)
	if w.jobs != 0 {
		t.Errorf("%d operations at workers that can't be", w.jobs)
	}
}

// What is opened without a worker, and never taken, does not stay open.
func TestOpenedWithoutThreadsIsClosed(t *testing.T) {
	w := workers{refuse: errors.New("no thread")}
	b := backendtest.NewBench(t, w.backend())
	path := append([]byte(b.Path("file")), 0)
	buf := backendtest.Memory(t, len(path))
	copy(abi.Bytes(buf, len(path)), path)
	open := func() (n int) {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			if target, _ := os.Readlink("/proc/self/fd/" + fd.Name()); target == b.Path("file") {
				n++
			}
		}
		return n
	}
	b.Start(&backend.Op{Tag: 1, Kind: backend.Open, Wait: true, Path: buf})
	if n := open(); n != 1 {
		t.Errorf("open %d times, want once", n)
	}
	b.CloseAndWait()
	if n := open(); n != 0 {
		t.Errorf("still open %d times", n)
	}
}

// remote says of every operation that it is a remote one.
type remote struct{ backend.Backend }

func (b remote) Start(op *backend.Op) {
	far := *op
	far.Remote = true
	b.Backend.Start(&far)
}

func TestSuiteWithRemoteFiles(t *testing.T) {
	var w workers
	backendtest.Suite(t, func(t *testing.T, eventFD int) backend.Backend {
		t.Helper()
		return remote{w.backend()(t, eventFD)}
	})
}

func TestRemoteOperationsGoToWorkers(t *testing.T) {
	var w workers
	b := backendtest.NewBench(t, w.backend())
	fd, buf := b.OpenFile(), backendtest.Memory(t, 100)
	for tag := range uint32(20) {
		b.Start(&backend.Op{Tag: tag, Kind: backend.Read, Remote: tag%4 == 0, FD: fd, Len: 5, Off: uint64(tag),
			Buf: buf + uintptr(tag)*5})
	}
	for tag, res := range b.Wait(20) {
		if res != 5 {
			t.Errorf("operation %d: %d", tag, res)
		}
	}
	if w.made != 1 || w.jobs != 5 {
		t.Errorf("%d pools of workers had %d operations, want 1 and 5", w.made, w.jobs)
	}
}

func TestACancelGoesWhereTheOperationIs(t *testing.T) {
	var w workers
	b := backendtest.NewBench(t, w.backend())
	fd, buf := b.OpenFile(), backendtest.Memory(t, 100)
	var stuck [2]*backendtest.Stuck
	for i := range stuck { // all workers hang
		stuck[i] = backendtest.NewStuck(t)
		b.Start(&backend.Op{Tag: uint32(i), Kind: backend.Read, Remote: true, FD: fd, Len: 5, Buf: stuck[i].Buf})
		stuck[i].WaitHanging()
	}
	b.Start(&backend.Op{Tag: 2, Kind: backend.Read, Remote: true, FD: fd, Len: 5, Buf: buf})
	b.Cancel(2)
	for _, s := range stuck {
		s.LetGo()
	}
	if results := b.Wait(3); results[2] != -int32(unix.ECANCELED) {
		t.Errorf("results %v", results)
	}
	// The tag is the ring's now: a cancel must not go to the workers.
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	b.Start(&backend.Op{Tag: 2, Kind: backend.Read, FD: int32(p[0]), Len: 5, Buf: buf})
	b.Flush()
	b.Cancel(2)
	if res := b.Wait(1)[2]; res != -int32(unix.ECANCELED) {
		t.Errorf("result %d", res)
	}
	_, _ = unix.Close(p[0]), unix.Close(p[1])
}

func TestWithoutWorkersRemoteOperationsFail(t *testing.T) {
	w := workers{refuse: errors.New("no thread")}
	b := backendtest.NewBench(t, w.backend())
	op := backend.Op{Tag: 9, Kind: backend.Read, Remote: true, FD: b.OpenFile(), Len: 5, Buf: backendtest.Memory(t, 5)}
	if res := b.Do(op); res != -int32(unix.ENOMEM) {
		t.Errorf("result %d, want ENOMEM", res)
	}
	w.refuse = nil // a later one tries again
	if res := b.Do(op); res != 5 {
		t.Errorf("result %d", res)
	}
}

func TestReleasedOnlyWhenBothAre(t *testing.T) {
	for _, far := range []bool{false, true} {
		var w workers
		b := backendtest.NewBench(t, w.backend())
		fd, stuck := b.OpenFile(), backendtest.NewStuck(t)
		// One that ends, to have workers in both cases.
		b.Do(backend.Op{Tag: 1, Kind: backend.Read, Remote: true, FD: fd, Len: 5, Buf: backendtest.Memory(t, 5)})
		b.Start(&backend.Op{Tag: 2, Kind: backend.Read, Wait: true, Remote: far, FD: fd, Len: 5, Buf: stuck.Buf})
		b.Flush()
		stuck.WaitHanging()
		released := b.CloseNotWaiting()
		select {
		case <-released:
			t.Error("released while the kernel still has the buffer")
		default:
		}
		stuck.LetGo()
		b.MustEnd(released)
		if string(abi.Bytes(stuck.Buf, 3)) != "all" {
			t.Error("the read did not end")
		}
	}
}
