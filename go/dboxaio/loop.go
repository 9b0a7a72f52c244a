package dboxaio

import (
	"os"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend/posix"
	"libdbox_aio/go/engine"
	"libdbox_aio/go/mem"
)

const (
	// dispatchMax completions are taken at once.
	dispatchMax = 16
	// submitMax requests are submitted at once: as many as the arena has
	// room for paths.
	submitMax = 64
	arenaSize = submitMax * 2 * (abi.PathMax + 1)
	// budget is how long one call into the engine works, in nanoseconds.
	budget = 1e6

	metadataSize = unsafe.Sizeof(abi.Metadata{})
)

// loop owns an engine, which only its goroutine touches. Others hand it
// functions.
type loop struct {
	fd      int // the event descriptor
	arena   []byte
	e       *engine.Engine
	pool    *mem.Pool
	backend Backend
	reason  string // of the fallback
	room    int    // for pending requests

	pending map[uint64]func(*abi.Result, bool) // by context
	last    uint64

	current []func(bool) // of todo, what this turn has still to do
	backlog []func(bool) // what waits until fewer are pending
	after   []func()     // for when all that a dispatch brought is delivered

	mu     sync.Mutex
	todo   []func(bool)
	ending bool          // nothing more is accepted
	ended  chan struct{} // closed when all is over
	failed error         // what calls get then
}

func newLoop(opts *Options) (*loop, error) {
	l := &loop{pending: map[uint64]func(*abi.Result, bool){}, ended: make(chan struct{}), failed: ErrClosed, room: maxPending}
	var err error
	if l.fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	if l.arena, err = unix.Mmap(-1, 0, arenaSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS); err != nil {
		_ = unix.Close(l.fd)
		return nil, os.NewSyscallError("mmap", err)
	}
	begun := make(chan error)
	go l.run(opts, begun)
	if err := <-begun; err != nil {
		l.free()
		return nil, err
	}
	return l, nil
}

func (l *loop) free() {
	_ = unix.Munmap(l.arena)
	_ = unix.Close(l.fd)
}

// open makes the engine, on the loop's thread.
func (l *loop) open(opts *Options) error {
	e := engineOptions(opts)
	e.EventFD, e.PID = int32(l.fd), int32(os.Getpid())
	be, err := l.newBackend(opts.Backend, &e)
	if err != nil {
		return err
	}
	l.pool, err = mem.NewPool(e.MaxBytes, e.PID, e.EventFD)
	if err != nil {
		be.Close(func() {})
		return err
	}
	l.e = engine.New(e, be, l.pool, uint32(l.backend), 0)
	return nil
}

// run is the loop's goroutine. Its thread is the one that io_uring knows.
func (l *loop) run(opts *Options, begun chan<- error) {
	runtime.LockOSThread()
	err := l.open(opts)
	begun <- err
	if err != nil {
		return
	}
	defer l.finish()
	for l.turn() {
	}
}

// turn waits for something to do, and does it. false: it was the last.
func (l *loop) turn() bool {
	p := [1]unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(p[:], -1); err != unix.EINTR {
			break
		}
	}
	var count [8]byte
	_, _ = unix.Read(l.fd, count[:])
	l.mu.Lock()
	ending := l.ending
	l.current, l.todo = l.todo, nil
	l.mu.Unlock()
	for len(l.current) > 0 {
		f := l.current[0]
		l.current = l.current[1:]
		f(true)
	}
	if ending {
		return false
	}
	var out [dispatchMax]abi.Completion
	for {
		n, more := l.e.Dispatch(out[:], budget)
		for i := range out[:n] {
			l.deliver(&out[i].Result)
		}
		for _, f := range l.after {
			f()
		}
		l.after = l.after[:0]
		l.catchUp()
		// What was released may let others go on.
		if n == 0 && more == 0 {
			return true
		}
	}
}

// catchUp submits what had to wait, as far as there is room now.
func (l *loop) catchUp() {
	for len(l.backlog) > 0 && len(l.pending)+window <= l.room {
		f := l.backlog[0]
		l.backlog = l.backlog[1:]
		f(true)
	}
}

