package mem

import (
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
)

// unref does what dbox_aio_message_unref does (lib/release.c). Returns
// whether it was the last one of the pool, which unmaps all.
func unref(at uintptr) bool {
	m := abi.At[abi.Message](at)
	if atomic.AddUint32(&m.Refs, ^uint32(0)) > 0 {
		return false
	}
	h := abi.At[abi.Pool](m.Pool)
	withFD := atomic.LoadInt32(&m.FD) >= 0
	if withFD {
		atomic.AddUint32(&h.Writers, 1)
		if atomic.LoadUint32(&h.Closed) != 0 {
			_ = unix.Close(int(atomic.SwapInt32(&m.FD, -1)))
		}
	}
	for {
		m.Next = atomic.LoadUintptr(&h.Freed)
		if atomic.CompareAndSwapUintptr(&h.Freed, m.Next, at) {
			break
		}
	}
	if !withFD && atomic.LoadUint32(&h.Wake) != 0 {
		atomic.AddUint32(&h.Writers, 1)
		signal(h)
		atomic.AddUint32(&h.Writers, ^uint32(0))
	}
	if withFD {
		signal(h)
		atomic.AddUint32(&h.Writers, ^uint32(0))
	}
	if atomic.AddUint64(&h.Live, ^uint64(0)) > 0 {
		return false
	}
	(&Pool{base: m.Pool, tableSize: int(h.MappingsCount)}).unmapAll()
	return true
}

