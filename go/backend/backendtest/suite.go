package backendtest

import (
	"testing"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/posix"
)

// Suite is what every backend must pass.
func Suite(t *testing.T, make New) {
	for name, test := range map[string]func(*Bench){
		"opens, reads, tells of and closes a file": wholeLife,
		"tells what went wrong":                    errors,
		"reads at any place":                       places,
		"tries without waiting":                    tries,
		"does more at once than it has room for":   manyAtOnce,
		"rings at the time":                        rings,
		"rings at the earliest time":               ringsEarlier,
		"is released at once when idle":            idle,
		"closes what nobody reaped":                unreaped,
		"is released when what hangs has ended":    hangs,
		"reports a cancelled operation":            cancelled,
	} {
		t.Run(name, func(t *testing.T) { test(NewBench(t, make)) })
	}
}

func wholeLife(b *Bench) {
	fd := b.Do(backend.Op{Tag: 3, Kind: backend.Open, Path: CString(b.T, b.Path("file"))})
	if fd < 0 {
		b.T.Fatalf("open: %v", unix.Errno(-fd))
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		b.T.Errorf("the descriptor is inherited: flags %#x, %v", flags, err)
	}
	buf := Memory(b.T, len(b.text)+100)
	for _, wait := range []bool{false, true} {
		n := b.Do(backend.Op{Tag: 4, Kind: backend.Read, Wait: wait, FD: fd, Len: uint32(len(b.text) + 100), Buf: buf})
		if int(n) != len(b.text) || string(abi.Bytes(buf, int(n))) != b.text {
			b.T.Errorf("read: %d", n)
		}
		stat := Memory(b.T, backend.StatBuffer)
		if res := b.Do(backend.Op{Tag: 5, Kind: backend.Stat, Wait: wait, FD: fd, Buf: stat}); res != 0 {
			b.T.Errorf("stat: %d", res)
		}
		var slow, quick backend.Attr
		posix.AttrAt(stat, &slow)
		if errno := b.Attr(fd, &quick); errno != 0 || slow != quick {
			b.T.Errorf("stat says %+v, Attr %+v (%v)", slow, quick, errno)
		}
		if !slow.Regular() || slow.Size != uint64(len(b.text)) || slow.Nlink != 1 || slow.Inode == 0 {
			b.T.Errorf("stat: %+v", slow)
		}
	}
	if res := b.Do(backend.Op{Tag: 6, Kind: backend.Close, FD: fd}); res != 0 {
		b.T.Errorf("close: %d", res)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
		b.T.Errorf("the file is still open: %v", err)
	}
}

func errors(b *Bench) {
	open := func(name string) int32 {
		return b.Do(backend.Op{Tag: 1, Kind: backend.Open, Path: CString(b.T, b.Path(name))})
	}
	if res := open("nothing"); res != -int32(unix.ENOENT) {
		b.T.Errorf("open of a missing file: %d", res)
	}
	if res := open("file/x"); res != -int32(unix.ENOTDIR) {
		b.T.Errorf("open below a file: %d", res)
	}
	buf := Memory(b.T, page)
	if res := b.Do(backend.Op{Tag: 1, Kind: backend.Read, FD: 1 << 20, Len: 10, Buf: buf}); res != -int32(unix.EBADF) {
		b.T.Errorf("read of no file: %d", res)
	}
	if res := b.Do(backend.Op{Tag: 1, Kind: backend.Read, FD: b.OpenFile(), Len: 10, Buf: 4096}); res != -int32(unix.EFAULT) {
		b.T.Errorf("read to nowhere: %d", res)
	}
	if err := unix.Mkfifo(b.Path("fifo"), 0o600); err != nil {
		b.T.Fatal(err)
	}
	fd := open("fifo") // must not hang
	if fd < 0 {
		b.T.Fatalf("open of a FIFO: %d", fd)
	}
	var a backend.Attr
	if errno := b.Attr(fd, &a); errno != 0 || a.Regular() {
		b.T.Errorf("a FIFO is %+v (%v)", a, errno)
	}
	b.CloseNow(fd)
}

func places(b *Bench) {
	fd, buf := b.OpenFile(), Memory(b.T, page)
	size := len(b.text)
	for _, off := range []int{0, 1, 4095, 4096, 12345, size - 1000, size - 1, size, size + 5} {
		n := b.Do(backend.Op{Tag: 9, Kind: backend.Read, FD: fd, Len: 1000, Off: uint64(off), Buf: buf})
		want := b.text[min(off, size):min(off+1000, size)]
		if n < 0 || string(abi.Bytes(buf, int(n))) != want {
			b.T.Errorf("at %d: %d bytes, want %d", off, n, len(want))
		}
	}
}

func tries(b *Bench) {
	fd, errno := b.TryOpen(CString(b.T, b.Path("file")))
	if errno == unix.EAGAIN {
		b.T.Skip("the file system here never opens without waiting")
	}
	if errno != 0 {
		b.T.Fatalf("TryOpen: %v", errno)
	}
	buf := Memory(b.T, page)
	n, errno := b.TryRead(fd, buf, 100, 50)
	switch {
	case errno == unix.EAGAIN: // not cached
	case errno != 0 || string(abi.Bytes(buf, n)) != b.text[50:150]:
		b.T.Errorf("TryRead: %d, %v", n, errno)
	}
	b.CloseNow(fd)
	if _, errno := b.TryRead(fd, buf, 100, 0); errno != unix.EBADF {
		b.T.Errorf("TryRead of a closed file: %v", errno)
	}
	if err := unix.Symlink("file", b.Path("link")); err != nil {
		b.T.Fatal(err)
	}
	if _, errno := b.TryOpen(CString(b.T, b.Path("link"))); errno != unix.ELOOP && errno != unix.EAGAIN {
		b.T.Errorf("TryOpen of a symbolic link: %v", errno)
	}
	if _, errno := b.TryOpen(CString(b.T, b.Path("none"))); errno != unix.ENOENT && errno != unix.EAGAIN {
		b.T.Errorf("TryOpen of nothing: %v", errno)
	}
}

func manyAtOnce(b *Bench) {
	const count = 3000
	fd, buf := b.OpenFile(), Memory(b.T, count*8)
	for i := range uint32(count) {
		b.Start(&backend.Op{Tag: i, Kind: backend.Read, Wait: i%16 == 0, FD: fd, Len: 8,
			Off: uint64(i), Buf: buf + uintptr(i)*8})
		if i%100 == 99 {
			b.Cancel(i) // may come too late
		}
	}
	results := b.Wait(count)
	for i := range uint32(count) {
		if i%100 == 99 && results[i] == -int32(unix.ECANCELED) {
			continue
		}
		if results[i] != 8 || string(abi.Bytes(buf+uintptr(i)*8, 8)) != b.text[i:i+8] {
			b.T.Fatalf("operation %d: %d", i, results[i])
		}
	}
	var events [1]backend.Event
	if n := b.Reap(events[:]); n != 0 {
		b.T.Errorf("one operation more: %+v", events[0])
	}
}
