package engine

import (
	"math"
	"math/bits"
	"time"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/posix"
	"libdbox_aio/go/mem"
	"libdbox_aio/go/mounts"
	"libdbox_aio/go/sched"
)

// Options are what New wants to know; all are set.
type Options struct {
	QueueDepth, MaxPending, MaxWorkers int

	StallNS        int64
	MaxBytes       int64
	MaxMessageSize uint64 // 0: no limit

	EventFD int32
	PID     int32

	// Rights tells the rights of the calling thread apart. nil: they never
	// change.
	Rights Rights

	// CloseAll closes descriptors, each of which may wait for storage, not
	// on the calling thread. nil: a goroutine does.
	CloseAll func(fds []int32)
}

// Engine is the core of one context.
type Engine struct {
	opts    Options
	be      backend.Backend
	pool    *mem.Pool
	mounts  *mounts.Table
	queue   *sched.Queue
	timers  sched.Timers
	started time.Time
	base    int64 // CLOCK_MONOTONIC at started

	requests slab[request]
	readings slab[reading]
	files    slab[file]
	nodes    slab[node]
	ops      slab[op]
	names    names
	mountOps []mountState

	idShift  uint
	sequence uint64
	accepted uint64 // the sequence at the end of the last Submit

	again     list // requests that go on before any that is queued
	ready     list // requests with something to deliver
	readyLen  int
	inFlight  int    // operations that the backend has
	slow      int    // of them those that take a worker
	near      int    // operations on local mounts, in flight or waiting for their turn
	nearBegun uint64 // how many of those there have been
	deferred  int    // operations that wait for their mount's turn
	heldNeed  int64  // the least that one which waits for memory needs
	keepOpen  int    // open files that may wait for their next request
	deadline  int64  // of this call
	time      int64  // when it was looked at last
	calls     uint32
	narrow    bool    // descriptors are short: see crowded
	batching  bool    // what the cache may answer is asked for by the backend's Turn
	turnLeft  int     // bytes that may still be read in the next Turn
	unclosed  []int32 // descriptors that nobody could close
	closing   uint32  // those whose close is under way
	scratch   []runItem
	sharing   bool    // some requests of the batch are for one file
	together  []int32 // see gather
	events    [64]backend.Event
	starting  backend.Op // here, since it would be allocated for each operation
	stats     abi.Stats
	cursor    int32 // of Shutdown
	rights    uint32
	looked    uint32  // the call in which they were
	fresh     []int32 // files that are to be opened with the rights of this call
}

// New makes an engine on a backend, which passes to it, as the pool does. kind
// and fallback are what the statistics show of the backend.
func New(opts Options, be backend.Backend, pool *mem.Pool, kind uint32, fallback int32) *Engine {
	e := &Engine{
		opts:     opts,
		be:       be,
		pool:     pool,
		mounts:   mounts.New(),
		queue:    sched.New(),
		started:  time.Now(),
		idShift:  uint(bits.Len(uint(opts.MaxPending) + chunkSize)),
		again:    list{none, none},
		ready:    list{none, none},
		keepOpen: 16,
		heldNeed: math.MaxInt64,
	}
	e.stats.Backend, e.stats.FallbackErrno = kind, fallback
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) == nil {
		e.base = ts.Nano()
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		e.keepOpen = int(min(max(limit.Cur/4, 4), 256))
	}
	e.names.init()
	writeDetails()
	return e
}

// now is CLOCK_MONOTONIC in nanoseconds.
func (e *Engine) now() int64 { return e.base + int64(time.Since(e.started)) }

// tick looks at the clock, for all that happens until the next tick.
func (e *Engine) tick() { e.time = e.now() }

// late reports whether the time of this call is up.
func (e *Engine) late() bool {
	e.tick()
	return e.time >= e.deadline
}

// Signal makes the event descriptor readable.
func (e *Engine) Signal() { posix.Signal(e.opts.EventFD) }
