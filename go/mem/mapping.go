package mem

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
)

const pageSize = 4096

func mmap(size int) (uintptr, error) {
	addr, _, errno := unix.Syscall6(unix.SYS_MMAP, 0, uintptr(size),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
	if errno != 0 {
		return 0, errno
	}
	return addr, nil
}

// munmap fails where it would have to cut a mapping of the kernel's, in which
// neighbours are one, and the process may have no more (vm.max_map_count). The
// memory is given back even then, but not the addresses.
func munmap(addr uintptr, size int) bool {
	_, _, errno := unix.Syscall(unix.SYS_MUNMAP, addr, uintptr(size), 0)
	switch errno {
	case 0:
		return true
	case unix.ENOMEM:
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, addr, uintptr(size), unix.MADV_DONTNEED)
		return false
	}
	panic("mem: munmap: " + errno.Error()) // it was never a mapping
}

// hugeMin is from which size on a mapping has huge pages: one fault in the place
// of 512, each of which costs as much as copying some pages.
const hugeMin = 4 << 20

// adviseHuge is a wish. The whole mapping has it, as mremap knows no mappings that
// are of two kinds.
func adviseHuge(addr uintptr, size int) {
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, addr, uintptr(size), unix.MADV_HUGEPAGE)
}

// resize makes a registered mapping larger or smaller; it may be elsewhere then.
func (p *Pool) resize(addr uintptr, old, size int) (uintptr, bool) {
	moved, _, errno := unix.Syscall6(unix.SYS_MREMAP, addr, uintptr(old), uintptr(size),
		unix.MREMAP_MAYMOVE, 0, 0)
	if errno != 0 {
		return 0, false
	}
	p.table()[abi.At[owner](moved).index] = abi.Mapping{Address: moved, Size: uint64(size)}
	p.mapped += int64(size - old)
	return moved, true
}

// mapAligned maps size bytes at a multiple of size, a power of two.
func mapAligned(size int) (uintptr, error) {
	addr, err := mmap(2 * size)
	if err != nil {
		return 0, err
	}
	start := (addr + uintptr(size) - 1) &^ (uintptr(size) - 1)
	if head := int(start - addr); head > 0 {
		munmap(addr, head)
	}
	if tail := int(addr + uintptr(size) - start); tail > 0 {
		munmap(start+uintptr(size), tail)
	}
	return start, nil
}

// owner begins every mapping but the pool's first and its table: it tells
// which entry of the table is the mapping's, so that an entry can be moved.
type owner struct {
	index uint32
}

// register enters a mapping, which begins with an owner, into the table that
// the last unref walks.
func (p *Pool) register(addr uintptr, size int) error {
	h := p.header()
	if int(h.MappingsCount) == p.tableSize {
		if err := p.growTable(); err != nil {
			return err
		}
	}
	p.table()[h.MappingsCount] = abi.Mapping{Address: addr, Size: uint64(size)}
	abi.At[owner](addr).index = h.MappingsCount
	h.MappingsCount++
	p.mapped += int64(size)
	return nil
}

func (p *Pool) unregister(addr uintptr, size int) {
	h := p.header()
	t := p.table()
	i := abi.At[owner](addr).index
	last := h.MappingsCount - 1
	if i != last {
		t[i] = t[last]
		abi.At[owner](t[i].Address).index = i
	}
	h.MappingsCount = last
	p.mapped -= int64(size)
}

func (p *Pool) table() []abi.Mapping {
	return unsafe.Slice(abi.At[abi.Mapping](p.header().Mappings), p.tableSize)
}

// The pool's own mapping and its table are the first two entries and never
// move; the first holds the table until it grows.
const fixedMappings = 2

func (p *Pool) growTable() error {
	size := p.tableSize * 2 * int(unsafe.Sizeof(abi.Mapping{}))
	size = (size + pageSize - 1) &^ (pageSize - 1)
	addr, err := mmap(size)
	if err != nil {
		return err
	}
	old := p.table()
	fresh := unsafe.Slice(abi.At[abi.Mapping](addr), size/int(unsafe.Sizeof(abi.Mapping{})))
	copy(fresh, old)
	if old[1].Size != 0 {
		munmap(old[1].Address, int(old[1].Size))
	}
	fresh[1] = abi.Mapping{Address: addr, Size: uint64(size)}
	p.header().Mappings = addr
	p.tableSize = len(fresh)
	return nil
}
