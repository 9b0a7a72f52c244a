package threads

import (
	"sync"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend/posix"
)

// goExecutor has goroutines for workers. They are started as they are needed.
type goExecutor struct {
	shared *Shared
	max    int

	mu      sync.Mutex
	more    sync.Cond
	queue   []uintptr
	idle    int
	workers int
	stopped bool
}

// NewGoExecutor makes an executor with up to max goroutines.
func NewGoExecutor(shared *Shared, max int) Executor {
	x := &goExecutor{shared: shared, max: max}
	x.more.L = &x.mu
	return x
}

func (x *goExecutor) Post(job uintptr, _ bool) bool {
	x.mu.Lock()
	x.queue = append(x.queue, job)
	if x.idle < len(x.queue) && x.workers < x.max {
		x.workers++
		go x.work()
	} else {
		x.more.Signal()
	}
	x.mu.Unlock()
	return true
}

func (x *goExecutor) Stop() {
	x.mu.Lock()
	x.stopped = true
	x.more.Broadcast()
	x.mu.Unlock()
}

func (x *goExecutor) CloseAll(fds []int32) { posix.CloseAll(fds) }

func (x *goExecutor) work() {
	x.mu.Lock()
	for {
		for len(x.queue) == 0 && !x.stopped {
			x.idle++
			x.more.Wait()
			x.idle--
		}
		if len(x.queue) == 0 {
			x.mu.Unlock()
			return
		}
		job := x.queue[0]
		x.queue = append(x.queue[:0], x.queue[1:]...)
		x.mu.Unlock()
		run(abi.At[Job](job))
		x.shared.finish(job)
		x.mu.Lock()
	}
}
