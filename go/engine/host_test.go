package engine_test

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/both"
	"libdbox_aio/go/backend/faulty"
	"libdbox_aio/go/backend/posix"
	"libdbox_aio/go/backend/threads"
	"libdbox_aio/go/backend/uring"
	"libdbox_aio/go/dbox"
	"libdbox_aio/go/engine"
	"libdbox_aio/go/mem"
)

// way is one of the ways to the storage: a backend, and how the storage below
// it behaves. All give the same completions.
type way struct {
	name   string
	uring  bool
	script faulty.Script // nil: nothing is put between
	// what is put before all else, or nil
	between func(backend.Backend) backend.Backend
}

// noMount is the id of no mount: what lies there is remote.
const noMount = 1 << 62

var (
	uncached = faulty.Rules(
		faulty.Rule{Call: faulty.TryOpen, Fault: faulty.Fault{Errno: unix.EAGAIN}},
		faulty.Rule{Call: faulty.TryRead, Fault: faulty.Fault{Errno: unix.EAGAIN}})
	remote = faulty.Rules(
		faulty.Rule{Call: faulty.TryOpen, Fault: faulty.Fault{Errno: unix.EAGAIN}},
		faulty.Rule{Call: faulty.Attr, Fault: faulty.Fault{Mount: noMount}})
	ways = []way{
		{name: "uring", uring: true, script: nil},
		{name: "uring-uncached", uring: true, script: uncached},
		{name: "uring-remote", uring: true, script: remote},
		{name: "threads", uring: false, script: nil},
		{name: "threads-uncached", uring: false, script: uncached},
		{name: "threads-remote", uring: false, script: remote},
	}
)

// host does with an engine what the front does, and checks what it promises
// after each call. It is used by one goroutine.
type host struct {
	t       testing.TB
	opts    engine.Options
	e       *engine.Engine
	pool    *mem.Pool
	faults  *faulty.Backend // nil without one
	storage *memory         // nil without one
	fd      int
	arena   []byte // paths, outside the Go heap
	arenaAt int
	out     [64]abi.Completion
	before  []string // descriptors; nil: it has none of files

	pending  map[uint64]*pending  // by id
	results  map[uint64][]result  // by context: all completions of a request
	order    []uint64             // contexts, as final completions came
	kept     []uintptr            // messages that were not released
	keep     bool                 // keep the messages that come
	final    func(context uint64) // is called when a request is over
	unaware  bool                 // do not look at the engine's insides
	released atomic.Bool
	down     bool
}

type pending struct {
	context uint64
	records int // completions with More
}

// result is a completion with copies of all that it points to.
type result struct {
	abi.Result
	detail  string
	message *message
}

type message struct {
	abi.Message
	body, raw []byte
	lines     []dbox.Line
}

// options are those of a context with default values, but for what tests want
// smaller.
func options() engine.Options {
	return engine.Options{
		QueueDepth: 128,
		MaxPending: 65536,
		MaxWorkers: 8,
		StallNS:    1e6,
		MaxBytes:   64 << 20,
	}
}

// newHost makes a context whose way leads through package faulty in any case
// if script is not nil.
func newHost(t testing.TB, w way, opts engine.Options) *host {
	t.Helper()
	before := descriptors(t)
	h := newHostOn(t, opts, func(h *host) (backend.Backend, uint32) {
		be, kind := newBackend(t, w, &h.opts)
		if w.script != nil {
			h.faults = faulty.New(be, h.signal, w.script)
			be = h.faults
		}
		if w.between != nil {
			be = w.between(be)
		}
		return be, kind
	})
	h.before = before
	return h
}

// newHostOn makes a context on the backend that make returns, with its kind.
func newHostOn(t testing.TB, opts engine.Options, make func(h *host) (backend.Backend, uint32)) *host {
	t.Helper()
	runtime.LockOSThread()
	h := &host{t: t, opts: opts, pending: map[uint64]*pending{}, results: map[uint64][]result{}}
	var err error
	if h.arena, err = unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS); err != nil {
		t.Fatal(err)
	}
	if h.fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	h.opts.EventFD, h.opts.PID = int32(h.fd), int32(os.Getpid())
	be, kind := make(h)
	if h.pool, err = mem.NewPool(opts.MaxBytes, h.opts.PID, h.opts.EventFD); err != nil {
		t.Fatal(err)
	}
	h.e = engine.New(h.opts, &observed{be, &h.released}, h.pool, kind, 0)
	return h
}

