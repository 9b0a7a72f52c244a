package mem

import (
	"errors"
	"sync/atomic"
	"unsafe"

	"libdbox_aio/go/abi"
)

var (
	// ErrBudget is returned when the budget has no room now; there will be
	// room when messages are released.
	ErrBudget = errors.New("mem: the budget is used up")
	// ErrTooBig is returned for a size that is above the whole budget.
	ErrTooBig = errors.New("mem: larger than the whole budget")
	// ErrNoMemory is returned when the system gives no more memory.
	ErrNoMemory = errors.New("mem: the system has no memory left")
)

// Pool is the memory of one context.
type Pool struct {
	base      uintptr // the first mapping, which holds the abi.Pool
	tableSize int     // entries that the mapping table has room for
	mapped    int64   // bytes of all registered mappings

	budget   int64 // bytes that blocks may have together
	held     int64 // bytes of the blocks in use
	reserved int64 // bytes promised to Message

	classes [classCount]class
	kept
	empty int // slabs without a block in use

	strings [stringClasses]uintptr
	chunk   uintptr // rest of the newest string chunk
	left    int
}

// NewPool makes a pool whose blocks take budget bytes at most. pid and eventFD
// are what unref in C needs to know to wake the context.
func NewPool(budget int64, pid, eventFD int32) (*Pool, error) {
	addr, err := mmap(pageSize)
	if err != nil {
		return nil, ErrNoMemory
	}
	p := &Pool{base: addr, budget: budget}
	h := p.header()
	tableAt := (unsafe.Sizeof(abi.Pool{}) + 63) &^ 63
	*h = abi.Pool{
		Live:          1,
		EventFD:       eventFD,
		PID:           pid,
		MappingsCount: fixedMappings,
		Mappings:      addr + tableAt,
	}
	p.tableSize = int((pageSize - tableAt) / unsafe.Sizeof(abi.Mapping{}))
	p.table()[0] = abi.Mapping{Address: addr, Size: pageSize}
	return p, nil
}

func (p *Pool) header() *abi.Pool { return abi.At[abi.Pool](p.base) }

// Address gives the pool as C knows it.
func (p *Pool) Address() uintptr { return p.base }

// Held returns the bytes of all blocks in use, those of messages that the
// host holds included.
func (p *Pool) Held() int64 { return p.held }

// Used returns the bytes that are not free for Alloc: Held, and what is set
// aside.
func (p *Pool) Used() int64 { return p.held + p.reserved }

// Mapped returns the bytes of all mappings, used or kept.
func (p *Pool) Mapped() int64 { return p.mapped }

// Budget returns the limit that NewPool was given.
func (p *Pool) Budget() int64 { return p.budget }

// WakeOnRelease says whether an unref on any thread shall signal the event
// descriptor: only a context that waits for bytes wants that.
func (p *Pool) WakeOnRelease(on bool) {
	var v uint32
	if on {
		v = 1
	}
	atomic.StoreUint32(&p.header().Wake, v)
}

// Freed reports whether messages wait for Reclaim.
func (p *Pool) Freed() bool {
	return atomic.LoadUintptr(&p.header().Freed) != 0
}

// Reclaim takes back the messages that were let go of since the last call.
// Descriptors which nobody took are given to closeFD. Returns the number of
// messages.
func (p *Pool) Reclaim(closeFD func(fd int32, slow bool)) int {
	if !p.Freed() {
		return 0
	}
	n := 0
	for m := atomic.SwapUintptr(&p.header().Freed, 0); m != 0; n++ {
		msg := abi.At[abi.Message](m)
		next := msg.Next
		if fd := atomic.SwapInt32(&msg.FD, -1); fd >= 0 {
			closeFD(fd, msg.Flags&abi.MessageFDSlow != 0)
		}
		if msg.Block != 0 {
			p.Unref(uintptr(msg.Block))
		}
		p.Unref(m)
		m = next
	}
	return n
}

// Detach ends the signals of unref: after it returns no thread writes to the
// event descriptor any more. Reclaim is to be called once more, then Close.
func (p *Pool) Detach(yield func()) {
	h := p.header()
	// From here on unref closes the descriptor of a message by itself.
	atomic.StoreUint32(&h.Closed, 1)
	atomic.StoreInt32(&h.EventFD, -1)
	for atomic.LoadUint32(&h.Writers) != 0 {
		yield()
	}
}

// Close gives up the core's own hold. Reclaim must have run, and nothing may
// be allocated afterwards. Memory of messages that the host still holds, and
// with it the rest of the pool, is unmapped by the last unref.
func (p *Pool) Close() {
	h := p.header()
	p.trimAll()
	if atomic.AddUint64(&h.Live, ^uint64(0)) == 0 {
		p.unmapAll()
	}
	p.base = 0
}

func (p *Pool) unmapAll() {
	t := p.table()[:p.header().MappingsCount]
	own := t[0]
	second := t[1]
	for _, m := range t[fixedMappings:] {
		munmap(m.Address, int(m.Size))
	}
	if second.Size != 0 {
		munmap(second.Address, int(second.Size))
	}
	munmap(own.Address, int(own.Size))
}
