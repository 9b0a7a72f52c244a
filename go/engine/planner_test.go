package engine_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/dbox"
	"libdbox_aio/go/engine"
)

// FuzzPlanner has an mdbox file read by batches of requests with any offsets
// and hints, and looks at each read that is planned for them: it covers what
// its requests want and little else, it is not larger than it may be, and what
// comes is what comes to a request that is alone.
//
// sizes are those of the mails in the file, two bytes each. asks are the
// requests, four bytes each. setup is how the storage and the context are.
func FuzzPlanner(f *testing.F) {
	const record, hint = 16, 1 // see ask
	var all, hostile, same, behind, far []byte
	for i := range byte(12) {
		all = append(all, record+i, hint, 0, 0)
		hostile = append(hostile, record+i, 4+i, 0, i)
		same = append(same, record+3, i, 0, i%3)
		behind = append(behind, record+11-i, 0, 0, 0)
		far = append(far, i, i, i, i)
	}
	sizes := []byte{10, 1, 0, 0, 255, 255, 3, 7, 40, 80, 1, 2, 0, 200, 9, 9, 60, 60, 2, 2, 90, 1, 0, 1}
	for setup := range uint16(8) {
		f.Add(sizes, all, setup*37)
		f.Add(sizes, hostile, setup*53)
		f.Add(sizes, same, setup*11)
		f.Add(sizes, behind, setup*91)
		f.Add(sizes, far, setup*7)
	}
	// Behind the end of the file, and at the largest offset that is read.
	f.Add(sizes, []byte{2, 0, 0, 4, 5, 0, 0, 0, 6, 30, 0, 0, 7, 30, 0, 0}, uint16(256))
	// On both sides of 64 KiB that nobody wants, from either side.
	f.Add(sizes, []byte{record, hint, 0, 0, record + 3, hint, 0, 0}, uint16(2))
	f.Add(sizes, []byte{record + 3, hint, 0, 0, record, hint, 0, 1}, uint16(14))
	mount := localMount(f)
	f.Fuzz(func(t *testing.T, sizes, asks []byte, setup uint16) {
		plan(t, sizes, asks, setup, mount)
	})
}

// plan is one run of FuzzPlanner.
func plan(t *testing.T, sizes, asks []byte, setup uint16, mount uint64) {
	p := newPlanner(t, sizes, setup, mount)
	all := p.requests(asks)
	together := p.host()
	batch := 64 >> (setup >> 12 & 7)
	for at := 0; at < len(all); at += batch {
		together.submit(all[at:min(at+batch, len(all))]...)
		p.look(together)
	}
	p.finish(together)
	for _, q := range all {
		got := together.one(q.Context)
		p.right(&q, &got)
	}
	p.sameAlone(all, together)
	together.end()
}

// localMount is a mount that the engine takes for local, or 0.
func localMount(f testing.TB) uint64 {
	f.Helper()
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, f.TempDir(), 0, unix.STATX_MNT_ID, &st); err != nil {
		f.Fatal(err)
	}
	return st.Mnt_id
}

// planner is what plan needs.
type planner struct {
	t     *testing.T
	file  *mailFile
	opts  engine.Options
	be    memory
	last  bool // of the operations that are started the last one ends first
	seen  map[int32]engine.Planned
	asked map[uint64]request // by context
}

// filler is what bodies are made of. No two places in it look the same.
var filler = func() []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 1<<17)
	for i := range b {
		b[i] = byte('a' + rng.IntN(26))
		if i%61 == 60 {
			b[i] = '\n'
		}
	}
	return b
}()

func newPlanner(t *testing.T, sizes []byte, setup uint16, mount uint64) *planner {
	t.Helper()
	p := &planner{t: t, opts: options(), seen: map[int32]engine.Planned{}}
	bit := func(i int) bool { return setup>>i&1 != 0 }
	p.opts.MaxBytes = []int64{64 << 10, 256<<10 + 700, 1 << 20, 64 << 20}[setup&3]
	p.opts.QueueDepth = []int{1, 2, 8, 128}[setup>>2&3]
	p.opts.StallNS = 1e9
	p.last = bit(4)
	p.be = memory{mount: mount, pooled: bit(5), batched: bit(6), short: []int{0, 700}[setup>>7&1]}
	if bit(8) {
		p.be.mount = noMount
	}
	p.write(sizes, bit(9), bit(10))
	p.be.data = p.file.data
	return p
}

