package backendtest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/backend"
)

// New makes the backend under test. It is to skip the test where that can't
// be had.
type New func(t *testing.T, eventFD int) backend.Backend

// Bench is a backend with its event descriptor, and the files to try it on.
type Bench struct {
	backend.Backend
	T       *testing.T
	EventFD int
	Dir     string
	text    string
	closed  bool
}

// NewBench makes one for the calling goroutine, which owns the backend and
// stays on its thread.
func NewBench(t *testing.T, make New) *Bench {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	b := &Bench{T: t, EventFD: EventFD(t), Dir: t.TempDir()}
	for len(b.text) < 20000 {
		b.text += "all work and no play makes jack a dull boy\n"
	}
	if err := os.WriteFile(b.Path("file"), []byte(b.text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Backend = make(t, b.EventFD)
	t.Cleanup(func() {
		if !b.closed {
			b.CloseAndWait()
		}
	})
	return b
}

// Path names a file in the bench's directory; "file" is there.
func (b *Bench) Path(name string) string { return filepath.Join(b.Dir, name) }

// OpenFile opens the file outside of the backend.
func (b *Bench) OpenFile() int32 {
	b.T.Helper()
	fd, err := unix.Open(b.Path("file"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		b.T.Fatal(err)
	}
	b.T.Cleanup(func() { _ = unix.Close(fd) })
	return int32(fd)
}

// Wait reaps until n operations have ended, and returns their results by tag.
func (b *Bench) Wait(n int) map[uint32]int32 {
	b.T.Helper()
	results := map[uint32]int32{}
	var events [7]backend.Event
	end := time.Now().Add(20 * time.Second)
	b.Flush()
	for len(results) < n {
		got := b.Reap(events[:])
		for _, ev := range events[:got] {
			if _, twice := results[ev.Tag]; twice {
				b.T.Fatalf("operation %d ended twice", ev.Tag)
			}
			results[ev.Tag] = ev.Res
		}
		if got == len(events) || len(results) >= n {
			continue // Reap is to be called until there is nothing left
		}
		if !Readable(b.EventFD, time.Until(end)) {
			b.T.Fatalf("%d of %d operations ended; no signal comes", len(results), n)
		}
		b.ClearSignals()
	}
	return results
}

// Do starts an operation and returns its result.
func (b *Bench) Do(op backend.Op) int32 {
	b.T.Helper()
	b.Start(&op)
	return b.Wait(1)[op.Tag]
}

// ClearSignals empties the event descriptor.
func (b *Bench) ClearSignals() {
	var count [8]byte
	_, _ = unix.Read(b.EventFD, count[:])
}

// CloseNotWaiting closes the backend. What it returns is closed when all is
// released.
func (b *Bench) CloseNotWaiting() <-chan struct{} {
	b.closed = true
	released := make(chan struct{})
	b.Close(func() { close(released) })
	return released
}

// CloseAndWait closes the backend and waits until all is released.
func (b *Bench) CloseAndWait() {
	b.T.Helper()
	b.MustEnd(b.CloseNotWaiting())
}

// MustEnd fails the test if all is not released soon.
func (b *Bench) MustEnd(released <-chan struct{}) {
	b.T.Helper()
	select {
	case <-released:
	case <-time.After(10 * time.Second):
		b.T.Fatal("not everything was released")
	}
}