func (l *loop) deliver(res *abi.Result) {
	context := uint64(res.Context)
	more := res.Flags&abi.More != 0
	f := l.pending[context]
	if !more {
		delete(l.pending, context)
	}
	f(res, more)
	if res.Message != 0 {
		l.pool.Drop(res.Message)
	}
}

// finish ends the engine, and with it all that waits. It also runs after a
// panic inside the engine, whose state can't be trusted then.
func (l *loop) finish() {
	if recover() != nil {
		l.mu.Lock()
		l.ending, l.failed = true, ErrInternal
		l.mu.Unlock()
		l.e.Abandon()
	} else {
		var out [dispatchMax]abi.Completion
		for n := l.e.Shutdown(out[:], abi.ESHUTDOWN); n > 0; n = l.e.Shutdown(out[:], abi.ESHUTDOWN) {
			for i := range out[:n] {
				l.deliver(&out[i].Result)
			}
		}
		l.e.Free()
	}
	for context, f := range l.pending {
		delete(l.pending, context)
		f(&abi.Result{Status: abi.ESHUTDOWN}, false)
	}
	l.mu.Lock()
	left := append(append(l.backlog, l.current...), l.todo...)
	l.mu.Unlock()
	for _, f := range left {
		f(false)
	}
	l.free()
	close(l.ended)
}

// post hands f to the loop, which calls it with true, or with false if the
// engine is gone: then f must not touch it.
func (l *loop) post(f func(bool)) {
	l.mu.Lock()
	ending := l.ending
	if !ending {
		l.todo = append(l.todo, f)
		posix.Signal(int32(l.fd))
	}
	l.mu.Unlock()
	if ending {
		f(false)
	}
}

// do has the loop run f and waits for it.
func (l *loop) do(f func()) error {
	done := make(chan error, 1)
	l.post(func(ok bool) {
		if !ok {
			done <- l.why()
			return
		}
		f()
		done <- nil
	})
	return <-done
}

// why tells what has ended the loop.
func (l *loop) why() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// close ends the loop and waits for it.
func (l *loop) close() {
	l.mu.Lock()
	if !l.ending {
		l.ending = true
		posix.Signal(int32(l.fd))
	}
	l.mu.Unlock()
	<-l.ended
}

// submit gives requests to the engine. Each has a file, or a path, that of
// paths[i]; what comes of requests[i] goes to arrived(i). On the loop's
// goroutine.
func (l *loop) submit(requests []abi.Request, paths []Request, arrived func(i int, res *abi.Result, more bool)) (first uint64) {
	ids := make([]uint64, len(requests))
	for at := 0; at < len(requests); at += submitMax {
		end := min(at+submitMax, len(requests))
		room := l.arena
		for i := at; i < end; i++ {
			q := &requests[i]
			if q.File == 0 {
				q.Path, q.PathLength = cstring(&room, paths[i].Path)
				q.AltPath, q.AltLength = cstring(&room, paths[i].AltPath)
			}
			l.last++
			q.Context, q.Callback = l.last, 1
			l.pending[l.last] = func(res *abi.Result, more bool) { arrived(i, res, more) }
		}
		l.e.Submit(requests[at:end], ids[at:end], nil, end == len(requests))
	}
	return ids[0]
}

// cstring puts a C string into room, which shrinks. A path that the system
// would not take is cut: its length says so.
func cstring(room *[]byte, s string) (uintptr, uint32) {
	if s == "" {
		return 0, 0
	}
	s = s[:min(len(s), abi.PathMax)]
	dst := *room
	copy(dst, s)
	dst[len(s)] = 0
	*room = dst[len(s)+1:]
	return uintptr(unsafe.Pointer(&dst[0])), uint32(len(s))
}

func (l *loop) stats() Stats {
	var s abi.Stats
	l.e.Stats(&s)
	return Stats{
		Backend:     l.backend,
		Fallback:    l.reason,
		Opens:       s.Opens,
		Reads:       s.Reads,
		MergedReads: s.MergedReads,
		BytesRead:   s.BytesRead,
		Pending:     int(s.Pending),
		OpenFiles:   int(s.OpenFiles),
	}
}