// write makes the file; cut leaves its end out.
func (p *planner) write(sizes []byte, damaged, cut bool) {
	var out bytes.Buffer
	w, err := dbox.NewWriter(&out, dbox.FileHeader{CreateTime: 0x6b04150d})
	if err != nil {
		p.t.Fatal(err)
	}
	p.file = &mailFile{path: "/m.1"}
	for i := 0; i+1 < len(sizes) && i < 32; i += 2 {
		size := int(sizes[i])<<8 | int(sizes[i+1])
		m := dbox.Message{Body: filler[i*997:][:size], ReceivedTime: int64(i + 1), GUID: "8c7e6d2f5d154f6b0a1a00007d2a5b3c"}
		offset, length, err := w.Append(m)
		if err != nil {
			p.t.Fatal(err)
		}
		p.file.records = append(p.file.records, record{offset: uint64(offset), size: uint64(length), body: m.Body})
	}
	p.file.data = out.Bytes()
	if n := len(p.file.records); n > 0 && damaged {
		r := &p.file.records[n/2]
		p.file.data[r.offset+1] = 'Z'
		r.broken = true
	}
	if cut {
		p.file.data = p.file.data[:len(p.file.data)*7/8]
	}
	p.file.header, _ = dbox.ParseFileHeader(p.file.data, true)
}

// requests makes READs of what the fuzzer says. Of the four bytes one is the
// place, one the hint, one the flags or the part that is wanted, and one has
// the file and the stream.
func (p *planner) requests(asks []byte) []request {
	var all []request
	p.asked = map[uint64]request{}
	size := uint64(len(p.file.data))
	for ; len(asks) >= 4 && len(all) < 64; asks = asks[4:] {
		q := request{path: []string{"/m.1", "/m.2"}[asks[3]>>2&1]}
		q.Op, q.Context, q.Stream, q.Priority = abi.OpRead, uint64(len(all)+1), uint64(asks[3]&3), uint32(asks[3]>>3&1)
		places := [16]uint64{0, 1, size, size - 1, size / 2, size + 1, 1 << 62, 1<<62 + 1, math.MaxInt64, 1 << 63,
			math.MaxUint64, math.MaxUint64 - engine.MergeGap, 17, 4096, 4097, uint64(asks[1])}
		length := uint64(0)
		switch n := int(asks[0]) - len(places); {
		case n < 0:
			q.Offset = places[asks[0]]
		case len(p.file.records) > 0:
			rec := p.file.records[n%len(p.file.records)]
			q.Offset, length = rec.offset, rec.size
			if n >= 200 {
				q.Offset += uint64(n) // inside of it, or of the next
			}
		}
		hints := [24]uint64{0, length, 2 * length, length + engine.MergeGap, 1, length / 2, math.MaxInt64, 1 << 63,
			math.MaxUint64, math.MaxUint64 - q.Offset, math.MaxUint64 - q.Offset + 1, engine.MergeMax, engine.MergeMax + 1,
			1 << 40, 1<<62 - q.Offset, size - q.Offset, length + 1, length - 1, 1 << 32, 1<<31 - 1, 63 << 10, 64<<10 + 1, size, 30}
		q.SizeHint = uint64(asks[1]) * 211
		if int(asks[1]) < len(hints) {
			q.SizeHint = hints[asks[1]]
		}
		switch asks[2] {
		case 1:
			q.Flags = abi.NoBody
		case 2:
			q.Flags = abi.HeadersOnly
		case 3:
			q.Flags = abi.NoMetadata
		case 4:
			q.BodyOffset, q.BodyLimit = uint64(asks[1])*100, 5000
		case 5:
			q.BodyOffset, q.BodyLimit = math.MaxUint64, math.MaxUint64
		case 6:
			q.BodyOffset, q.BodyLimit = 1, math.MaxInt64
		}
		all = append(all, q)
		p.asked[q.Context] = q
	}
	return all
}

func (p *planner) host() *host {
	be := p.be
	return newHostOn(p.t, p.opts, func(h *host) (backend.Backend, uint32) {
		be.signal = h.signal
		h.storage = &be
		return &be, abi.BackendThreads
	})
}

// rounds is more than all requests together can take.
const rounds = 200_000

// finish lets one operation after the other end until nothing is pending or
// under way.
func (p *planner) finish(h *host) {
	for n := 0; len(h.pending) > 0 || len(h.storage.started) > 0; n++ {
		if n > rounds {
			p.t.Fatalf("%d requests do not end: %s", len(h.pending), h.e.Counts())
		}
		if k := len(h.storage.started); k > 0 {
			if !p.last {
				k = 1
			}
			h.storage.end(k - 1)
		}
		if !h.readable(0) {
			p.t.Fatalf("%d requests are pending, nothing is under way and no wake-up came: %s", len(h.pending), h.e.Counts())
		}
		h.dispatch(0)
		p.look(h)
	}
}

// look checks the reads that were planned since it looked last.
func (p *planner) look(h *host) {
	if err := h.e.CheckRuns(); err != nil {
		p.t.Fatal(err)
	}
	now := map[int32]engine.Planned{}
	for _, plan := range h.e.Planned() {
		now[plan.Op] = plan
		if old, ok := p.seen[plan.Op]; !ok || old.Start != plan.Start || len(old.Requests) != len(plan.Requests) {
			p.check(plan)
		}
	}
	p.seen = now
}

// slack is more than what is read beside a record by guess: its metadata, the
// file header.
const slack = 64 << 10

