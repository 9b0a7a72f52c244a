package mem

import "libdbox_aio/go/abi"

const (
	stringStep    = 32
	stringClasses = (abi.PathMax + stringStep) / stringStep
	stringChunk   = 64 << 10
	chunkHeader   = 32
)

// String copies n bytes at src, which need not be C's to keep, and a NUL
// behind them. n is less than abi.PathMax.
func (p *Pool) String(src []byte) (uintptr, error) {
	i := len(src) / stringStep
	size := (i + 1) * stringStep
	at := p.strings[i]
	if at != 0 {
		p.strings[i] = *abi.At[uintptr](at)
	} else {
		if p.left < size {
			if err := p.newChunk(); err != nil {
				return 0, err
			}
		}
		at = p.chunk
		p.chunk += uintptr(size)
		p.left -= size
	}
	dst := abi.Bytes(at, len(src)+1)
	copy(dst, src)
	dst[len(src)] = 0
	return at, nil
}

// FreeString takes back a string of n bytes.
func (p *Pool) FreeString(at uintptr, n int) {
	i := n / stringStep
	*abi.At[uintptr](at) = p.strings[i]
	p.strings[i] = at
}

// newChunk leaves the rest of the old chunk to the smaller classes.
func (p *Pool) newChunk() error {
	addr, err := mmap(stringChunk)
	if err != nil {
		return ErrNoMemory
	}
	if err := p.register(addr, stringChunk); err != nil {
		munmap(addr, stringChunk)
		return ErrNoMemory
	}
	for p.left >= stringStep {
		*abi.At[uintptr](p.chunk) = p.strings[0]
		p.strings[0] = p.chunk
		p.chunk += stringStep
		p.left -= stringStep
	}
	p.chunk = addr + chunkHeader
	p.left = stringChunk - chunkHeader
	return nil
}
