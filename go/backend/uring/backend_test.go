package uring

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/backendtest"
)

// newRingBackend skips the test where there is no io_uring.
func newRingBackend(depth int) backendtest.New {
	return func(t *testing.T, eventFD int) backend.Backend {
		t.Helper()
		b, err := New(depth, 4, eventFD)
		var refusal *Refusal
		if errors.As(err, &refusal) {
			t.Skip(refusal.Reason)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func TestSuite(t *testing.T) {
	backendtest.Suite(t, newRingBackend(64))
}

func TestSuiteWithADeepQueue(t *testing.T) {
	backendtest.Suite(t, newRingBackend(4096))
}

func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Close(p[0])
		_ = unix.Close(p[1])
	})
	return p[0], p[1]
}

// TestReapLeavesNoSignalBehind: it would bring the host back for nothing.
func TestReapLeavesNoSignalBehind(t *testing.T) {
	b := backendtest.NewBench(t, newRingBackend(64))
	fd, buf := b.OpenFile(), backendtest.Memory(t, 100)
	for range 100 {
		for tag := range uint32(10) {
			b.Start(&backend.Op{Tag: tag, Kind: backend.Read, Wait: true, FD: fd, Len: 10, Buf: buf})
		}
		b.Flush()
		time.Sleep(time.Millisecond)
		left := 10
		for left > 0 {
			if !backendtest.Readable(b.EventFD, 10*time.Second) {
				t.Fatalf("no signal, and %d reads have not ended", left)
			}
			b.ClearSignals()
			var events [16]backend.Event
			left -= b.Reap(events[:])
		}
		if backendtest.Readable(b.EventFD, 0) {
			t.Fatal("a signal, and nothing to reap")
		}
	}
}