func newBackend(t testing.TB, w way, opts *engine.Options) (backend.Backend, uint32) {
	t.Helper()
	newWorkers := func() (backend.Backend, error) {
		return threads.New(opts.MaxWorkers, int(opts.EventFD), nil)
	}
	if !w.uring {
		be, err := newWorkers()
		if err != nil {
			t.Fatal(err)
		}
		return be, abi.BackendThreads
	}
	ring, err := uring.New(opts.QueueDepth, opts.MaxWorkers, int(opts.EventFD))
	if err != nil {
		_ = unix.Close(int(opts.EventFD))
		t.Skip(err)
	}
	return both.New(ring, newWorkers, func() { posix.Signal(opts.EventFD) }), abi.BackendUring
}

// observed notes when a backend has let go of all memory.
type observed struct {
	backend.Backend
	released *atomic.Bool
}

func (o *observed) Close(released func()) {
	o.Backend.Close(func() {
		released()
		if o.released.Swap(true) {
			panic("a backend let go of its memory twice")
		}
	})
}

// descriptors returns what this process has open.
func descriptors(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var open []string
	for _, entry := range entries {
		// The directory's own is closed by now.
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil {
			open = append(open, entry.Name()+" "+target)
		}
	}
	return open
}

func (h *host) signal() { posix.Signal(h.opts.EventFD) }

// cstring puts a C string outside the Go heap, valid during the next call.
func (h *host) cstring(s string) (uintptr, uint32) {
	if s == "" {
		return 0, 0
	}
	if h.arenaAt+len(s)+1 > len(h.arena) {
		h.arenaAt = 0
	}
	dst := h.arena[h.arenaAt:]
	copy(dst, s)
	dst[len(s)] = 0
	h.arenaAt += len(s) + 1
	return uintptr(unsafe.Pointer(&dst[0])), uint32(min(len(s), abi.PathMax))
}

// request is what a test says of one. The context names it in the results.
type request struct {
	abi.Request
	path, alt string
}

// submit submits one batch and returns the ids.
func (h *host) submit(requests ...request) []uint64 {
	h.t.Helper()
	batch := make([]abi.Request, len(requests))
	for i, r := range requests {
		q := &batch[i]
		*q = r.Request
		q.Path, q.PathLength = h.cstring(r.path)
		q.AltPath, q.AltLength = h.cstring(r.alt)
		q.Callback = q.Context + 1
	}
	ids := make([]uint64, len(batch))
	h.e.Submit(batch, ids, nil, true)
	for i, id := range ids {
		if id == 0 || h.pending[id] != nil {
			h.t.Fatalf("submit: the id %#x is 0, or in use", id)
		}
		h.pending[id] = &pending{context: batch[i].Context}
	}
	h.check("submit", true)
	return ids
}

