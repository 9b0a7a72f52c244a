// Package backend is the seam between the engine and a store. The engine says
// what is to be opened, read and closed; a Backend does it without ever
// making the engine's thread wait. Package uring gives operations to the
// kernel, package threads to a pool of workers, package faulty wraps either
// and makes them fail on purpose.
//
// A Backend belongs to one thread. Memory that an operation names stays valid
// and untouched until its Event has been reaped.
package backend

import "syscall"

// Kind says what an Op does.
type Kind uint8

const (
	Open  Kind = 1 + iota // Path; the result is a descriptor
	Read                  // Len bytes at Off of FD into Buf; the result is a count
	Stat                  // of FD into Buf, a StatBuffer; the result is 0
	Close                 // FD; the result is 0
)

// Op is an operation to be started. Start copies it.
type Op struct {
	Tag  uint32
	Kind Kind
	// Wait says that the operation may wait for storage wherever it touches
	// it, even where data is cached: it must go to a worker at once.
	Wait bool
	// Remote says that the storage is not known to be local.
	Remote bool
	// Cached says that an Open shall need nothing but what the kernel has
	// cached and no symbolic link, as TryOpen does, and end at once. Only
	// where Batched is true.
	Cached bool
	FD     int32
	Len    uint32
	Off    uint64
	Buf    uintptr // outside the Go heap
	Path   uintptr // a C string outside the Go heap
	// Rights is whose rights an Open needs, if they are not those that the
	// calling thread has: the number that the engine's Rights has for them.
	// Wait is set then.
	Rights uint32
}

// Event tells that the operation Tag has ended with Res: a result, or a
// negative errno.
type Event struct {
	Tag uint32
	Res int32
}

// Attr is what a file system tells about a file.
type Attr struct {
	Size, Inode, Device, Nlink uint64
	MountID                    uint64 // as in /proc/self/mountinfo
	Mtime, Ctime               int64
	MtimeNsec, CtimeNsec       uint32
	Mode                       uint32
}

// Regular reports whether it is a regular file.
func (a *Attr) Regular() bool { return a.Mode&syscall.S_IFMT == syscall.S_IFREG }

// Backend does operations. The first group answers at once and never waits
// for storage that is not known to be local; the second is asynchronous.
type Backend interface {
	// TryOpen opens the C string path if that needs nothing but what the
	// kernel has cached and no symbolic link; else EAGAIN or ELOOP. Only for
	// paths on local file systems.
	TryOpen(path uintptr) (int32, syscall.Errno)
	// TryRead reads what is cached: a count, perhaps short, or EAGAIN. Only
	// on local file systems.
	TryRead(fd int32, buf uintptr, n int, off uint64) (int, syscall.Errno)
	// Attr gives what the kernel knows of an open file, perhaps out of date
	// on a network file system.
	Attr(fd int32, a *Attr) syscall.Errno
	// CloseNow closes a file of a local file system. CloseSoon does so with
	// the next Flush or Turn, if that is cheaper.
	CloseNow(fd int32)
	CloseSoon(fd int32)

	// Start queues op. Flush hands queued operations to the kernel or the
	// workers; errors are reported as Events. Each call of the host that has
	// started any ends with one.
	Start(op *Op)
	Flush()
	// Reap fills events with operations that have ended; returns their
	// number. The context's event descriptor is signalled for each that
	// ends while nobody reaps.
	Reap(events []Event) int
	// Turn is Flush and Reap in one: what Flush ends at once is reaped with
	// the rest, and signalled to nobody.
	Turn(events []Event) int
	// Batched reports whether a Start and a Turn of some operations that the
	// cache can answer cost less than as many calls of TryOpen and TryRead.
	Batched() bool
	// Cancel asks for an operation to end early. Its Event comes all the
	// same, sooner or later.
	Cancel(tag uint32)
	// Alarm has the event descriptor signalled at that monotonic time in
	// nanoseconds, or earlier; 0 is no time at all. now is the time now.
	Alarm(at, now int64)
	// Pooled reports whether every operation takes a worker, not only those
	// with Wait set.
	Pooled() bool
	// Close ends the backend. Operations that have not ended keep their
	// memory: released is called once, on any goroutine, when all are done.
	// Descriptors that they open by then are closed, which may take longer.
	Close(released func())
}

// StatBuffer is the room that a Stat operation needs at Buf; AttrOf reads it.
const StatBuffer = 256