func (p *planner) check(plan engine.Planned) {
	size := uint64(len(p.file.data))
	start, end := plan.Start, plan.Start+uint64(plan.Length)
	if plan.Length <= 0 || end < start || end > math.MaxInt64 {
		p.t.Fatalf("%+v: no range of a file", plan)
	}
	if end > max(size, start)+slack {
		p.t.Fatalf("%+v: behind the end of a file of %d bytes", plan, size)
	}
	if int64(plan.Length) > p.opts.MaxBytes {
		p.t.Fatalf("%+v: more than the budget of %d", plan, p.opts.MaxBytes)
	}
	ids := map[uint64]bool{}
	for _, r := range plan.Requests {
		if ids[r.ID] {
			p.t.Fatalf("%+v: serves a request twice", plan)
		}
		ids[r.ID] = true
		// With little memory a read may bring no more than the file header.
		header := len(plan.Requests) == 1 && start == 0 && r.Offset <= engine.StartMax
		if r.Offset < start || r.Offset >= end && r.Offset < size && !header {
			p.t.Fatalf("%+v: does not have the first byte at %d", plan, r.Offset)
		}
	}
	if len(plan.Requests) > 1 {
		p.checkTogether(plan, size)
	}
}

// checkTogether checks a read for several requests: it has all of each, and
// between two of them no more than may be thrown away.
func (p *planner) checkTogether(plan engine.Planned, size uint64) {
	if limit := min(engine.MergeMax, p.opts.MaxBytes/4); int64(plan.Length) > limit {
		p.t.Fatalf("%+v: larger than %d", plan, limit)
	}
	all := slices.Clone(plan.Requests)
	slices.SortFunc(all, func(a, b engine.PlannedRequest) int { return int(int64(a.Offset) - int64(b.Offset)) })
	end := plan.Start + uint64(plan.Length)
	// The file header may come with a record that is near to it.
	covered := plan.Start
	for _, r := range all {
		if !r.Plain || r.Hint == 0 || r.Hint > engine.MergeMax {
			p.t.Fatalf("%+v: the one at %d is to be read alone", plan, r.Offset)
		}
		if r.Offset > covered+engine.MergeGap {
			p.t.Fatalf("%+v: reads %d bytes before %d that nobody wants", plan, r.Offset-covered, r.Offset)
		}
		// A record ends where the next one begins, whatever the hint says; of
		// two hints for one record either will do.
		ends := min(r.Offset+r.Hint, size)
		for _, other := range all {
			switch {
			case other.Offset > r.Offset:
				ends = min(ends, other.Offset)
			case other.Offset == r.Offset:
				ends = min(ends, r.Offset+other.Hint)
			}
		}
		if ends > end {
			p.t.Fatalf("%+v: ends before the one at %d does", plan, r.Offset)
		}
		covered = max(covered, r.Offset+r.Hint)
	}
	if end > covered+slack {
		p.t.Fatalf("%+v: goes on for %d bytes behind the last one", plan, end-covered)
	}
}

// right compares a result with the file.
func (p *planner) right(q *request, got *result) {
	at := q.Offset
	if at == 0 {
		at = uint64(p.file.header.Size)
	}
	for i := range p.file.records {
		rec := &p.file.records[i]
		if rec.offset != at || rec.broken || rec.offset+rec.size > uint64(len(p.file.data)) {
			continue
		}
		if got.Status == abi.ETOOBIG && int64(rec.size)+slack > p.opts.MaxBytes {
			return
		}
		if got.Status != abi.OK || !bytes.Equal(got.message.body, window(&q.Request, rec.body)) {
			p.t.Fatalf("%+v: %s", q, got.text())
		}
		return
	}
	switch got.Status {
	case abi.ECORRUPT, abi.ETRUNCATED, abi.ETOOBIG, abi.EVERSION:
	case abi.OK:
		// The metadata of a record that is cut may not be wanted.
		if q.Flags&abi.NoMetadata == 0 {
			p.t.Fatalf("%+v: there is no record, and it is read: %s", q, got.text())
		}
	default:
		p.t.Fatalf("%+v: %s", q, got.text())
	}
}

// sameAlone asks for each by itself.
func (p *planner) sameAlone(all []request, together *host) {
	h := p.host()
	defer h.end()
	h.unaware = true // as the batch is looked at, there is not much to see
	asked := map[request]result{}
	for _, q := range all {
		key := q
		key.Context, key.Stream, key.Priority = 0, 0, 0
		alone, ok := asked[key]
		if !ok {
			h.submit(q)
			p.finish(h)
			alone = h.one(q.Context)
			asked[key] = alone
		}
		among := together.one(q.Context)
		if alone.Status == abi.ETOOBIG || among.Status == abi.ETOOBIG {
			continue // what is held beside it counts
		}
		if a, b := alone.text(), among.text(); a != b {
			p.t.Fatalf("%+v\nalone:     %s\ntogether:  %s", q, a, b)
		}
	}
}