func signal(h *abi.Pool) {
	if fd := atomic.LoadInt32(&h.EventFD); fd >= 0 {
		_, _ = unix.Write(int(fd), []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

// signals returns how often the event descriptor was signalled.
func signals(p *Pool) uint64 {
	var count [8]byte
	if _, err := unix.Read(int(p.header().EventFD), count[:]); err != nil {
		return 0
	}
	return uint64(count[0]) | uint64(count[1])<<8
}

// unrefAll releases messages from eight goroutines; returns how many were the
// last one.
func unrefAll(messages []uintptr) int {
	var done sync.WaitGroup
	var last atomic.Int32
	for part := range slices.Chunk(messages, len(messages)/8+1) {
		done.Add(1)
		go func() {
			defer done.Done()
			for _, m := range part {
				if unref(m) {
					last.Add(1)
				}
			}
		}()
	}
	done.Wait()
	return int(last.Load())
}

func noFD(int32, bool) { panic("no message has a descriptor") }

func TestMessagesComeBackFromOtherThreads(t *testing.T) {
	p := newPool(t, 64<<20)
	for range 20 {
		var messages []uintptr
		for i := range 400 {
			messages = append(messages, message(t, p, int64(i*37)))
		}
		unrefAll(messages)
		if !p.Freed() {
			t.Fatal("nothing waits to be reclaimed")
		}
		if n := p.Reclaim(noFD); n != len(messages) {
			t.Fatalf("%d messages were reclaimed of %d", n, len(messages))
		}
		if p.Used() != 0 {
			t.Fatalf("%d bytes are used", p.Used())
		}
	}
	pieces := mappingsOf(p)
	p.Close()
	checkUnmapped(t, pieces)
}

func TestReclaimWhileOthersRelease(t *testing.T) {
	p := newPool(t, 64<<20)
	var messages []uintptr
	for range 8000 {
		messages = append(messages, message(t, p, 100))
	}
	ended := make(chan struct{})
	go func() {
		unrefAll(messages)
		close(ended)
	}()
	n := 0
	for n < len(messages) {
		n += p.Reclaim(noFD)
		runtime.Gosched()
	}
	<-ended
	if p.Used() != 0 || p.Freed() {
		t.Errorf("%d bytes are used", p.Used())
	}
	p.Close()
}

func TestTheLastUnrefAfterCloseUnmaps(t *testing.T) {
	p := newPool(t, 256<<20)
	var messages []uintptr
	for i := range 1000 { // enough for the table to grow
		messages = append(messages, message(t, p, int64(i%100)<<10))
	}
	kept := abi.Bytes(uintptr(abi.At[abi.Message](messages[99]).Block), 99<<10)
	kept[0], kept[len(kept)-1] = 1, 2
	p.Detach(runtime.Gosched)
	p.Reclaim(noFD)
	p.Close()
	if kept[0] != 1 || kept[len(kept)-1] != 2 {
		t.Error("a message that the host holds lost its data")
	}
	pieces := mappingsOf(&Pool{base: abi.At[abi.Message](messages[0]).Pool, tableSize: 1 << 12})
	if n := unrefAll(messages); n != 1 {
		t.Errorf("%d of the unrefs were the last", n)
	}
	checkUnmapped(t, pieces)
}

func TestUnrefWakesOnlyWhoWaits(t *testing.T) {
	p := newPool(t, 1<<20)
	defer p.Close()
	unref(message(t, p, 100))
	if n := signals(p); n != 0 {
		t.Errorf("%d signals that nobody asked for", n)
	}
	p.WakeOnRelease(true)
	unref(message(t, p, 100))
	if n := signals(p); n != 1 {
		t.Errorf("%d signals, want 1", n)
	}
	p.WakeOnRelease(false)
	unref(message(t, p, 100))
	if n := signals(p); n != 0 {
		t.Errorf("%d signals after the wait", n)
	}
	p.Reclaim(noFD)
}

func TestReclaimHandsOutDescriptorsThatNobodyTook(t *testing.T) {
	p := newPool(t, 1<<20)
	defer p.Close()
	taken, slow, quick := message(t, p, 1), message(t, p, 1), message(t, p, 1)
	abi.At[abi.Message](slow).FD = 1001
	abi.At[abi.Message](slow).Flags = abi.MessageWantFD | abi.MessageFDSlow
	abi.At[abi.Message](quick).FD = 1002
	abi.At[abi.Message](quick).Flags = abi.MessageWantFD
	for _, m := range []uintptr{taken, slow, quick} {
		unref(m)
	}
	if signals(p) != 2 {
		t.Error("a descriptor that comes back must wake the context")
	}
	got := map[int32]bool{}
	p.Reclaim(func(fd int32, slow bool) { got[fd] = slow })
	if len(got) != 2 || got[1001] != true || got[1002] != false {
		t.Errorf("descriptors %v", got)
	}
}

// TestDetachEndsTheSignals: whoever closes the event descriptor afterwards
// must not see a byte in what gets its number.
func TestDetachEndsTheSignals(t *testing.T) {
	p := newPool(t, 64<<20)
	p.WakeOnRelease(true)
	var messages []uintptr
	for range 8000 {
		messages = append(messages, message(t, p, 10))
	}
	eventFD := p.header().EventFD
	ended := make(chan struct{})
	go func() {
		unrefAll(messages)
		close(ended)
	}()
	p.Detach(runtime.Gosched)
	var count [8]byte
	_, _ = unix.Read(int(eventFD), count[:])
	<-ended
	if _, err := unix.Read(int(eventFD), count[:]); err != unix.EAGAIN {
		t.Errorf("a signal after Detach: %v", err)
	}
	p.Reclaim(noFD)
	p.Close()
}

func TestADescriptorIsClosedByUnrefAfterDetach(t *testing.T) {
	p := newPool(t, 1<<20)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	fd, err := unix.Dup(int(w.Fd()))
	_ = w.Close()
	if err != nil {
		t.Fatal(err)
	}
	m := message(t, p, 1)
	abi.At[abi.Message](m).FD = int32(fd)
	p.Detach(runtime.Gosched)
	p.Reclaim(noFD)
	p.Close()
	if !unref(m) {
		t.Error("the last unref did not unmap")
	}
	if n, _ := r.Read(make([]byte, 1)); n != 0 {
		t.Error("the descriptor is still open")
	}
}
