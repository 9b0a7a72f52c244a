package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend/posix"
	"libdbox_aio/go/dbox"
)

func cText(at uintptr) string {
	if at == 0 {
		return ""
	}
	n := 0
	for *abi.At[byte](at + uintptr(n)) != 0 {
		n++
	}
	return string(abi.Bytes(at, n))
}

func copyMessage(at uintptr) *message {
	m := &message{Message: *abi.At[abi.Message](at)}
	if m.Body != 0 {
		m.body = append([]byte{}, abi.Bytes(m.Body, int(m.BodyLength))...)
	}
	if m.Raw != 0 {
		m.raw = append([]byte{}, abi.Bytes(m.Raw, int(m.RawSize))...)
	}
	for i := range uintptr(m.MetadataCount) {
		line := abi.At[abi.Metadata](m.Metadata + i*unsafe.Sizeof(abi.Metadata{}))
		value := string(abi.Bytes(line.Value, int(line.Size)))
		if *abi.At[byte](line.Value + uintptr(line.Size)) != 0 {
			panic("a value does not end with NUL")
		}
		m.lines = append(m.lines, dbox.Line{Key: byte(line.Key), Value: value})
	}
	return m
}

// unref is dbox_aio_message_unref of lib/release.c.
func unref(at uintptr) {
	m := abi.At[abi.Message](at)
	if atomic.AddUint32(&m.Refs, ^uint32(0)) > 0 {
		return
	}
	p := abi.At[abi.Pool](m.Pool)
	hasFD := atomic.LoadInt32(&m.FD) >= 0
	signal := hasFD
	if hasFD {
		atomic.AddUint32(&p.Writers, 1)
		if atomic.LoadUint32(&p.Closed) != 0 {
			if fd := atomic.SwapInt32(&m.FD, -1); fd >= 0 {
				_ = unix.Close(int(fd))
			}
		}
	}
	for {
		first := atomic.LoadUintptr(&p.Freed)
		atomic.StoreUintptr(&m.Next, first)
		if atomic.CompareAndSwapUintptr(&p.Freed, first, at) {
			break
		}
	}
	if !hasFD && atomic.LoadUint32(&p.Wake) != 0 {
		signal = true
		atomic.AddUint32(&p.Writers, 1)
	}
	if signal {
		if fd := atomic.LoadInt32(&p.EventFD); fd >= 0 {
			posix.Signal(fd)
		}
		atomic.AddUint32(&p.Writers, ^uint32(0))
	}
	if atomic.AddUint64(&p.Live, ^uint64(0)) == 0 {
		unmap(p)
	}
}

func unmap(p *abi.Pool) {
	list := slices.Clone(unsafe.Slice(abi.At[abi.Mapping](p.Mappings), p.MappingsCount))
	for _, m := range list {
		if m.Size != 0 {
			_, _, _ = unix.Syscall(unix.SYS_MUNMAP, m.Address, uintptr(m.Size), 0)
		}
	}
}

// one returns the only completion of a request.
func (h *host) one(context uint64) result {
	h.t.Helper()
	r := h.results[context]
	if len(r) != 1 {
		h.t.Fatalf("request %d has %d completions", context, len(r))
	}
	return r[0]
}

// text shows a result with all that does not depend on time, or on how the
// file was read.
func (r *result) text() string {
	var s strings.Builder
	fmt.Fprintf(&s, "status %d errno %d op %d flags %#x record %d error %d %q",
		r.Status, r.SysErrno, r.Op, r.Flags, r.RecordOffset, r.ErrorOffset, r.detail)
	if r.Status == abi.OK && r.Op != abi.OpStat {
		// Of a file whose header others have read a failure or a STAT shows it.
		fmt.Fprintf(&s, " file %d+%d+%d created %d", r.FileVersion, r.FileHeaderSize, r.MessageHeaderSize, r.CreateTime)
	}
	if r.Status == abi.OK {
		fmt.Fprintf(&s, " size %d", r.FileSize)
	}
	if m := r.message; m != nil {
		fmt.Fprintf(&s, " body %d of %d record %d metadata %q", len(m.body), m.BodySize, m.RecordSize, m.lines)
	}
	return s.String()
}

// transcript shows all results of all requests.
func (h *host) transcript() string {
	contexts := make([]uint64, 0, len(h.results))
	for context := range h.results {
		contexts = append(contexts, context)
	}
	slices.Sort(contexts)
	var s strings.Builder
	for _, context := range contexts {
		for _, r := range h.results[context] {
			fmt.Fprintf(&s, "%d: %s\n", context, r.text())
		}
	}
	return s.String()
}