// readable reports whether the event descriptor becomes readable in time.
func (h *host) readable(timeout time.Duration) bool {
	p := [1]unix.PollFd{{Fd: int32(h.fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(p[:], int(timeout.Milliseconds()))
		if err != unix.EINTR {
			return n > 0
		}
	}
}

// clear makes the event descriptor unreadable; false: it was.
func (h *host) clear() bool {
	var count [8]byte
	n, _ := unix.Read(h.fd, count[:])
	return n == 8
}

// dispatch does what dbox_aio_dispatch does, and returns the number of
// completions.
func (h *host) dispatch(limit int) int {
	h.t.Helper()
	if !h.clear() {
		return 0
	}
	begin, ran := time.Now(), 0
	for {
		want := len(h.out)
		if limit > 0 {
			want = min(want, limit-ran)
		}
		n, more := h.e.Dispatch(h.out[:want], h.opts.StallNS)
		h.check("dispatch", more != 0)
		ran += n
		for i := range h.out[:n] {
			h.completed(&h.out[i])
		}
		if more == 0 {
			return ran
		}
		if limit > 0 && ran >= limit || time.Since(begin) > time.Duration(h.opts.StallNS) {
			h.signal()
			return ran
		}
	}
}

// take does one turn of dbox_aio_wait_request: 1, 0, or ENOENT.
func (h *host) take(id uint64) int {
	h.t.Helper()
	cleared := h.clear()
	var out abi.Completion
	ok, status, more := h.e.Take(id, &out, h.opts.StallNS)
	if status != abi.OK {
		if cleared {
			h.signal()
		}
		if status != abi.ENOENT {
			h.t.Fatalf("take: %d", status)
		}
		return int(status)
	}
	h.check("take", more != 0)
	if more != 0 {
		h.signal()
	}
	if !ok {
		return 0
	}
	if out.Result.ID != id {
		h.t.Fatalf("take %#x: got %#x", id, out.Result.ID)
	}
	h.completed(&out)
	return 1
}

// waitRequest does what dbox_aio_wait_request does without a timeout.
func (h *host) waitRequest(id uint64) {
	h.t.Helper()
	for h.pending[id] != nil {
		switch h.take(id) {
		case int(abi.ENOENT):
			h.t.Fatalf("%#x is pending, and unknown to the engine", id)
		case 0:
			if !h.readable(patience) {
				h.t.Fatalf("no wake-up for a request that is waited for: %s", h.e.Counts())
			}
		}
	}
}

// patience is more than any operation takes that is not held, on a machine that
// is busy with other things too.
const patience = 30 * time.Second

// run dispatches until nothing is pending. All it goes by is the descriptor.
func (h *host) run() {
	h.t.Helper()
	left, begin := len(h.pending), time.Now()
	for len(h.pending) > 0 {
		if !h.readable(patience) {
			h.t.Fatalf("%d requests are pending, and no wake-up came: %s", len(h.pending), h.e.Counts())
		}
		h.dispatch(0)
		if n := len(h.pending); n < left {
			left, begin = n, time.Now()
		} else if time.Since(begin) > patience {
			h.t.Fatalf("%d requests are pending, and it goes round in circles: %s", n, h.e.Counts())
		}
	}
}

// settle dispatches until nothing happens by itself any more: what is pending
// then waits for something that is held.
func (h *host) settle() {
	h.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		if h.readable(20 * time.Millisecond) {
			h.dispatch(0)
			continue
		}
		held := 0
		if h.faults != nil {
			held = h.faults.Held()
		}
		if h.e.InFlight() <= held {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%d operations are held, others do not end: %s", held, h.e.Counts())
		}
	}
}

func (h *host) completed(c *abi.Completion) {
	h.t.Helper()
	id := c.Result.ID
	p := h.pending[id]
	if p == nil {
		h.t.Fatalf("a completion of %#x, which is not pending", id)
	}
	if c.Callback != p.context+1 || uint64(c.Result.Context) != p.context {
		h.t.Fatalf("%#x: the callback or context of another request", id)
	}
	if c.Result.Flags&abi.More != 0 {
		p.records++
	} else {
		delete(h.pending, id)
		h.order = append(h.order, p.context)
	}
	at := c.Result.Message
	r := result{Result: c.Result, detail: cText(c.Result.Detail)}
	if at != 0 {
		r.message = copyMessage(at)
		if fd := r.message.FD; fd >= 0 {
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
				h.t.Errorf("the descriptor of a message: %v", err)
			}
		}
	}
	h.results[p.context] = append(h.results[p.context], r)
	switch {
	case at == 0:
	case h.keep:
		h.kept = append(h.kept, at)
	default:
		unref(at)
	}
	if h.final != nil && h.pending[id] == nil {
		h.final(p.context)
	}
}

// releaseKept releases all messages that were kept.
func (h *host) releaseKept() {
	for _, at := range h.kept {
		unref(at)
	}
	h.kept = nil
}

// cancel cancels and checks that the answer fits what is pending.
func (h *host) cancel(id uint64) abi.Status {
	h.t.Helper()
	status := h.e.Cancel(id)
	if (status == abi.ENOENT) != (h.pending[id] == nil) || status != abi.OK && status != abi.ENOENT && status != abi.EALREADY {
		h.t.Fatalf("cancel %#x: %d, pending: %v", id, status, h.pending[id] != nil)
	}
	h.check("cancel", true)
	if status == abi.OK && !h.readable(0) {
		h.t.Fatalf("cancel: no wake-up")
	}
	return status
}

func (h *host) open(path, alt string) uint64 {
	h.t.Helper()
	bytes := func(s string) []byte {
		if s == "" {
			return nil
		}
		at, n := h.cstring(s)
		return abi.Bytes(at, int(n))
	}
	number, status := h.e.OpenFile(bytes(path), bytes(alt), 1)
	if status != abi.OK {
		h.t.Fatalf("open: %d", status)
	}
	h.check("open", true)
	return number
}

