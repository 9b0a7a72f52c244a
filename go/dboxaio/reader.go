package dboxaio

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
)

// Backend is a way to read.
type Backend int

const (
	// Auto takes io_uring, and goroutines where that can't be had.
	Auto Backend = iota
	// Uring reads by io_uring; network file systems by goroutines.
	Uring
	// Threads reads by goroutines.
	Threads
)

func (b Backend) String() string {
	names := [...]string{"auto", "uring", "threads"}
	if b < 0 || int(b) >= len(names) {
		return fmt.Sprintf("Backend(%d)", int(b))
	}
	return names[b]
}

// Options of a Reader. What is 0 gets its default.
type Options struct {
	Backend Backend
	// QueueDepth is the number of operations the kernel has at once (128).
	QueueDepth int
	// MaxWorkers is the number of goroutines that wait for storage (64). One
	// mount takes half of them at most.
	MaxWorkers int
	// MaxBytes bounds what is being read at one time (256 MiB).
	MaxBytes int64
	// MaxMessageSize: larger records get ErrTooBig unread; 0 is no limit.
	MaxMessageSize int64
}

// Reader reads records. All methods can be called from all goroutines.
type Reader struct {
	loop *loop
	// calls counts calls: each is a stream, which takes its turns.
	calls atomic.Uint64
}

// New makes a Reader. options may be nil.
func New(options *Options) (*Reader, error) {
	var opts Options
	if options != nil {
		opts = *options
	}
	l, err := newLoop(&opts)
	if err != nil {
		return nil, err
	}
	return &Reader{loop: l}, nil
}

// Close ends the Reader. Calls that wait return ErrClosed. It returns within a
// second, also if storage does not answer.
func (r *Reader) Close() error {
	r.loop.close()
	return nil
}

// Result is that of one request.
type Result struct {
	Message *Message
	Err     error // nil, or an *Error, or what the context or the Reader says
}

// Read reads one record.
func (r *Reader) Read(ctx context.Context, request Request) (*Message, error) {
	for _, result := range r.Batch(ctx, []Request{request}) {
		return result.Message, result.Err
	}
	panic("unreachable: each request has a result")
}

// Batch reads records, and yields each one's index in requests with its
// result, in the order in which they come. Requests for one file share its
// descriptor, and neighbours are read together, so what belongs together
// should be one batch. requests must not be changed until the loop ends.
// Leaving the loop cancels what is left; so does the end of ctx, and the
// requests that are left get its error.
func (r *Reader) Batch(ctx context.Context, requests []Request) iter.Seq2[int, Result] {
	return func(yield func(int, Result) bool) {
		b := &batch{call: r.newCall(), requests: requests}
		defer b.end()
		for range requests {
			if i, result := b.result(ctx); !yield(i, result) {
				return
			}
		}
	}
}

// Scan yields the records of request.Path from request.Offset on, one behind
// the other, each checked to its end. A broken record yields an *Error, with
// which the loop ends; with resync it goes on at the next record that can be
// found. The file that was there first is read to its end, whatever happens to
// its path. Leaving the loop, or the end of ctx, ends the scan. NoMetadata has
// no effect.
func (r *Reader) Scan(ctx context.Context, request Request, resync bool) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		s := &scan{call: r.newCall()}
		defer s.end()
		if err := s.begin(request, resync); err != nil {
			yield(nil, err)
			return
		}
		for {
			a, ok := s.next(ctx)
			if !ok || !yield(a.result.Message, a.result.Err) {
				return
			}
		}
	}
}

func (r *Reader) newCall() call {
	return call{loop: r.loop, stream: r.calls.Add(1), arrivals: newQueue()}
}

// Stats are counters since New.
type Stats struct {
	Backend Backend
	// Fallback says why Auto did not take io_uring; "" if it did.
	Fallback string
	// Opens and Reads are operations; MergedReads are requests that another
	// one's read has served.
	Opens, Reads, MergedReads uint64
	BytesRead                 uint64
	// Pending requests have no result yet; OpenFiles are descriptors.
	Pending, OpenFiles int
}

// Stats returns the Reader's counters.
func (r *Reader) Stats() (Stats, error) {
	var stats Stats
	err := r.loop.do(func() { stats = r.loop.stats() })
	return stats, err
}
