// Package backendtest is what the tests of all backends share: the suite that
// each of them must pass, memory as operations need it, and reads that hang
// until they are let go.
package backendtest

import (
	"bytes"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
)

// Memory gives size bytes outside the Go heap.
func Memory(t *testing.T, size int) uintptr {
	t.Helper()
	at, err := mmap(size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _, _ = unix.Syscall(unix.SYS_MUNMAP, at, uintptr(size), 0) })
	return at
}

func mmap(size int) (uintptr, error) {
	at, _, errno := unix.Syscall6(unix.SYS_MMAP, 0, uintptr(size), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
	if errno != 0 {
		return 0, errno
	}
	return at, nil
}

// CString copies s to such memory.
func CString(t *testing.T, s string) uintptr {
	t.Helper()
	at := Memory(t, len(s)+1)
	copy(abi.Bytes(at, len(s)), s)
	return at
}

// EventFD makes an event descriptor.
func EventFD(t *testing.T) int {
	t.Helper()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// Mappings counts the mappings of the process.
func Mappings(t *testing.T) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(maps, []byte{'\n'})
}

// Descriptors counts the open descriptors of the process.
func Descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}