// TestCloseWithAReadOfAnEmptyPipe: once released, the kernel writes to the
// buffer no more.
func TestCloseWithAReadOfAnEmptyPipe(t *testing.T) {
	for _, wait := range []bool{false, true} {
		b := backendtest.NewBench(t, newRingBackend(64))
		r, w := pipe(t)
		buf := backendtest.Memory(t, 100)
		b.Start(&backend.Op{Tag: 1, Kind: backend.Read, Wait: wait, FD: int32(r), Len: 100, Buf: buf})
		b.Flush()
		b.CloseAndWait()
		if _, err := unix.Write(w, []byte("late")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
		if string(abi.Bytes(buf, 4)) != "\x00\x00\x00\x00" {
			t.Error("the buffer was written to after it was released")
		}
	}
}

// TestARunningReadCanBeCancelled by a cancel that the kernel takes: it answers
// EALREADY, and the read goes on, to one that comes while an io-wq worker is
// between its try without waiting and its wait for the pipe.
func TestARunningReadCanBeCancelled(t *testing.T) {
	for _, wait := range []bool{false, true} {
		b := backendtest.NewBench(t, newRingBackend(64))
		r, _ := pipe(t)
		b.Start(&backend.Op{Tag: 1, Kind: backend.Read, Wait: wait, FD: int32(r), Len: 100, Buf: backendtest.Memory(t, 100)})
		b.Flush()
		res := int32(0)
		for tries := 0; res == 0; tries++ {
			if tries == 100 || tries > 0 && !wait {
				t.Fatalf("%d cancels, and the read goes on", tries)
			}
			b.Cancel(1)
			b.Flush()
			res = resultWithin(b, 100*time.Millisecond)
		}
		if res != -int32(unix.ECANCELED) && res != -int32(unix.EINTR) {
			t.Errorf("result %d", res)
		}
	}
}

// resultWithin returns the result of the only operation, or 0 if it has not
// ended by then.
func resultWithin(b *backendtest.Bench, limit time.Duration) int32 {
	var events [1]backend.Event
	for end := time.Now().Add(limit); b.Reap(events[:]) == 0; b.ClearSignals() {
		if !backendtest.Readable(b.EventFD, time.Until(end)) {
			return 0
		}
	}
	return events[0].Res
}

func TestNothingIsLeftOfManyRings(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fd := backendtest.EventFD(t)
	r, _ := pipe(t)
	buf := backendtest.Memory(t, 100)
	once := func(i int) {
		b := newRingBackend(64)(t, fd)
		switch i % 3 {
		case 1: // used
			b.Start(&backend.Op{Tag: 1, Kind: backend.Stat, FD: int32(r), Buf: 0})
			b.Flush()
		case 2: // in use
			b.Start(&backend.Op{Tag: 1, Kind: backend.Read, Wait: true, FD: int32(r), Len: 100, Buf: buf})
			b.Flush()
		}
		ended := make(chan struct{})
		b.Close(func() { close(ended) })
		<-ended
	}
	for i := range 3 {
		once(i)
	}
	mappings, descriptors := backendtest.Mappings(t), backendtest.Descriptors(t)
	for i := range 200 {
		once(i)
	}
	// The runtime may have mapped something of its own by now.
	if n := backendtest.Mappings(t); n > mappings+50 {
		t.Errorf("%d mappings, %d before", n, mappings)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(maps), "io_uring"); n != 0 {
		t.Errorf("%d mappings of rings", n)
	}
	if n := backendtest.Descriptors(t); n > descriptors {
		t.Errorf("%d descriptors, %d before", n, descriptors)
	}
}

func TestARefusedRingLeavesNothing(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	newRingBackend(64)(t, backendtest.EventFD(t)).Close(func() {})
	mappings, descriptors := backendtest.Mappings(t), backendtest.Descriptors(t)
	for range 100 {
		_, err := New(64, 4, -1)
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Errno != unix.EBADF {
			t.Fatalf("%v", err)
		}
	}
	if n := backendtest.Mappings(t); n > mappings+20 {
		t.Errorf("%d mappings, %d before", n, mappings)
	}
	if n := backendtest.Descriptors(t); n > descriptors {
		t.Errorf("%d descriptors, %d before", n, descriptors)
	}
}

func TestARefusalSaysWhatToDo(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		unix.ENOSYS: "kernel does not have it",
		unix.EPERM:  "to allow it|seccomp profile",
		unix.EINVAL: "upgrade the kernel",
		unix.ENOMEM: "raise RLIMIT_MEMLOCK",
		unix.EMFILE: "raise RLIMIT_NOFILE",
		unix.ENFILE: "raise RLIMIT_NOFILE",
		unix.EACCES: "security module",
		unix.EIO:    unix.EIO.Error(),
	} {
		got := refusalOf(errno)
		found := false
		for _, text := range strings.Split(want, "|") {
			found = found || strings.Contains(got, text)
		}
		if !found || !strings.HasPrefix(got, "io_uring: ") || len(got) > 255 {
			t.Errorf("%v: %q, want %q", errno, got, want)
		}
	}
}

// submitted returns how many entries the kernel has taken.
func submitted(t *testing.T, b *Backend) int {
	t.Helper()
	info, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(b.FD()))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(info), "SqHead:")
	line, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if !found || err != nil {
		t.Skip("no SqHead in fdinfo")
	}
	return n
}

// TestALaterAlarmIsSetOnce: one for later stays in the kernel, while earlier
// ones come and ring.
func TestALaterAlarmIsSetOnce(t *testing.T) {
	bench := backendtest.NewBench(t, newRingBackend(64))
	b := bench.Backend.(*Backend)
	later := monotonic() + int64(time.Hour)
	b.Alarm(later, monotonic())
	before := submitted(t, b)
	const rounds = 50
	for range rounds {
		b.Alarm(monotonic()+int64(time.Millisecond), monotonic())
		if !backendtest.Readable(bench.EventFD, 10*time.Second) {
			t.Fatal("no alarm")
		}
		bench.ClearSignals()
		b.Reap(make([]backend.Event, 1))
		b.Alarm(later, monotonic())
		b.Flush()
	}
	if n := submitted(t, b) - before; n != rounds {
		t.Errorf("%d timers for %d alarms", n, rounds)
	}
}

func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}