func (h *host) close(file uint64) {
	h.t.Helper()
	if status := h.e.CloseFile(file); status != abi.OK {
		h.t.Fatalf("close: %d", status)
	}
	h.check("close", true)
}

// check looks at the engine after a call that was to signal what is left, or
// had to tell of it.
func (h *host) check(call string, told bool) {
	h.t.Helper()
	if held := h.pool.Held(); held > h.opts.MaxBytes && held-h.e.Aside() > h.opts.MaxBytes {
		h.t.Fatalf("%s: %d bytes are held, %d may be", call, held, h.opts.MaxBytes)
	}
	if h.unaware {
		return
	}
	if err := h.e.Check(h.isOpen); err != nil {
		h.t.Fatalf("%s: %v\n%s", call, err, h.e.Counts())
	}
	if h.e.Idle() {
		return
	}
	switch call {
	case "dispatch", "take":
		if !told {
			h.t.Fatalf("%s: there is more, and it did not say so: %s", call, h.e.Counts())
		}
	default:
		if !h.readable(0) {
			h.t.Fatalf("%s: there is more, and the descriptor is not readable: %s", call, h.e.Counts())
		}
	}
}

func (h *host) isOpen(fd int32) bool {
	if h.storage != nil {
		return h.storage.open[fd]
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}

func (h *host) stats() abi.Stats {
	h.t.Helper()
	var s abi.Stats
	h.e.Stats(&s)
	h.check("stats", true)
	return s
}

// end checks that all has ended well and ends the context.
func (h *host) end() {
	h.t.Helper()
	h.keep = false
	h.releaseKept()
	if h.faults != nil {
		h.faults.ReleaseAll()
	}
	h.run()
	for deadline := time.Now().Add(patience); !h.e.Quiet(); {
		if time.Now().After(deadline) {
			h.t.Fatalf("operations do not end: %s", h.e.Counts())
		}
		h.readable(time.Millisecond)
		h.signal()
		h.dispatch(0)
	}
	s := h.stats()
	if s.BytesHeld != 0 || h.pool.Used() != 0 {
		h.t.Errorf("%d bytes are held at the end, %d used", s.BytesHeld, h.pool.Used())
	}
	if s.Pending != 0 || s.Submitted != s.Completed {
		h.t.Errorf("submitted %d, completed %d, pending %d", s.Submitted, s.Completed, s.Pending)
	}
	h.shutdown()
	h.gone()
}

// shutdown ends the context with whatever is left in it.
func (h *host) shutdown() {
	h.t.Helper()
	for {
		n := h.e.Shutdown(h.out[:], abi.ESHUTDOWN)
		if n == 0 {
			break
		}
		for i := range h.out[:n] {
			if r := &h.out[i].Result; r.Status != abi.ESHUTDOWN || r.Message != 0 || r.Flags&abi.More != 0 {
				h.t.Fatalf("shutdown: status %d, message %#x, flags %#x", r.Status, r.Message, r.Flags)
			}
			h.completed(&h.out[i])
		}
	}
	if len(h.pending) > 0 {
		h.t.Fatalf("%d requests got no final completion", len(h.pending))
	}
	begin := time.Now()
	h.e.Free()
	if d := time.Since(begin); d > time.Second {
		h.t.Errorf("the end took %v", d)
	}
	h.down = true
}

// gone waits until nothing of a context is left.
func (h *host) gone() {
	h.t.Helper()
	if h.faults != nil {
		h.faults.ReleaseAll()
	}
	h.releaseKept()
	_ = unix.Close(h.fd)
	_ = unix.Munmap(h.arena)
	defer runtime.UnlockOSThread()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if h.released.Load() && h.before == nil {
			if h.storage != nil && len(h.storage.open) > 0 {
				h.t.Errorf("%d files are open at the end", len(h.storage.open))
			}
			return
		}
		after := descriptors(h.t)
		if h.released.Load() && slices.Equal(h.before, after) {
			return
		}
		if time.Now().After(deadline) {
			h.t.Errorf("memory was let go of: %v; descriptors\nbefore %q\nafter  %q", h.released.Load(), h.before, after)
			return
		}
	}
}

// TestMain has the Go runtime open its own descriptors before any are counted.
func TestMain(m *testing.M) {
	r, w, err := os.Pipe()
	if err != nil {
		panic(errors.Join(errors.New("no pipe"), err))
	}
	_ = r.Close()
	_ = w.Close()
	os.Exit(m.Run())
}
