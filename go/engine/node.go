package engine

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/dbox"
)

// node is an open file. Its descriptor is closed when nobody uses it any
// more; what is known of the file stays as long as a result refers to it.
type node struct {
	attr    backend.Attr
	header  dbox.FileHeader
	fd      int32
	file    int32 // that has it for its own, or none
	mount   int32
	refs    int32 // of the file, requests with a result to come, operations
	users   int32 // requests and operations that need the descriptor
	waiters list  // requests that wait for the header
	opening bool  // those who waited for the open are being served
	known   bool  // the header
	reading bool  // the header is being read
	slow    bool  // no call on the descriptor may be made on this thread
	alt     bool  // found at the alternative path
}

// newNode takes over a descriptor that was just opened. inline says that
// TryOpen opened it, by a path that is said to lie on mount.
func (e *Engine) newNode(fd, mount int32, inline bool) (int32, abi.Status, syscall.Errno) {
	i := e.nodes.alloc()
	n := e.nodes.at(i)
	*n = node{fd: fd, file: none, mount: mount, refs: 1, waiters: list{none, none}}
	if errno := e.be.Attr(fd, &n.attr); errno != 0 {
		n.slow = !inline
		e.closeNode(i)
		e.unrefNode(i)
		return none, abi.EIO, errno
	}
	if !inline || !e.mounts.Verify(mount, n.attr.MountID) {
		n.mount = e.mounts.ByID(n.attr.MountID)
		n.slow = !e.mounts.At(n.mount).Local
	}
	e.stats.OpenFiles++
	if !n.attr.Regular() {
		e.stats.OpenFiles--
		e.closeNode(i)
		e.unrefNode(i)
		return none, abi.ENOTFILE, 0
	}
	return i, abi.OK, 0
}

func (e *Engine) unrefNode(i int32) {
	n := e.nodes.at(i)
	n.refs--
	if n.refs == 0 {
		e.nodes.release(i)
	}
}

// use has a request need the descriptor of its file's node, until finish.
func (e *Engine) use(r *request) {
	if r.using {
		return
	}
	r.using = true
	r.node = e.files.at(r.file).node
	n := e.nodes.at(r.node)
	n.users++
	n.refs++
}

// endUse ends what use began and the request's part in the life of its file.
func (e *Engine) endUse(r *request) {
	f := e.files.at(r.file)
	f.live--
	if r.using {
		r.using = false
		e.dropUser(r.node)
	}
	if f.live == 0 && f.node != none && (!f.handle || f.number == 0) {
		n := f.node
		f.node = none
		e.nodes.at(n).file = none
		e.maybeClose(n)
		e.unrefNode(n)
	}
}

func (e *Engine) dropUser(i int32) {
	n := e.nodes.at(i)
	n.users--
	e.maybeClose(i)
}

// maybeClose closes the descriptor if nobody needs it: no user, and no file
// that is a handle or has more requests waiting. For those that only wait, a
// bounded number is kept.
func (e *Engine) maybeClose(i int32) {
	n := e.nodes.at(i)
	if n.users > 0 || n.opening || n.fd < 0 {
		return
	}
	if n.file != none {
		f := e.files.at(n.file)
		if f.handle && (f.number != 0 || f.live > 0) {
			return
		}
		if f.live > 0 && int(e.stats.OpenFiles) <= e.keepOpen {
			return
		}
		f.node = none
		n.file = none
		e.closeOpen(i)
		e.unrefNode(i)
		return
	}
	e.closeOpen(i)
}

func (e *Engine) closeOpen(i int32) {
	e.stats.OpenFiles--
	e.closeNode(i)
}

// closeNode closes the descriptor: at once only on a local file system.
func (e *Engine) closeNode(i int32) {
	n := e.nodes.at(i)
	fd := n.fd
	n.fd = -1
	e.closeFD(fd, n.mount, n.slow)
}

func (e *Engine) closeFD(fd, mount int32, slow bool) {
	switch {
	case slow:
	case e.batching && !e.narrow:
		e.be.CloseSoon(fd)
		return
	default:
		e.be.CloseNow(fd)
		return
	}
	e.closing++
	o := e.newOp(backend.Close, purposeClose)
	op := e.ops.at(o)
	op.fd = fd
	op.mount = mount
	op.wait = true
	e.startOp(o)
}

// CloseFD closes a descriptor of the host's without waiting for storage.
func (e *Engine) CloseFD(fd int32) abi.Status {
	e.enter(e.opts.StallNS)
	defer e.leave()
	var attr backend.Attr
	if errno := e.be.Attr(fd, &attr); errno == unix.EBADF {
		return abi.EINVAL
	}
	m := e.mounts.ByID(attr.MountID)
	e.closeFD(fd, m, !e.mounts.At(m).Local)
	return abi.OK
}

// takeDescriptor gives the message of a request a descriptor of its own: the
// node's if no other needs that, else one made from it. The new one has a file
// offset of its own, except on slow storage, where opening again could wait.
func (e *Engine) takeDescriptor(r *request) (int32, syscall.Errno) {
	n := e.nodes.at(r.node)
	fd := n.fd
	f := none
	if n.file != none {
		f = n.file
	}
	if r.op == abi.OpRead && n.users == 1 && f != none && !e.files.at(f).handle && e.files.at(f).live == 1 {
		n.fd = -1
		e.stats.OpenFiles--
		e.files.at(f).node = none
		n.file = none
		e.unrefNode(r.node)
	} else {
		own, err := e.anotherDescriptor(fd, n.slow)
		if err != nil {
			errno, _ := err.(syscall.Errno)
			return -1, errno
		}
		fd = int32(own)
	}
	// It was opened with O_NONBLOCK, for the case of a FIFO.
	_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFL, 0)
	return fd, 0
}

func (e *Engine) anotherDescriptor(fd int32, slow bool) (int, error) {
	if !slow {
		own, err := unix.Open("/proc/self/fd/"+strconv.Itoa(int(fd)), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil || err == unix.EMFILE || err == unix.ENFILE {
			return own, err
		}
		// No /proc, or the permissions have changed since.
	}
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
}
