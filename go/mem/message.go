package mem

import (
	"sync/atomic"
	"unsafe"

	"libdbox_aio/go/abi"
)

const (
	messageSize  = unsafe.Sizeof(abi.Message{})
	metadataSize = unsafe.Sizeof(abi.Metadata{})
)

// Message makes a message with room for count metadata lines whose values
// have valueBytes together. It has one reference, no body yet, and ends the
// reserve of one Alloc. block is a data block, whose reference passes to the
// message, or 0. Metadata for which the reserve is too small has to find room
// in the budget.
func (p *Pool) Message(block uintptr, count, valueBytes int) (uintptr, error) {
	size := MessageSize(count, valueBytes) + headerSize
	if roundPage(int64(size)) > p.budget && size > MessageReserve {
		return 0, ErrTooBig
	}
	p.EndReserve()
	limit := p.budget - p.reserved
	if size <= MessageReserve {
		limit = 1 << 62
	}
	addr, err := p.get(size, limit)
	if err != nil {
		p.reserved += MessageReserve
		return 0, err
	}
	atomic.AddUint64(&p.header().Live, 1)
	*abi.At[abi.Message](addr) = abi.Message{
		Refs:          1,
		FD:            -1,
		MetadataCount: uint32(count),
		Pool:          p.base,
		Block:         uint64(block),
		Metadata:      addr + messageSize,
	}
	return addr, nil
}

// MessageSize returns the size of a message with so many metadata lines, whose
// values have valueBytes together.
func MessageSize(count, valueBytes int) int {
	return int(messageSize) + count*int(metadataSize) + valueBytes + count
}

// Values fills a message's metadata, one line at a time.
type Values struct {
	entry, text uintptr
}

// ValuesOf starts to fill the metadata of a message that was made for count
// lines.
func ValuesOf(message uintptr, count int) Values {
	entry := message + messageSize
	return Values{entry: entry, text: entry + uintptr(count)*metadataSize}
}

// Add copies one line, with a NUL behind the value.
func (v *Values) Add(key byte, value []byte) {
	n := len(value)
	dst := abi.Bytes(v.text, n+1)
	copy(dst, value)
	dst[n] = 0
	*abi.At[abi.Metadata](v.entry) = abi.Metadata{Value: v.text, Size: uint32(n), Key: uint32(key)}
	v.entry += metadataSize
	v.text += uintptr(n) + 1
}

// Drop takes back a message that no host has seen.
func (p *Pool) Drop(message uintptr) {
	m := abi.At[abi.Message](message)
	if m.Block != 0 {
		p.Unref(uintptr(m.Block))
	}
	atomic.AddUint64(&p.header().Live, ^uint64(0))
	p.Unref(message)
}
