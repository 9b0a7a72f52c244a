package dboxaio

import (
	"fmt"

	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/both"
	"libdbox_aio/go/backend/posix"
	"libdbox_aio/go/backend/threads"
	"libdbox_aio/go/backend/uring"
	"libdbox_aio/go/engine"
)

// maxPending requests are in the engine at once; each call has window of them
// at most, and waits here for what is beyond.
const maxPending = 1 << 20

func engineOptions(opts *Options) engine.Options {
	return engine.Options{
		QueueDepth:     orDefault(opts.QueueDepth, 128, 4096),
		MaxPending:     maxPending,
		MaxWorkers:     orDefault(opts.MaxWorkers, 64, 1024),
		StallNS:        budget,
		MaxBytes:       max(orDefault(opts.MaxBytes, 256<<20, 1<<40), 64<<10),
		MaxMessageSize: uint64(max(opts.MaxMessageSize, 0)),
	}
}

func orDefault[T int | int64](value, normal, most T) T {
	if value <= 0 {
		return normal
	}
	return min(value, most)
}

// newBackend makes the backend that is asked for, or the one there can be.
func (l *loop) newBackend(want Backend, opts *engine.Options) (backend.Backend, error) {
	newWorkers := func() (backend.Backend, error) {
		return threads.New(opts.MaxWorkers, int(opts.EventFD), nil)
	}
	if want < Auto || want > Threads {
		return nil, fmt.Errorf("dboxaio: there is no %v", want)
	}
	if want != Threads {
		ring, err := uring.New(opts.QueueDepth, opts.MaxWorkers, int(opts.EventFD))
		if err == nil {
			l.backend = Uring
			return both.New(ring, newWorkers, func() { posix.Signal(opts.EventFD) }), nil
		}
		if want == Uring {
			return nil, fmt.Errorf("dboxaio: %w", err)
		}
		l.reason = err.Error()
	}
	l.backend = Threads
	return newWorkers()
}
