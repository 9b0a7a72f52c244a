package engine_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend/faulty"
)

var (
	seedFlag    = flag.Uint64("seed", 0, "seed of the first context of TestModel; 0: from the clock")
	stepsFlag   = flag.Int("steps", 20_000, "steps of TestModel")
	backendFlag = flag.String("backend", "", "uring or threads: the only backend of TestModel")
)

// stepsPerContext is after how many steps a context is ended.
const stepsPerContext = 400

// TestModel does what comes into its head, in contexts of all kinds, and
// checks after each step what must always be so, and each result against what
// is in the file. A failure shows the seed of its context.
func TestModel(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	steps := *stepsFlag
	if testing.Short() {
		steps = min(steps, 4000)
	}
	s := newStore(t)
	broken := writeMails(t, s.at("m.8"), 50, 3000, 600_000, 20, 400, 6000)
	broken.damage(t, 2)
	broken.damage(t, 4)
	for done := 0; done < steps && !t.Failed(); done += stepsPerContext {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			m := newModel(t, seed, s, broken)
			m.run()
			_ = os.Rename(s.missing, s.moved.path) // if it was moved
		})
		seed++
	}
}

type model struct {
	*host
	rng     *rand.Rand
	store   *store
	broken  *mailFile
	sent    map[uint64]*sent // by context
	ids     []uint64         // of all that may be pending
	files   map[uint64]*mailFile
	last    uint64
	failing bool // the script makes calls fail
	moving  bool // files are moved, so a name can be missed
	way     way
	asUser  *identities      // or nil: its rights never change
	askers  map[uint64][]int // who has asked for a handle's file
}

// sent is a request and what may become of it.
type sent struct {
	request
	id        uint64
	file      *mailFile // nil: there is none that can be read
	cancelled bool
	taken     bool
	who       []int // whose rights its file may be opened with
}

func newModel(t *testing.T, seed uint64, s *store, broken *mailFile) *model {
	rng := rand.New(rand.NewPCG(seed, 1))
	pick := func(of ...int) int { return of[rng.IntN(len(of))] }
	opts := options()
	opts.QueueDepth = pick(1, 2, 8, 128)
	opts.MaxWorkers = pick(1, 2, 8)
	opts.MaxBytes = int64(pick(64<<10, 256<<10+700, 1<<20, 64<<20))
	opts.StallNS = int64(pick(1000, 50_000, 1e6))
	opts.MaxMessageSize = uint64(pick(0, 0, 100_000))
	w := ways[rng.IntN(len(ways))]
	for *backendFlag != "" && w.uring != (*backendFlag == "uring") {
		w = ways[rng.IntN(len(ways))]
	}
	if w.script == nil {
		w.script = faulty.Rules()
	}
	m := &model{
		rng: rng, store: s, broken: broken, sent: map[uint64]*sent{}, files: map[uint64]*mailFile{},
		failing: rng.IntN(3) == 0, moving: rng.IntN(3) == 0, way: w,
	}
	if rng.IntN(2) == 0 {
		m.moving = false
		m.asUser = newIdentities(t, append(names(s.mails()), s.moved.path, broken.path)...)
		m.askers = map[uint64][]int{}
		opts.Rights, w.between = m.asUser, as(m.asUser)
	}
	m.host = newHost(t, w, opts)
	m.final = m.judge
	m.play()
	return m
}

// play has the storage behave in another way from now on.
func (m *model) play() {
	var odds faulty.Odds
	some := func(n int) int {
		if m.rng.IntN(2) == 0 {
			return 0
		}
		return m.rng.IntN(n)
	}
	odds.Uncached, odds.Short, odds.Again = some(1000), some(300), some(200)
	odds.Hold, odds.Keep = some(150), some(300)
	if m.failing {
		odds.Fail = m.rng.IntN(100)
	}
	m.faults.Play(before(faulty.Random(m.rng.Uint64(), odds), m.way.script))
}

func (m *model) run() {
	for range stepsPerContext {
		m.step()
	}
	if m.rng.IntN(3) == 0 {
		m.shutdown()
		m.gone()
		return
	}
	m.faults.Play(m.way.script)
	m.end()
	if m.asUser != nil && m.asUser.inUse() != 0 {
		m.t.Errorf("%d uses of rights are left", m.asUser.inUse())
	}
}

func names(files []*mailFile) []string {
	var names []string
	for _, f := range files {
		names = append(names, f.path)
	}
	return names
}

