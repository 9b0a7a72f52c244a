package mem

import (
	"math/bits"
	"unsafe"

	"libdbox_aio/go/abi"
)

// block begins every small and big block; the data follows it.
type block struct {
	_     owner  // used by big blocks only: they are mappings
	refs  int32  // of messages and operations; host's thread only
	class uint32 // index of the size class, or ownMapping
	_     uint32
	size  uint64 // of the whole block, this header included
	next  uintptr
	_     [32]byte
}

const (
	headerSize = int(unsafe.Sizeof(block{}))

	minShift   = 9  // 512 bytes, a message with its metadata
	maxShift   = 20 // 1 MiB
	steps      = 4  // classes in each doubling
	classCount = (maxShift-minShift)*steps + 1
	slabSize   = 128 << 10
	smallMax   = 32 << 10
	ownMapping = ^uint32(0)

	// maxEmpty slabs are kept, 8 MiB: more than one for each class, so that
	// a size which comes and goes does not map and unmap.
	maxEmpty = 64
	// MessageReserve is what Alloc sets aside for the message that will be
	// made of the data: its struct and the metadata of an ordinary mail.
	MessageReserve = 512
)

type class struct {
	partial uintptr // slabs with a free block
	free    uintptr // big blocks kept for reuse: kept.go
}

// slab begins a piece of slabSize bytes at a multiple of slabSize.
type slab struct {
	_          owner
	class      uint32
	used       int32
	fresh      int32 // blocks never handed out lie from here on
	free       uintptr
	prev, next uintptr // in class.partial
	listed     uint32
	_          [20]byte
}

// classOf returns the smallest class that holds size bytes, and its size;
// size must be at most 1<<maxShift.
func classOf(size int) (int, int) {
	if size <= 1<<minShift {
		return 0, 1 << minShift
	}
	shift := bits.Len(uint(size-1)) - 1 // 1<<shift < size <= 1<<(shift+1)
	step := 1 << (shift - 2)
	k := (size - 1<<shift + step - 1) / step // 1..4
	return (shift-minShift)*steps + k, 1<<shift + k*step
}

// Alloc gets a block for n bytes of data and sets MessageReserve aside. The
// block has one reference. Its address is that of the data.
func (p *Pool) Alloc(n int64) (uintptr, error) {
	if n < 0 || n > p.budget || roundPage(n+int64(headerSize))+MessageReserve > p.budget {
		return 0, ErrTooBig
	}
	addr, err := p.get(int(n)+headerSize, p.budget-p.reserved-MessageReserve)
	if err == nil {
		p.reserved += MessageReserve
	}
	return addr, err
}

// EndReserve gives back what one Alloc set aside: no message will come of it.
func (p *Pool) EndReserve() { p.reserved -= MessageReserve }

// TryReserve sets aside what a message needs, if the budget has room for it.
func (p *Pool) TryReserve() bool {
	if p.held+p.reserved+MessageReserve > p.budget {
		return false
	}
	p.reserved += MessageReserve
	return true
}

// SetAside sets bytes aside that nobody else gets until PutBack, if the budget
// has room for them.
func (p *Pool) SetAside(n int64) bool {
	if p.held+p.reserved+n > p.budget {
		return false
	}
	p.reserved += n
	return true
}

// Keep sets bytes aside that were in use, or set aside, until now. It does not
// ask for room: blocks of Small may have taken what there was.
func (p *Pool) Keep(n int64) { p.reserved += n }

// PutBack gives back what SetAside or Keep has set aside.
func (p *Pool) PutBack(n int64) { p.reserved -= n }

// Need returns what Alloc(n) takes of the budget at most.
func Need(n int) int64 { return roundPage(int64(n+headerSize)) + MessageReserve }

// Size returns what a block takes of the budget.
func Size(addr uintptr) int64 { return int64(abi.At[block](addr - uintptr(headerSize)).size) }

// Small gets a block that is not bounded by the budget but counted: what a
// message needs for itself, set aside by Alloc before.
func (p *Pool) Small(n int) (uintptr, error) {
	return p.get(n+headerSize, 1<<62)
}

func roundPage(n int64) int64 { return (n + pageSize - 1) &^ (pageSize - 1) }

func (p *Pool) get(size int, budget int64) (uintptr, error) {
	index, rounded := ownMapping, int(roundPage(int64(size)))
	if size <= 1<<maxShift {
		i, s := classOf(size)
		if s <= smallMax || p.held+int64(s) <= budget {
			index, rounded = uint32(i), s
		}
	}
	if p.held+int64(rounded) > budget {
		return 0, ErrBudget
	}
	var b uintptr
	var err error
	switch {
	case index != ownMapping && rounded <= smallMax:
		b, err = p.fromSlab(int(index), rounded)
	default:
		if b = p.take(index, rounded); b == 0 {
			b, err = p.mapBig(rounded)
		}
	}
	if err != nil {
		return 0, err
	}
	h := abi.At[block](b)
	h.refs = 1
	h.class = index
	h.size = uint64(rounded)
	p.held += int64(rounded)
	return b + uintptr(headerSize), nil
}

// Cap returns how many bytes of data the block has room for.
func Cap(addr uintptr) int {
	return int(abi.At[block](addr-uintptr(headerSize)).size) - headerSize
}

// Ref adds a reference to the block.
func Ref(addr uintptr) { abi.At[block](addr-uintptr(headerSize)).refs++ }

// Unref drops a reference to the block; the last one frees it.
func (p *Pool) Unref(addr uintptr) {
	b := addr - uintptr(headerSize)
	h := abi.At[block](b)
	h.refs--
	if h.refs > 0 {
		return
	}
	if h.refs < 0 {
		panic("mem: block released twice")
	}
	size := int(h.size)
	p.held -= int64(size)
	switch {
	case h.class != ownMapping && size <= smallMax:
		p.toSlab(b, int(h.class))
	case !p.keep(b, size):
		p.unmapBig(b, size)
	}
}

func (p *Pool) mapBig(size int) (uintptr, error) {
	p.makeRoom(size)
	addr, err := mmap(size)
	if err != nil {
		return 0, ErrNoMemory
	}
	if size >= hugeMin {
		adviseHuge(addr, size)
	}
	if err := p.register(addr, size); err != nil {
		munmap(addr, size)
		return 0, ErrNoMemory
	}
	return addr, nil
}

func (p *Pool) unmapBig(b uintptr, size int) {
	p.unregister(b, size)
	if !munmap(b, size) && p.register(b, size) == nil {
		p.mapped -= int64(size) // goes with the pool, and is empty until then
	}
}

// trimAll unmaps everything that is not in use.
func (p *Pool) trimAll() {
	p.drop(p.cached)
	for i := range p.classes {
		c := &p.classes[i]
		for s := c.partial; s != 0; {
			next := abi.At[slab](s).next
			if abi.At[slab](s).used == 0 {
				p.unlist(c, s)
				p.empty--
				p.unmapBig(s, slabSize)
			}
			s = next
		}
	}
}
