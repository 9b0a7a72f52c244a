package uring

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"github.com/godzie44/go-uring/uring"
	"golang.org/x/sys/unix"
)

// Numbers of linux/io_uring.h that neither library names.
const (
	setupClamp        = 1 << 4
	setupTaskrunFlag  = 1 << 9
	setupSingleIssuer = 1 << 12
	setupDeferTaskrun = 1 << 13

	enterGetEvents = 1 << 0

	sqTaskrun         = 1 << 2
	cqEventfdDisabled = 1 << 0

	registerFiles          = 2
	registerEventfd        = 4
	registerIowqMaxWorkers = 19

	opNop         = 0
	opTimeout     = 11
	opAsyncCancel = 14
	opOpenat      = 18
	opClose       = 19
	opStatx       = 21
	opRead        = 22
	opOpenat2     = 28

	sqeAsync       = 1 << 4
	sqeSkipSuccess = 1 << 6

	timeoutAbs = 1 << 0

	sqesOffset    = 0x10000000
	paramsFlags   = 8       // offset of flags in struct io_uring_params
	paramsSQFlags = 40 + 16 // of sq_off.flags
	paramsCQFlags = 80 + 24 // of cq_off.flags
	sqeSize       = 64
)

// Refusal says why there is no io_uring, in words for an administrator.
type Refusal struct {
	Errno  syscall.Errno
	Reason string
}

func (r *Refusal) Error() string { return r.Reason }

// withFlags makes an option that sets bits of the flags word of the kernel's
// io_uring_params. like only serves to name the library's private type.
func withFlags[P any](_ func(*P), flags uint32) func(*P) {
	return func(p *P) {
		*(*uint32)(unsafe.Add(unsafe.Pointer(p), paramsFlags)) |= flags
	}
}

// newRing sets a ring up with room for entries operations.
func newRing(entries uint32) (*uring.Ring, error) {
	cq := uring.WithCQSize(4 * entries)
	flags := withFlags(cq, setupClamp|setupTaskrunFlag|setupSingleIssuer|setupDeferTaskrun)
	ring, err := uring.New(entries, cq, flags)
	if err == nil {
		return ring, nil
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		errno = unix.EIO
	}
	if ring != nil {
		// The setup went well and a mapping failed: the library leaves the
		// descriptor open.
		_ = unix.Close(ring.Fd())
		return nil, &Refusal{errno, fmt.Sprintf("io_uring: mapping the ring failed (%s): raise the limit on address space (RLIMIT_AS)", errno.Error())}
	}
	return nil, &Refusal{errno, refusalOf(errno)}
}

// refusalOf tells what io_uring_setup(2) failing so means.
func refusalOf(errno syscall.Errno) string {
	switch errno {
	case unix.ENOSYS:
		return "io_uring: the kernel does not have it (ENOSYS): it is older than 5.1, built without it, or a seccomp filter hides it"
	case unix.EPERM:
		if v, err := os.ReadFile("/proc/sys/kernel/io_uring_disabled"); err == nil {
			if s := strings.TrimSpace(string(v)); s != "0" {
				return "io_uring: switched off by the sysctl kernel.io_uring_disabled=" + s + ": set it to 0 to allow it"
			}
		}
		return "io_uring: not permitted (EPERM): a seccomp filter, as container runtimes have by default, denies io_uring_setup: allow it in the seccomp profile"
	case unix.EINVAL:
		return "io_uring: the kernel is older than 6.1 and lacks DEFER_TASKRUN, without which io_uring would interrupt the host's own system calls: upgrade the kernel"
	case unix.ENOMEM:
		return "io_uring: no memory for the ring (ENOMEM): raise RLIMIT_MEMLOCK, or the memory limit of the control group"
	case unix.EMFILE, unix.ENFILE:
		return "io_uring: no descriptor left for the ring: raise RLIMIT_NOFILE"
	case unix.EACCES:
		return "io_uring: denied by a security module (EACCES)"
	}
	return "io_uring: io_uring_setup failed: " + errno.Error()
}

// register calls io_uring_register(2).
func register(fd int, op uintptr, arg unsafe.Pointer, n int) syscall.Errno {
	_, _, errno := unix.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(fd), op,
		uintptr(arg), uintptr(n), 0, 0)
	return errno
}

// raiseWorkers lets io-wq have that many workers for this thread. The limit
// belongs to the thread: a higher one that the host or another context set
// stays.
func raiseWorkers(fd, workers int) {
	var limits [2]uint32 // bounded, unbounded; 0 only asks
	if register(fd, registerIowqMaxWorkers, unsafe.Pointer(&limits), 2) != 0 {
		return // before 5.15: the default of 4 for each CPU has to do
	}
	if limits[0] >= uint32(workers) {
		return
	}
	limits = [2]uint32{uint32(workers), 0}
	_ = register(fd, registerIowqMaxWorkers, unsafe.Pointer(&limits), 2)
}
