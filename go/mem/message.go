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
// message, or 0.
func (p *Pool) Message(block uintptr, count, valueBytes int) (uintptr, error) {
	need := int(messageSize) + count*int(metadataSize) + valueBytes + count
	addr, err := p.Small(need)
	if err != nil {
		return 0, err
	}
	p.EndReserve()
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
