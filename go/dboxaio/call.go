package dboxaio

import (
	"context"
	"strings"
	"sync"

	"libdbox_aio/go/abi"
)

// window bounds the requests of a batch whose results were not taken yet.
const window = 256

// arrival is a completion on its way to the call that waits for it.
type arrival struct {
	index  int
	result Result
	status abi.Status
	more   bool
}

// queue has what the loop found for a call. The loop never waits for one who
// takes from it: what can be in it is bounded by what its call has begun.
type queue struct {
	mu    sync.Mutex
	items []arrival
	added chan struct{}
}

func newQueue() *queue { return &queue{added: make(chan struct{}, 1)} }

func (q *queue) add(a arrival) {
	q.mu.Lock()
	q.items = append(q.items, a)
	q.mu.Unlock()
	select {
	case q.added <- struct{}{}:
	default:
	}
}

// take returns the first one, when there is one; false if done is closed
// before.
func (q *queue) take(done <-chan struct{}) (arrival, bool) {
	for {
		q.mu.Lock()
		if len(q.items) > 0 {
			a := q.items[0]
			q.items[0] = arrival{}
			q.items = q.items[1:]
			q.mu.Unlock()
			return a, true
		}
		q.items = nil
		q.mu.Unlock()
		select {
		case <-q.added:
		case <-done:
			return arrival{}, false
		}
	}
}

// call is one call of a Reader, and what it has in the engine.
type call struct {
	loop     *loop
	stream   uint64
	arrivals *queue
	open     int // requests whose final arrival was not taken
}

// cancel cancels all requests of the call. Their arrivals follow.
func (c *call) cancel() {
	c.loop.post(func(ok bool) {
		if ok {
			c.loop.e.CancelStream(c.stream)
		}
	})
}

// end cancels what is left when nobody listens any more.
func (c *call) end() {
	if c.open > 0 {
		c.cancel()
	}
}

// arrived makes an arrival of what came.
func (c *call) arrived(path string, res *abi.Result, more bool) arrival {
	a := arrival{status: res.Status, more: more}
	switch {
	case res.Status == abi.ESHUTDOWN:
		a.result.Err = c.loop.why()
	case res.Status != abi.OK:
		a.result.Err = errorOf(path, res)
	case res.Message != 0:
		a.result.Message = messageOf(res)
	}
	return a
}

func (c *call) engineRequest(r *Request, op uint32) abi.Request {
	q := abi.Request{
		Op:         op,
		Offset:     uint64(max(r.Offset, 0)),
		SizeHint:   uint64(max(r.SizeHint, 0)),
		BodyOffset: uint64(max(r.BodyOffset, 0)),
		BodyLimit:  uint64(max(r.BodyLimit, 0)),
		Stream:     c.stream,
	}
	for _, flag := range []struct {
		on  bool
		bit uint32
	}{{r.NoBody, abi.NoBody}, {r.NoMetadata, abi.NoMetadata}, {r.HeadersOnly, abi.HeadersOnly}} {
		if flag.on {
			q.Flags |= flag.bit
		}
	}
	if r.Background {
		q.Priority = 1
	}
	return q
}

// invalid returns what is wrong with a request, or nil. The engine takes what
// it is given.
func invalid(r *Request) error {
	detail := ""
	switch {
	case r.Path == "" || strings.IndexByte(r.Path, 0) >= 0 || strings.IndexByte(r.AltPath, 0) >= 0:
		detail = "the path is empty, or has a NUL in it"
	case r.Offset < 0 || r.SizeHint < 0 || r.BodyOffset < 0 || r.BodyLimit < 0:
		detail = "a negative offset or size"
	case r.HeadersOnly && (r.BodyOffset != 0 || r.BodyLimit != 0):
		detail = "HeadersOnly together with BodyOffset or BodyLimit"
	default:
		return nil
	}
	return &Error{Path: r.Path, RecordOffset: r.Offset, Detail: detail, kind: kindOf(abi.EINVAL)}
}

// batch is a call of Batch.
type batch struct {
	call
	requests  []Request
	next      int // the first one that was not begun
	cancelled bool
}

// result returns the next result, and that of which request.
func (b *batch) result(ctx context.Context) (int, Result) {
	for {
		if !b.cancelled && ctx.Err() != nil {
			b.cancelled = true
			b.cancel()
		}
		if !b.cancelled {
			b.begin()
		}
		if b.open == 0 {
			// The context was over before this one was begun.
			b.next++
			return b.next - 1, Result{Err: context.Cause(ctx)}
		}
		done := ctx.Done()
		if b.cancelled {
			done = nil // its arrivals come
		}
		a, ok := b.arrivals.take(done)
		if !ok {
			continue
		}
		b.open--
		if a.status == abi.ECANCELED {
			a.result.Err = context.Cause(ctx)
		}
		return a.index, a.result
	}
}

// begin submits requests if there is room for many of them: neighbours are
// read together only if they are submitted together.
func (b *batch) begin() {
	left, room := len(b.requests)-b.next, window-b.open
	if left == 0 || room < min(left, window/2) {
		return
	}
	n := min(left, room)
	part := b.requests[b.next : b.next+n]
	from := b.next
	b.next += n
	b.open += n
	b.loop.post(func(ok bool) { b.submit(part, from, ok) })
}

// submit runs on the loop's goroutine, unless ok is false.
func (b *batch) submit(part []Request, from int, ok bool) {
	if ok && len(b.loop.pending)+window > b.loop.room {
		b.loop.backlog = append(b.loop.backlog, func(ok bool) { b.submit(part, from, ok) })
		return
	}
	var requests []abi.Request
	var paths []Request
	var indexes []int
	for i := range part {
		err := invalid(&part[i])
		if !ok {
			err = b.loop.why()
		}
		if err != nil {
			b.arrivals.add(arrival{index: from + i, result: Result{Err: err}})
			continue
		}
		requests = append(requests, b.engineRequest(&part[i], abi.OpRead))
		paths = append(paths, part[i])
		indexes = append(indexes, from+i)
	}
	if len(requests) == 0 {
		return
	}
	b.loop.submit(requests, paths, func(i int, res *abi.Result, more bool) {
		a := b.arrived(paths[i].Path, res, more)
		a.index = indexes[i]
		b.arrivals.add(a)
	})
}
