// Package mounts tells on which mount a path lies, and whether that mount is
// local, without touching the path: by the mount points in
// /proc/self/mountinfo (proc(5)). The answer for a path is right as long as
// the path has no symbolic link, which the caller makes the kernel check
// (RESOLVE_NO_SYMLINKS of openat2(2)); for any other path the answer is a
// guess at the mount that its operations will keep busy.
package mounts

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"
)

// Unknown is the mount of a path about which nothing can be said.
const Unknown = 0

// Mount is one mount of this process's namespace.
type Mount struct {
	ID    uint64
	Point string
	Type  string
	// Local says that on this file system type a call which answers from
	// the cache does not wait. overlayfs hides what lies below it, so it is
	// not local; nor is anything that talks to a server or a daemon.
	Local  bool
	parent uint64
	gone   bool // unmounted, or hidden by another mount
}

func localType(t string) bool {
	switch t {
	case "ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs":
		return true
	}
	return false
}

// Table is what is known of the mounts. Its entries keep their index for ever.
type Table struct {
	mounts    []Mount
	byID      map[uint64]int32
	fd        int              // of mountinfo, to be told of changes; or -1
	trusted   bool             // mountinfo still describes what this process sees
	asked     int64            // when Refresh asked the kernel last
	loaded    uint32           // how often the mounts were read
	misses    int              // files found on another mount than Path had said
	linked    map[string]int32 // see Linked
	dir       []byte           // the last directory that was looked up, with its slash
	dirAt     int32
	dirLinked bool
	buf       []byte
}

// New reads the mounts. Without /proc every path is Unknown.
func New() *Table {
	t := &Table{
		mounts: []Mount{{Type: "unknown"}},
		byID:   map[uint64]int32{},
		linked: map[string]int32{},
		fd:     -1,
		dir:    make([]byte, 0, 4096),
	}
	t.reopen()
	return t
}

// Close gives the descriptor back.
func (t *Table) Close() {
	if t.fd >= 0 {
		_ = unix.Close(t.fd)
		t.fd = -1
	}
}

func (t *Table) reopen() {
	t.Close()
	fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	t.trusted = err == nil
	if err != nil {
		return
	}
	t.fd = fd
	t.load()
}

// At returns an entry.
func (t *Table) At(i int32) *Mount { return &t.mounts[i] }

// Len returns the number of entries.
func (t *Table) Len() int { return len(t.mounts) }

// refreshEvery is how often the kernel is asked, in nanoseconds. A mount that
// is younger has nothing cached yet, so no call on it is answered at once.
const refreshEvery = 1e6

// Refresh reads the mounts again if the kernel says that they changed. now is
// any clock in nanoseconds.
func (t *Table) Refresh(now int64) {
	if t.fd < 0 || now-t.asked < refreshEvery {
		return
	}
	t.asked = now
	p := [1]unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLPRI}}
	n, err := unix.Poll(p[:], 0)
	if err == nil && n > 0 && p[0].Revents&(unix.POLLPRI|unix.POLLERR) != 0 {
		t.load()
	}
}

// Verify is told on which mount a file was found for which Path had given i.
// A mismatch means that something was mounted at that very moment, or that
// paths mean something else than they did: chroot(2), setns(2). Then
// everything is read again, and if that does not mend it, no path is taken
// for local any more.
func (t *Table) Verify(i int32, id uint64) bool {
	if t.mounts[i].ID == id {
		return true
	}
	if t.trusted {
		t.reopen()
		t.misses++
		if t.misses >= maxMisses {
			t.trusted = false
		}
	}
	return false
}

const maxMisses = 4

// Generation changes whenever what Path has said may be out of date.
func (t *Table) Generation() uint32 { return t.loaded }

// ByID returns the entry of a mount id; one that is not known gets an entry
// that is not local.
func (t *Table) ByID(id uint64) int32 {
	if i, ok := t.byID[id]; ok {
		return i
	}
	t.load()
	if i, ok := t.byID[id]; ok {
		return i
	}
	return t.add(Mount{ID: id, Type: "unknown"})
}