func (m *model) step() {
	m.keep = m.rng.IntN(3) == 0
	if m.asUser != nil && m.rng.IntN(4) == 0 {
		m.asUser.who = m.rng.IntN(users)
	}
	switch n := m.rng.IntN(100); {
	case n < 25:
		batch := make([]request, 1+m.rng.IntN(12))
		for i := range batch {
			batch[i] = m.request()
		}
		ids := m.submit(batch...)
		for i, id := range ids {
			m.sent[batch[i].Context].id = id
		}
		m.ids = append(m.ids, ids...)
	case n < 60:
		if m.readable(0) {
			m.dispatch(m.rng.IntN(6))
		}
	case n < 66:
		if id := m.any(); id != 0 {
			p := m.pending[id]
			if m.cancel(id) == abi.OK {
				m.sent[p.context].cancelled = true
			}
		}
	case n < 67:
		m.cancelStream(uint64(m.rng.IntN(4)))
	case n < 71:
		if id := m.any(); id != 0 {
			m.take(id)
		}
	case n < 78:
		m.releaseSome()
	case n < 88:
		for k := m.rng.IntN(4); k > 0 && m.faults.Held() > 0; k-- {
			m.faults.Release(m.rng.IntN(m.faults.Held()))
		}
	case n < 92:
		m.handle()
	case n < 93:
		m.stats()
	case n < 95:
		m.play()
	case n < 97:
		m.readable(time.Millisecond)
	default:
		if m.moving {
			m.move()
		}
	}
}

// any returns a request that is pending, or perhaps not any more.
func (m *model) any() uint64 {
	for len(m.ids) > 0 {
		i := m.rng.IntN(len(m.ids))
		id := m.ids[i]
		if m.host.pending[id] != nil {
			return id
		}
		m.ids[i] = m.ids[len(m.ids)-1]
		m.ids = m.ids[:len(m.ids)-1]
	}
	return 0
}

func (m *model) cancelStream(stream uint64) {
	before := map[uint64]bool{}
	for _, p := range m.pending {
		if m.sent[p.context].Stream == stream {
			before[p.context] = true
		}
	}
	// Which of them were complete already is not told: their results tell.
	n := m.e.CancelStream(stream)
	m.check("cancel", true)
	if n > len(before) {
		m.t.Fatalf("%d requests of %d were cancelled", n, len(before))
	}
	for context := range before {
		m.sent[context].taken = true
	}
}

func (m *model) releaseSome() {
	for k := m.rng.IntN(8); k > 0 && len(m.kept) > 0; k-- {
		i := m.rng.IntN(len(m.kept))
		at := m.kept[i]
		m.kept = append(m.kept[:i], m.kept[i+1:]...)
		if msg := abi.At[abi.Message](at); m.rng.IntN(2) == 0 {
			if fd := atomic.SwapInt32(&msg.FD, -1); fd >= 0 {
				if status := m.e.CloseFD(fd); status != abi.OK {
					m.t.Fatalf("close_fd: %d", status)
				}
				m.check("close_fd", true)
			}
		}
		unref(at)
	}
}

func (m *model) handle() {
	if len(m.files) < 4 && m.rng.IntN(2) == 0 {
		f := m.anyFile()
		m.files[m.open(f.path, "")] = f
		return
	}
	for number := range m.files {
		delete(m.files, number)
		m.close(number)
		return
	}
}

func (m *model) anyFile() *mailFile {
	all := append(m.store.mails(), m.broken)
	return all[m.rng.IntN(len(all))]
}

// move moves the file that has an alternative path, or back.
func (m *model) move() {
	from, to := m.store.missing, m.store.moved.path
	if _, err := os.Lstat(to); err == nil {
		from, to = to, from
	}
	if err := os.Rename(from, to); err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) request() request {
	m.last++
	q := request{Request: abi.Request{
		Context: m.last, Op: []uint32{abi.OpRead, abi.OpRead, abi.OpRead, abi.OpRead, abi.OpScan, abi.OpScan, abi.OpOpen, abi.OpStat}[m.rng.IntN(8)],
		Stream: uint64(m.rng.IntN(4)), Priority: uint32(m.rng.IntN(2)),
	}}
	if m.rng.IntN(6) == 0 {
		q.TimeoutMS = uint32(1 + m.rng.IntN(5))
	}
	q.Flags = []uint32{0, 0, 0, abi.NoBody, abi.NoMetadata, abi.HeadersOnly, abi.WantFD, abi.Resync}[m.rng.IntN(8)]
	f := m.anyFile()
	switch n := m.rng.IntN(20); {
	case n == 0:
		f = m.store.moved
		q.path, q.alt = m.store.missing, f.path
	case n == 1:
		f = nil
		q.path = m.store.at([]string{"directory", "fifo", "nothing", "no/thing"}[m.rng.IntN(4)])
	case n < 8 && len(m.files) > 0:
		for number, of := range m.files {
			q.File, f = number, of
			break
		}
	default:
		q.path = f.path
	}
	if f != nil && (q.Op == abi.OpRead || m.rng.IntN(4) == 0) {
		rec := f.records[m.rng.IntN(len(f.records))]
		q.Offset = rec.offset
		q.SizeHint = []uint64{0, rec.size, rec.size, rec.size, uint64(m.rng.IntN(10_000)), 1 << m.rng.IntN(64)}[m.rng.IntN(6)]
		if m.rng.IntN(10) == 0 {
			q.Offset = []uint64{0, uint64(m.rng.IntN(len(f.data) + 10)), 1 << m.rng.IntN(64)}[m.rng.IntN(3)]
		}
		if q.Flags&abi.HeadersOnly == 0 && m.rng.IntN(4) == 0 {
			q.BodyOffset = uint64(m.rng.IntN(2 * (len(rec.body) + 1)))
			q.BodyLimit = uint64(m.rng.IntN(len(rec.body) + 1))
		}
	}
	m.sent[q.Context] = &sent{request: q, file: f, who: m.asks(q.File)}
	return q
}

