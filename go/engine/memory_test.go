package engine_test

import (
	"syscall"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/posix"
)

// memory is a backend whose files all have the same bytes, and none of them in
// a cache. An operation ends when a test says so. Descriptors are numbers that
// are nothing to the kernel: it would take most of the time of a fuzz target.
type memory struct {
	data    []byte
	mount   uint64 // on which the files lie
	pooled  bool
	batched bool
	short   int  // the most that one read returns; 0: no such bound
	cold    bool // no open is answered from a cache
	limit   int  // how many files can be open; 0: no such bound
	open    map[int32]bool

	signal  func()
	started []backend.Op
	ended   []backend.Event
}

func (m *memory) TryOpen(uintptr) (int32, syscall.Errno) { return -1, unix.EAGAIN }

func (m *memory) TryRead(int32, uintptr, int, uint64) (int, syscall.Errno) { return 0, unix.EAGAIN }

func (m *memory) Attr(_ int32, a *backend.Attr) syscall.Errno {
	*a = backend.Attr{Size: uint64(len(m.data)), Mode: unix.S_IFREG | 0o600, Nlink: 1, MountID: m.mount}
	return 0
}

func (m *memory) CloseNow(fd int32) {
	if !m.open[fd] {
		panic("a descriptor is closed that is not open")
	}
	delete(m.open, fd)
}

func (m *memory) CloseSoon(fd int32) { m.CloseNow(fd) }

func (m *memory) Start(op *backend.Op) { m.started = append(m.started, *op) }

func (m *memory) Flush() {}

func (m *memory) Turn(events []backend.Event) int { return m.Reap(events) }

func (m *memory) Reap(events []backend.Event) int {
	n := copy(events, m.ended)
	m.ended = m.ended[n:]
	return n
}

func (m *memory) Batched() bool { return m.batched }

func (m *memory) Cancel(uint32) {}

func (m *memory) Alarm(int64, int64) {}

func (m *memory) Pooled() bool { return m.pooled }

func (m *memory) Close(released func()) {
	for len(m.started) > 0 {
		m.end(0)
	}
	for _, ev := range m.ended {
		if m.open[ev.Res] {
			m.CloseNow(ev.Res)
		}
	}
	released()
}

// end does the i-th operation that was started.
func (m *memory) end(i int) {
	op := m.started[i]
	m.started = append(m.started[:i], m.started[i+1:]...)
	m.ended = append(m.ended, backend.Event{Tag: op.Tag, Res: m.do(&op)})
	m.signal()
}

func (m *memory) do(op *backend.Op) int32 {
	switch op.Kind {
	case backend.Open:
		if m.cold && op.Cached {
			return -int32(unix.EAGAIN)
		}
		if m.limit > 0 && len(m.open) >= m.limit {
			return -int32(unix.EMFILE)
		}
		if m.open == nil {
			m.open = map[int32]bool{}
		}
		fd := int32(1 << 24)
		for m.open[fd] {
			fd++
		}
		m.open[fd] = true
		return fd
	case backend.Read:
		n := int(op.Len)
		if m.short > 0 {
			n = min(n, m.short)
		}
		if op.Off >= uint64(len(m.data)) {
			return 0
		}
		return int32(copy(abi.Bytes(op.Buf, n), m.data[op.Off:]))
	case backend.Stat:
		*abi.At[unix.Statx_t](op.Buf) = unix.Statx_t{
			Mask: posix.StatxMask, Mode: unix.S_IFREG | 0o600, Nlink: 1,
			Size: uint64(len(m.data)), Mnt_id: m.mount,
		}
	case backend.Close:
		m.CloseNow(op.FD)
	}
	return 0
}