// Path returns the entry of the mount on which path lies if no part of it is
// a symbolic link, and whether that mount is local and the path can be told
// by its text alone: absolute, without empty parts and dots.
func (t *Table) Path(path []byte) (i int32, local bool) {
	slash := bytes.LastIndexByte(path, '/')
	if slash < 0 || path[0] != '/' || !t.trusted {
		return Unknown, false
	}
	dir := path[:slash+1]
	if !bytes.Equal(dir, t.dir) {
		if t.dirAt, t.dirLinked = t.linked[string(dir)]; !t.dirLinked {
			t.dirAt = t.find(dir)
		}
		t.dir = append(t.dir[:0], dir...)
	}
	if t.dirLinked {
		return t.dirAt, false
	}
	base := path[slash+1:]
	if len(base) == 0 || base[0] == '.' && (len(base) == 1 || len(base) == 2 && base[1] == '.') {
		return t.dirAt, false
	}
	return t.dirAt, t.dirAt != Unknown && t.mounts[t.dirAt].Local
}

// find returns the longest mount point that dir, which ends with a slash,
// begins with. The last one wins: it lies on top.
func (t *Table) find(dir []byte) int32 {
	if !clean(dir) {
		return Unknown
	}
	best, length := int32(Unknown), -1
	for i := range t.mounts {
		m := &t.mounts[i]
		if m.gone || len(m.Point) < length || len(m.Point) == 0 {
			continue
		}
		if under(dir, m.Point) {
			best, length = int32(i), len(m.Point)
		}
	}
	return best
}

func under(dir []byte, point string) bool {
	if point == "/" {
		return true
	}
	return len(dir) > len(point) && dir[len(point)] == '/' && string(dir[:len(point)]) == point
}

// clean reports whether no part of dir is empty, "." or "..".
func clean(dir []byte) bool {
	for rest := dir[1:]; len(rest) > 0; {
		n := bytes.IndexByte(rest, '/')
		part := rest[:n]
		if n == 0 || string(part) == "." || string(part) == ".." {
			return false
		}
		rest = rest[n+1:]
	}
	return true
}

func (t *Table) add(m Mount) int32 {
	if i, ok := t.byID[m.ID]; ok {
		t.mounts[i] = m
		return i
	}
	t.mounts = append(t.mounts, m)
	i := int32(len(t.mounts) - 1)
	t.byID[m.ID] = i
	return i
}

// load reads mountinfo.
func (t *Table) load() {
	if t.fd < 0 {
		return
	}
	t.loaded++
	t.read()
	t.forgetLinked()
	t.dir = t.dir[:0]
	for i := range t.mounts {
		t.mounts[i].gone = true
	}
	var listed []int32
	for rest := t.buf; len(rest) > 0; {
		n := bytes.IndexByte(rest, '\n')
		if n < 0 {
			break
		}
		if m, ok := parse(rest[:n]); ok {
			listed = append(listed, t.add(m))
		}
		rest = rest[n+1:]
	}
	t.hide(listed)
}

func (t *Table) read() {
	if t.buf == nil {
		t.buf = make([]byte, 16<<10)
	}
	buf := t.buf[:cap(t.buf)]
	filled := 0
	for {
		n, err := unix.Pread(t.fd, buf[filled:], int64(filled))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			break
		}
		filled += n
		if filled == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
	t.buf = buf[:filled]
}

// parse reads one line: id, parent, device, root, mount point, options,
// optional fields, a hyphen, file system type, source, options.
func parse(line []byte) (Mount, bool) {
	f := bytes.Fields(line)
	for i := 6; i+1 < len(f); i++ {
		if string(f[i]) != "-" {
			continue
		}
		id, err := strconv.ParseUint(string(f[0]), 10, 64)
		if err != nil {
			return Mount{}, false
		}
		parent, err := strconv.ParseUint(string(f[1]), 10, 64)
		if err != nil {
			return Mount{}, false
		}
		kind := string(f[i+1])
		return Mount{
			ID: id, Point: unescape(f[4]), Type: kind, Local: localType(kind),
			parent: parent,
		}, true
	}
	return Mount{}, false
}

// unescape undoes the \040 of blanks in mount points.
func unescape(s []byte) string {
	if bytes.IndexByte(s, '\\') < 0 {
		return string(s)
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if v, err := strconv.ParseUint(string(s[i+1:i+4]), 8, 8); err == nil {
				out = append(out, byte(v))
				i += 3
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}
