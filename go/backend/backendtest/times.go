package backendtest

import (
	"time"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/backend"
)

func now() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}

func rings(b *Bench) {
	b.Alarm(0, now())
	b.Flush()
	if Readable(b.EventFD, 10*time.Millisecond) {
		b.T.Error("an alarm that nobody set")
	}
	for range 2 {
		start := now()
		b.Alarm(start+int64(20*time.Millisecond), start)
		b.Flush()
		if !Readable(b.EventFD, 10*time.Second) {
			b.T.Fatal("no alarm")
		}
		if took := time.Duration(now() - start); took < 19*time.Millisecond {
			b.T.Errorf("the alarm rang after %v", took)
		}
		b.quiet()
	}
	b.Alarm(now()-1, now()) // is due already
	b.Flush()
	if !Readable(b.EventFD, 10*time.Second) {
		b.T.Error("no alarm for a time that has passed")
	}
}

// quiet reaps, as an alarm must not be reported as an operation.
func (b *Bench) quiet() {
	b.T.Helper()
	var events [4]backend.Event
	if n := b.Reap(events[:]); n != 0 {
		b.T.Errorf("an operation that nobody started: %+v", events[0])
	}
	b.ClearSignals()
}

func ringsEarlier(b *Bench) {
	start := now()
	b.Alarm(start+int64(time.Hour), start)
	b.Alarm(start+int64(30*time.Millisecond), start)
	b.Alarm(start+int64(time.Minute), start)
	b.Flush()
	if !Readable(b.EventFD, 10*time.Second) {
		b.T.Fatal("no alarm")
	}
	b.quiet()
}

func idle(b *Bench) {
	b.Alarm(now()+int64(time.Hour), now())
	released := b.CloseNotWaiting()
	select {
	case <-released:
	default:
		b.T.Error("not released by Close itself")
		b.MustEnd(released)
	}
}

// unreaped closes the backend with results that nobody has looked at: the
// first by Reap with no room for all, the others not at all.
func unreaped(b *Bench) {
	path := CString(b.T, b.Path("file"))
	before := Descriptors(b.T)
	for i := range uint32(6) {
		b.Start(&backend.Op{Tag: i, Kind: backend.Open, Path: path, Wait: i%2 == 0})
	}
	b.Flush()
	var events [1]backend.Event
	for b.Reap(events[:]) == 0 {
		Readable(b.EventFD, 10*time.Millisecond)
	}
	if events[0].Res < 0 {
		b.T.Fatalf("open: %d", events[0].Res)
	}
	b.CloseNow(events[0].Res)
	for end := time.Now().Add(5 * time.Second); Descriptors(b.T) < before+5 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	b.CloseAndWait()
	// The ring's own descriptor is gone as well by now; the others are closed
	// where nobody waits for that.
	for end := time.Now().Add(10 * time.Second); Descriptors(b.T) > before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if after := Descriptors(b.T); after > before {
		b.T.Errorf("%d descriptors, %d before", after, before)
	}
}

func hangs(b *Bench) {
	stuck := NewStuck(b.T)
	fd := b.OpenFile()
	b.Start(&backend.Op{Tag: 1, Kind: backend.Read, Wait: true, FD: fd, Len: 100, Buf: stuck.Buf})
	b.Flush()
	stuck.WaitHanging()
	start := time.Now()
	released := b.CloseNotWaiting()
	if took := time.Since(start); took > time.Second {
		b.T.Errorf("Close took %v", took)
	}
	select {
	case <-released:
		b.T.Error("released while the kernel still has the buffer")
	case <-time.After(150 * time.Millisecond):
	}
	stuck.LetGo()
	b.MustEnd(released)
}

func cancelled(b *Bench) {
	fd, buf := b.OpenFile(), Memory(b.T, page)
	b.Cancel(77) // unknown: nothing comes of it
	b.Start(&backend.Op{Tag: 1, Kind: backend.Read, Wait: true, FD: fd, Len: 100, Buf: buf})
	b.Cancel(1)
	if res := b.Wait(1)[1]; res != 100 && res != -int32(unix.ECANCELED) && res != -int32(unix.EINTR) {
		b.T.Errorf("a cancelled read: %d", res)
	}
	b.Cancel(1)
	b.quiet()
}
