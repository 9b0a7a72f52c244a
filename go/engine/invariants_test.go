package engine

import (
	"fmt"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/mem"
)

// Check returns what is wrong with the state of an engine between two calls:
// a list that does not agree with what is in it, a count that does not agree
// with what is counted, a request that nothing would ever move on. isOpen tells
// of a descriptor whether it is one.
func (e *Engine) Check(isOpen func(fd int32) bool) error {
	c := checker{e: e, isOpen: isOpen}
	c.requests()
	c.operations()
	c.filesAndNodes()
	c.memory()
	c.claims()
	c.progress()
	return c.err
}

// Aside returns the bytes of operations that read no messages: file headers
// and attributes. They are held in addition to the budget.
func (e *Engine) Aside() int64 {
	sum := 0
	for _, i := range taken(&e.ops) {
		if o := e.ops.at(i); o.purpose == purposeHeader || o.purpose == purposeStat {
			sum += mem.Cap(o.block) + 64
		}
	}
	return int64(sum)
}

type checker struct {
	isOpen func(fd int32) bool
	e      *Engine
	err    error
}

func (c *checker) wrong(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

func (c *checker) equal(what string, have, want int) {
	if have != want {
		c.wrong("%s: %d counted, %d there", what, have, want)
	}
}

// taken tells which values of a slab are in use.
func taken[T any](s *slab[T]) []int32 {
	free := make([]bool, s.size())
	for _, i := range s.free {
		free[i] = true
	}
	var used []int32
	for i := range free {
		if !free[i] {
			used = append(used, int32(i))
		}
	}
	return used
}

func (c *checker) listed(what string, l list) map[int32]bool {
	in := map[int32]bool{}
	last := none
	for id := l.head; id != none; id = c.e.requests.at(id).next {
		if in[id] {
			c.wrong("%s: goes round", what)
			return in
		}
		in[id] = true
		last = id
	}
	if last != l.tail {
		c.wrong("%s: its tail is %d, the last is %d", what, l.tail, last)
	}
	return in
}

func (c *checker) requests() {
	e := c.e
	ready := c.listed("ready", e.ready)
	c.equal("ready", e.readyLen, len(ready))
	queued, readings := 0, 0
	for _, id := range taken(&e.requests) {
		r := e.requests.at(id)
		if r.reading != none {
			readings++
		}
		if (r.state == stateReady) != ready[id] {
			c.wrong("request %d: state %d, in the ready list: %v", id, r.state, ready[id])
		}
		switch r.state {
		case stateFree:
			c.wrong("request %d: is neither free nor in use", id)
		case stateQueued:
			queued++
		case stateOpening:
			f := e.files.at(r.file)
			if !c.listed("waiters of an open", f.waiters)[id] || f.openOp == none {
				c.wrong("request %d: waits for an open that is not made", id)
			}
		case stateActive:
			if !c.waits(id) {
				c.wrong("request %d (op %d): active, and waits for nothing", id, r.op)
			}
		}
		if r.state != stateReady && r.message != 0 {
			c.wrong("request %d: a message and not ready", id)
		}
	}
	c.equal("queue", e.queue.Len(), queued)
	c.equal("readings", e.readings.used, readings)
}

// waits reports whether something will move an active request on.
func (c *checker) waits(id int32) bool {
	e := c.e
	r := e.requests.at(id)
	inHeader := r.node != none && c.listed("waiters of a header", e.nodes.at(r.node).waiters)[id]
	if inHeader && !e.nodes.at(r.node).reading {
		c.wrong("request %d: waits for a header that is not read", id)
	}
	waits := inHeader
	ops := []int32{r.statOp}
	if r.reading != none {
		rd := e.readings.at(r.reading)
		if rd.waitHeader != inHeader {
			c.wrong("request %d: waits for the header: %v, is in its list: %v", id, rd.waitHeader, inHeader)
		}
		ops = append(ops, rd.main.op, rd.body.op, rd.meta.op)
	}
	for _, i := range ops {
		if i == none {
			continue
		}
		waits = true
		served := false
		for m := e.ops.at(i).first; m != none; m = e.requests.at(m).member {
			served = served || m == id
		}
		if !served {
			c.wrong("request %d: waits for operation %d, which does not serve it", id, i)
		}
	}
	return waits
}

func (c *checker) operations() {
	e := c.e
	started, queued, slow, near, closing := 0, 0, 0, 0, 0
	inFlight := make([]int, len(e.mountOps))
	waiting := make([]int, len(e.mountOps))
	for _, i := range taken(&e.ops) {
		o := e.ops.at(i)
		switch {
		case o.started && o.queued:
			c.wrong("operation %d: started and waiting", i)
		case o.started:
			started++
			if o.worker {
				slow++
				inFlight[o.mount]++
			}
		case o.queued:
			queued++
			waiting[o.mount]++
		case o.isWhole():
			c.parts(i)
		default:
			c.wrong("operation %d: neither started nor waiting", i)
		}
		if !o.remote {
			near++
		}
		if o.purpose == purposeClose {
			closing++
		}
		if o.orphaned && o.first != none {
			c.wrong("operation %d: nobody waits for it but %d", i, o.first)
		}
	}
	c.equal("operations in flight", e.inFlight, started)
	c.equal("operations at workers", e.slow, slow)
	c.equal("operations on local mounts", e.near, near)
	c.equal("operations waiting", e.deferred, queued)
	c.equal("descriptors that are being closed", int(e.closing), closing)
	for m := range e.mountOps {
		c.equal("operations of a mount", e.mountOps[m].inFlight, inFlight[m])
		c.equal("operations waiting for a mount", e.mountOps[m].deferred, waiting[m])
		if inFlight[m] > e.perMount() {
			c.wrong("mount %d: %d operations at workers, %d may be", m, inFlight[m], e.perMount())
		}
	}
	if started-slow > e.opts.QueueDepth {
		c.wrong("%d operations in flight, the queue is %d deep", started-slow, e.opts.QueueDepth)
	}
	if slow > e.workers() {
		c.wrong("%d operations at %d workers", slow, e.workers())
	}
}

// parts looks at a long read: what its parts are to bring, and that they are
// its own.
func (c *checker) parts(i int32) {
	e := c.e
	w := e.ops.at(i)
	count, bytes := 0, 0
	for part := w.split.first; part != none; part = e.ops.at(part).sibling {
		p := e.ops.at(part)
		count++
		bytes += p.length - p.filled
		if p.purpose != purposePart || p.whole != i || p.block != w.block || p.fd != w.fd || p.node != w.node ||
			p.length > w.length || p.off != w.off || p.orphaned != w.orphaned {
			c.wrong("operation %d: is no part of %d", part, i)
			return
		}
	}
	if count == 0 || count > partsAtOnce {
		c.wrong("operation %d: has %d parts under way", i, count)
	}
	if left := w.split.asked - bytes; left < 0 {
		c.wrong("operation %d: its parts lie upon each other", i)
	}
}

func (c *checker) filesAndNodes() {
	e := c.e
	fileRefs, live := map[int32]int{}, map[int32]int{}
	refs, users := map[int32]int{}, map[int32]int{}
	for _, id := range taken(&e.requests) {
		r := e.requests.at(id)
		if r.file != none {
			fileRefs[r.file]++
			if r.state != stateReady || r.reading != none {
				live[r.file]++
			}
		}
		if r.node != none {
			refs[r.node]++
		}
		if r.using {
			users[r.node]++
		}
	}
	for _, i := range taken(&e.ops) {
		o := e.ops.at(i)
		if o.file != none {
			fileRefs[o.file]++
		}
		if o.node != none {
			refs[o.node]++
			users[o.node]++
		}
	}
	names := 0
	for _, i := range taken(&e.files) {
		f := e.files.at(i)
		if f.handle && f.number != 0 {
			fileRefs[i]++
		}
		if !f.handle && !f.own {
			names++
		}
		c.equal("references of a file", int(f.refs), fileRefs[i])
		c.equal("live requests of a file", int(f.live), live[i])
		if f.node != none {
			refs[f.node]++
			if e.nodes.at(f.node).file != i {
				c.wrong("file %d: its open file is another one's", i)
			}
		}
	}
	c.equal("names", e.names.used, names)
	open := 0
	for _, i := range taken(&e.nodes) {
		n := e.nodes.at(i)
		c.equal("references of an open file", int(n.refs), refs[i])
		c.equal("users of an open file", int(n.users), users[i])
		if n.fd < 0 {
			continue
		}
		open++
		if n.users == 0 && n.file == none {
			c.wrong("open file %d: nobody needs it", i)
		}
		if !c.isOpen(n.fd) {
			c.wrong("open file %d: %d is no descriptor", i, n.fd)
		}
	}
	c.equal("open files", int(e.stats.OpenFiles), open)
}

func (c *checker) memory() {
	e := c.e
	reserved := 0
	for _, i := range taken(&e.readings) {
		rd := e.readings.at(i)
		if rd.reserved {
			reserved += mem.MessageReserve
		}
		reserved += int(rd.extra)
	}
	c.equal("bytes set aside", int(e.pool.Used()-e.pool.Held()), reserved)
}

// claims looks for a request that has let others have what it had to wait for.
func (c *checker) claims() {
	e := c.e
	for _, id := range taken(&e.requests) {
		r := e.requests.at(id)
		if r.op != abi.OpRead || r.state != stateActive || r.reading == none || r.need == 0 {
			continue
		}
		rd := e.readings.at(r.reading)
		has := rd.extra
		if rd.reserved {
			has += mem.MessageReserve
		}
		for _, p := range []*piece{&rd.main, &rd.body, &rd.meta} {
			switch {
			case p.block != 0:
				has += mem.Size(p.block)
			case p.op != none:
				has += mem.Size(e.ops.at(p.op).block)
			}
		}
		if has < r.need {
			c.wrong("request %d: has %d bytes of the %d that it waited for", id, has, r.need)
		}
	}
}

// progress looks for the wake-up that would never come.
func (c *checker) progress() {
	e := c.e
	if e.queue.Held() > 0 && e.pool.Used() == 0 {
		c.wrong("%d flows wait for memory, and all of it is free", e.queue.Held())
	}
	if e.inFlight == 0 && e.deferred > 0 {
		c.wrong("%d operations wait for their turn, and none is in flight", e.deferred)
	}
	if e.inFlight+e.deferred == 0 && e.ready.head == none && e.queue.Held() == 0 && e.queue.Len() > 0 && !e.queue.Servable() {
		c.wrong("%d requests wait for nothing", e.queue.Len())
	}
}

// Idle reports whether nothing is left that a dispatch could do at once.
func (e *Engine) Idle() bool {
	return e.ready.head == none && !(e.roomy() && e.queue.Servable())
}

// Quiet reports whether all has ended: no request, operation or open file.
func (e *Engine) Quiet() bool {
	return e.requests.used == 0 && e.ops.used == 0 && e.readings.used == 0
}

// Unclosed is how many descriptors nobody could close.
func (e *Engine) Unclosed() int { return len(e.unclosed) }

// InFlight is how many operations the backend has.
func (e *Engine) InFlight() int { return e.inFlight }

// Counts tells what there is, to be printed with a failure.
func (e *Engine) Counts() string {
	return fmt.Sprintf("requests %d, ready %d, queued %d, held flows %d, in flight %d, waiting for a worker %d, "+
		"files %d, open files %d, readings %d, memory used %d of %d",
		e.requests.used, e.readyLen, e.queue.Len(), e.queue.Held(), e.inFlight, e.deferred,
		e.files.used, e.nodes.used, e.readings.used, e.pool.Used(), e.pool.Budget())
}
