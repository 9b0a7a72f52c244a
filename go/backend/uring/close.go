package uring

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/backend"
)

// Close implements backend.Backend. The kernel lets go of a ring only when
// its last operation has ended, and of the files in its table with it. So a
// pipe is put there: what is left of it shows when.
func (b *Backend) Close(released func()) {
	for tries := 0; b.queued > 0 && b.refused == 0 && tries < maxDrains && !b.submit(); tries++ {
		b.drain() // full of completions
	}
	b.discard()
	if b.refused != 0 {
		b.dropUnsent()
	}
	if b.inFlight == 0 {
		b.closeRing()
		released()
		return
	}
	gone, err := b.plantPipe()
	b.closeRing()
	if err != nil {
		return // no descriptor to watch with: the memory stays, safe and lost
	}
	go func() {
		var one [1]byte
		_, _ = gone.Read(one[:]) // returns at the end of file
		_ = gone.Close()
		released()
	}()
}

// maxDrains is how often Close makes room for what was not submitted yet.
const maxDrains = 100

// discard drops what has ended and nobody has reaped.
func (b *Backend) discard() {
	var events [64]backend.Event
	for n := b.Reap(events[:]); n > 0; n = b.Reap(events[:]) {
		for _, ev := range events[:n] {
			if b.opening[ev.Tag] && ev.Res >= 0 {
				_ = unix.Close(int(ev.Res))
			}
		}
	}
}

// plantPipe puts the writing end of a new pipe into the ring's table and
// returns the reading end.
func (b *Backend) plantPipe() (*os.File, error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, err
	}
	b.pipe = int32(p[1])
	errno := register(b.ring.Fd(), registerFiles, unsafe.Pointer(&b.pipe), 1)
	_ = unix.Close(p[1])
	if errno != 0 {
		_ = unix.Close(p[0])
		return nil, errno
	}
	return os.NewFile(uintptr(p[0]), "ring"), nil
}

// closeRing unmaps all of the ring and closes it.
func (b *Backend) closeRing() {
	b.unmapView()
	if b.sqes != 0 {
		_, _, _ = unix.Syscall(unix.SYS_MUNMAP, b.sqes, uintptr(b.entries)*sqeSize, 0)
	} else if e, err := b.ring.NextSQE(); err == nil {
		_, _, _ = unix.Syscall(unix.SYS_MUNMAP, uintptr(unsafe.Pointer(e)), uintptr(b.entries)*sqeSize, 0)
	}
	_ = b.ring.Close()
}
