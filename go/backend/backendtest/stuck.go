package backendtest

import (
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Stuck is a page of memory that nothing gets into: a read into it hangs as
// one from a dead mount does, in the kernel, beyond the reach of signals.
type Stuck struct {
	Buf uintptr
	t   *testing.T
	fd  int
}

// Of linux/userfaultfd.h.
const (
	uffdAPI      = 0xaa
	uffdioAPI    = 0xc018aa3f
	uffdRegister = 0xc020aa00
	uffdZeropage = 0xc020aa04
	uffdMissing  = 1
	page         = 4096
)

// NewStuck makes such a page by userfaultfd(2), or skips the test.
func NewStuck(t *testing.T) *Stuck {
	t.Helper()
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|unix.O_NONBLOCK, 0, 0)
	if errno != 0 {
		t.Skipf("a read that hangs needs userfaultfd: %v", errno)
	}
	s := &Stuck{Buf: Memory(t, page), t: t, fd: int(fd)}
	// Closing it lets go of whoever hangs.
	t.Cleanup(func() { _ = unix.Close(s.fd) })
	api := [3]uint64{uffdAPI}
	s.ioctl(uffdioAPI, unsafe.Pointer(&api))
	register := [4]uint64{uint64(s.Buf), page, uffdMissing}
	s.ioctl(uffdRegister, unsafe.Pointer(&register))
	return s
}

func (s *Stuck) ioctl(request uintptr, arg unsafe.Pointer) {
	s.t.Helper()
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s.fd), request, uintptr(arg))
	if errno != 0 {
		s.t.Skipf("a read that hangs needs userfaultfd: %v", errno)
	}
}

// WaitHanging waits until something hangs.
func (s *Stuck) WaitHanging() {
	s.t.Helper()
	if !Readable(s.fd, 10*time.Second) {
		s.t.Fatal("nothing hangs")
	}
}

// LetGo lets the read go on.
func (s *Stuck) LetGo() {
	s.t.Helper()
	zero := [4]uint64{uint64(s.Buf), page}
	s.ioctl(uffdZeropage, unsafe.Pointer(&zero))
}

// Readable waits until a descriptor is readable, for that long at most.
func Readable(fd int, wait time.Duration) bool {
	for end := time.Now().Add(wait); ; {
		p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(p[:], int(max(time.Until(end), 0)/time.Millisecond))
		if n > 0 || err == nil {
			return n > 0
		}
	}
}