// asks returns whose rights the file of a request may be opened with: the host's
// of now, or those of who asked before for that of a handle.
func (m *model) asks(file uint64) []int {
	if m.asUser == nil {
		return nil
	}
	if file == 0 {
		return []int{m.asUser.who}
	}
	m.askers[file] = append(m.askers[file], m.asUser.who)
	return m.askers[file]
}

// judge looks at all completions of a request that is over.
func (m *model) judge(context uint64) {
	s := m.sent[context]
	got := m.results[context]
	delete(m.sent, context)
	delete(m.results, context)
	last := &got[len(got)-1]
	if s.cancelled && last.Status != abi.ECANCELED && last.Status != abi.ESHUTDOWN {
		m.t.Errorf("cancelled: %s", last.text())
	}
	if last.Stream != s.Stream || last.Op != s.Op {
		m.t.Errorf("stream %d, op %d: not those of the request", last.Stream, last.Op)
	}
	m.judgeMessages(s, got)
	if m.asUser != nil && s.file != nil {
		for i := range got {
			m.asUser.check(&got[i], s.file.path, s.who)
		}
	}
	if !m.allowed(s, last) {
		m.t.Errorf("%+v: %s", s.request, last.text())
	}
}

func (m *model) judgeMessages(s *sent, got []result) {
	at := s.Offset
	for i := range got {
		r := &got[i]
		if (r.Flags&abi.More != 0) != (i < len(got)-1) {
			m.t.Errorf("completion %d of %d: %s", i+1, len(got), r.text())
		}
		if r.message == nil {
			continue
		}
		rec := s.file.recordAt(r.RecordOffset)
		if rec == nil || rec.offset < at || rec.broken && !(s.Op == abi.OpRead && s.Flags&abi.NoMetadata != 0) {
			m.t.Errorf("%+v: a message at %d", s.request, r.RecordOffset)
			return
		}
		at = rec.offset + 1
		s.file.verify(m.t, &s.Request, r, rec)
		if (r.message.FD >= 0) != (s.Flags&abi.WantFD != 0) {
			m.t.Errorf("%+v: descriptor %d", s.request, r.message.FD)
		}
	}
	if last := got[len(got)-1]; s.Op == abi.OpScan && last.Status == abi.OK && s.file != nil && s.Flags&abi.Resync == 0 {
		s.file.verifyScan(m.t, &s.Request, got)
	}
}

func (f *mailFile) recordAt(offset uint64) *record {
	for i := range f.records {
		if f.records[i].offset == offset {
			return &f.records[i]
		}
	}
	return nil
}

// allowed tells whether a request may end in that way.
func (m *model) allowed(s *sent, r *result) bool {
	switch r.Status {
	case abi.ESHUTDOWN:
		return true
	case abi.ECANCELED:
		return s.cancelled || s.taken
	case abi.ETIMEDOUT:
		return s.TimeoutMS != 0
	case abi.EIO, abi.EACCES, abi.EMFILE, abi.ENOMEM:
		return m.failing && r.SysErrno != 0
	}
	f := s.file
	if f == nil {
		if s.path == m.store.at("directory") || s.path == m.store.at("fifo") {
			return r.Status == abi.ENOTFILE
		}
		return r.Status == abi.ENOENT
	}
	if r.Status == abi.ENOENT {
		return m.moving && s.alt != ""
	}
	if s.Op == abi.OpOpen || s.Op == abi.OpStat {
		return r.Status == abi.OK && r.FileSize == uint64(len(f.data))
	}
	rec := f.recordAt(s.Offset)
	if s.Offset == 0 {
		rec = &f.records[0]
	}
	switch r.Status {
	case abi.OK:
		if s.Op == abi.OpScan && s.Offset >= uint64(len(f.data)) {
			return true
		}
		return rec != nil && (s.Op == abi.OpScan || !rec.broken || s.Flags&abi.NoMetadata != 0)
	case abi.ECORRUPT, abi.ETRUNCATED:
		return rec == nil || s.Op == abi.OpScan && f.hasBroken(s.Offset) || rec.broken
	case abi.ETOOBIG:
		return m.mayBeTooBig(s, f)
	}
	return false
}

func (f *mailFile) hasBroken(from uint64) bool {
	for i := range f.records {
		if f.records[i].offset >= from && f.records[i].broken {
			return true
		}
	}
	return false
}

// mayBeTooBig: what is read beside the record itself is not told, but is not
// much.
func (m *model) mayBeTooBig(s *sent, f *mailFile) bool {
	for i := range f.records {
		rec := &f.records[i]
		if rec.offset != max(s.Offset, f.records[0].offset) && s.Op != abi.OpScan {
			continue
		}
		if limit := m.opts.MaxMessageSize; limit != 0 && rec.size > limit {
			return true
		}
		if int64(rec.size)+64<<10 > m.opts.MaxBytes {
			return true
		}
	}
	return f.recordAt(s.Offset) == nil && s.Offset != 0
}
