package mem

import (
	"unsafe"

	"libdbox_aio/go/abi"
)

const slabHeader = int(unsafe.Sizeof(slab{}))

func (p *Pool) fromSlab(index, size int) (uintptr, error) {
	c := &p.classes[index]
	if c.partial == 0 {
		p.makeRoom(slabSize)
		addr, err := mapAligned(slabSize)
		if err != nil {
			return 0, ErrNoMemory
		}
		if err := p.register(addr, slabSize); err != nil {
			munmap(addr, slabSize)
			return 0, ErrNoMemory
		}
		abi.At[slab](addr).class = uint32(index)
		p.list(c, addr)
		p.empty++
	}
	at := c.partial
	s := abi.At[slab](at)
	b := s.free
	if b != 0 {
		s.free = abi.At[block](b).next
	} else {
		b = at + uintptr(slabHeader+int(s.fresh)*size)
		s.fresh++
	}
	if s.used == 0 {
		p.empty--
	}
	s.used++
	if s.free == 0 && slabHeader+(int(s.fresh)+1)*size > slabSize {
		p.unlist(c, at)
	}
	return b, nil
}

func (p *Pool) toSlab(b uintptr, index int) {
	c := &p.classes[index]
	at := b &^ uintptr(slabSize-1)
	s := abi.At[slab](at)
	abi.At[block](b).next = s.free
	s.free = b
	s.used--
	if s.listed == 0 {
		p.list(c, at)
	}
	if s.used > 0 {
		return
	}
	if p.empty >= maxEmpty || p.mapped > p.budget {
		p.unlist(c, at)
		p.unmapBig(at, slabSize)
		return
	}
	p.empty++
}

func (p *Pool) list(c *class, at uintptr) {
	s := abi.At[slab](at)
	s.prev, s.next = 0, c.partial
	if c.partial != 0 {
		abi.At[slab](c.partial).prev = at
	}
	c.partial = at
	s.listed = 1
}

func (p *Pool) unlist(c *class, at uintptr) {
	s := abi.At[slab](at)
	if s.prev != 0 {
		abi.At[slab](s.prev).next = s.next
	} else {
		c.partial = s.next
	}
	if s.next != 0 {
		abi.At[slab](s.next).prev = s.prev
	}
	s.listed = 0
}
