// Package posix holds the system calls that answer from the kernel's caches
// without waiting. Both backends answer with them on local file systems.
//
// They are raw system calls: the Go scheduler is not told of them, which
// saves as much time as many of them take. That is allowed since none waits.
package posix

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
)

// OpenFlags are how a mail file is opened: a FIFO in its place must not hang
// the open, and no child process inherits it.
const OpenFlags = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY

const (
	// StatxMask is what Attr needs.
	StatxMask = unix.STATX_BASIC_STATS | unix.STATX_MNT_ID
	// StatxFlags make statx(2) on a descriptor answer from what is cached.
	StatxFlags = unix.AT_EMPTY_PATH | unix.AT_STATX_DONT_SYNC
)

// resolveCached is RESOLVE_CACHED of linux/openat2.h (5.12).
const resolveCached = 0x20

var emptyPath [1]byte

// EmptyPath is the address of an empty C string that lives for ever.
func EmptyPath() uintptr { return uintptr(unsafe.Pointer(&emptyPath[0])) }

// Calls are the calls that never wait; a Backend embeds it.
type Calls struct {
	how   unix.OpenHow
	statx unix.Statx_t
}

// NewCalls prepares the arguments that never change.
func NewCalls() Calls {
	return Calls{how: unix.OpenHow{
		Flags:   OpenFlags,
		Resolve: resolveCached | unix.RESOLVE_NO_SYMLINKS,
	}}
}

// TryOpen implements backend.Backend by openat2(2) with RESOLVE_CACHED.
// Symbolic links are refused since one can lead to another file system.
func (c *Calls) TryOpen(path uintptr) (int32, syscall.Errno) {
	at := unix.AT_FDCWD
	for {
		fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT2, uintptr(at), path,
			uintptr(unsafe.Pointer(&c.how)), unsafe.Sizeof(c.how), 0, 0)
		switch errno {
		case 0:
			return int32(fd), 0
		case unix.EINTR:
		case unix.ENOSYS, unix.EINVAL, unix.E2BIG, unix.EPERM:
			// The kernel is older than 5.12, or a filter hides the call.
			return -1, unix.EAGAIN
		default:
			return -1, errno
		}
	}
}

// TryRead implements backend.Backend by preadv2(2) with RWF_NOWAIT.
func (c *Calls) TryRead(fd int32, buf uintptr, n int, off uint64) (int, syscall.Errno) {
	iov := [1]iovec{{buf, uint64(n)}}
	for {
		got, _, errno := unix.RawSyscall6(unix.SYS_PREADV2, uintptr(fd),
			uintptr(unsafe.Pointer(&iov[0])), 1, uintptr(off), 0, unix.RWF_NOWAIT)
		switch errno {
		case 0:
			return int(got), 0
		case unix.EINTR:
		case unix.EOPNOTSUPP, unix.ENOSYS, unix.EPERM:
			return 0, unix.EAGAIN
		default:
			return 0, errno
		}
	}
}

// iovec has numbers in the place of pointers: the memory is not Go's.
type iovec struct {
	base uintptr
	len  uint64
}

// How gives the address of what TryOpen asks of openat2(2), and its size.
func (c *Calls) How() (uintptr, uint32) {
	return uintptr(unsafe.Pointer(&c.how)), uint32(unsafe.Sizeof(c.how))
}

// Attr implements backend.Backend by statx(2) on the descriptor, or fstat(2)
// where a filter or an old kernel denies that.
func (c *Calls) Attr(fd int32, a *backend.Attr) syscall.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_STATX, uintptr(fd), EmptyPath(),
		StatxFlags, StatxMask, uintptr(unsafe.Pointer(&c.statx)), 0)
	switch errno {
	case 0:
		fill(a, &c.statx)
	case unix.ENOSYS, unix.EPERM:
		return attrOld(fd, a)
	}
	return errno
}

// AttrAt reads the buffer of a backend.Stat operation.
func AttrAt(buf uintptr, a *backend.Attr) { fill(a, abi.At[unix.Statx_t](buf)) }

func fill(a *backend.Attr, s *unix.Statx_t) {
	*a = backend.Attr{
		Size:      s.Size,
		Inode:     s.Ino,
		Device:    unix.Mkdev(s.Dev_major, s.Dev_minor),
		Nlink:     uint64(s.Nlink),
		MountID:   s.Mnt_id,
		Mtime:     s.Mtime.Sec,
		Ctime:     s.Ctime.Sec,
		MtimeNsec: s.Mtime.Nsec,
		CtimeNsec: s.Ctime.Nsec,
		Mode:      uint32(s.Mode),
	}
}

// CloseNow implements backend.Backend by close(2), which frees the descriptor
// whatever it returns.
func (c *Calls) CloseNow(fd int32) {
	_, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
}

// CloseSoon implements backend.Backend.
func (c *Calls) CloseSoon(fd int32) { c.CloseNow(fd) }

// CloseAll closes descriptors on a goroutine: each may wait for storage.
func CloseAll(fds []int32) {
	if len(fds) == 0 {
		return
	}
	go func() {
		for _, fd := range fds {
			_ = unix.Close(int(fd))
		}
	}()
}

// Signal makes an eventfd readable. It can only fail with EAGAIN, when the
// counter is full, and then it is readable.
func Signal(fd int32) {
	one := uint64(1)
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), 8)
}
