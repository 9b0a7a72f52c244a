package engine_test

import (
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
)

// users is how many a host can be, one after the other.
const users = 3

// identities are a host's rights: under one path each user finds a file of his
// own, so the inode of a result tells with whose rights it was opened.
type identities struct {
	t     testing.TB
	who   int          // the host is now
	known []knownUser  // number 1 first
	files []*sharedBy3 // what there are copies of
	alike int          // opens with the rights that the host had
	taken int          // with others
}

// knownUser is forgotten when nobody uses its number, which is another one's
// then: as in capi/rights.go.
type knownUser struct{ who, uses int }

// sharedBy3 is a path, and what each user finds there.
type sharedBy3 struct {
	path   string
	copies [users]uintptr // C strings
	inodes [users]uint64
}

func newIdentities(t testing.TB, paths ...string) *identities {
	t.Helper()
	ids := &identities{t: t}
	memory, err := unix.Mmap(-1, 0, 1<<16, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(memory) })
	for _, path := range paths {
		f := &sharedBy3{path: path}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for who := range users {
			name := path + "." + strconv.Itoa(who)
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
			var st unix.Stat_t
			if err := unix.Stat(name, &st); err != nil {
				t.Fatal(err)
			}
			f.inodes[who] = st.Ino
			f.copies[who] = uintptr(unsafe.Pointer(unsafe.SliceData(memory)))
			memory = memory[copy(memory, name)+1:]
		}
		ids.files = append(ids.files, f)
	}
	return ids
}

// Now implements engine.Rights.
func (ids *identities) Now() uint32 {
	free := len(ids.known)
	for i, k := range ids.known {
		switch {
		case k.uses > 0 && k.who == ids.who:
			return uint32(i) + 1
		case k.uses == 0:
			free = i
		}
	}
	if free == len(ids.known) {
		ids.known = append(ids.known, knownUser{})
	}
	ids.known[free] = knownUser{who: ids.who}
	return uint32(free) + 1
}

// Use implements engine.Rights.
func (ids *identities) Use(number uint32) { ids.known[number-1].uses++ }

// Drop implements engine.Rights.
func (ids *identities) Drop(number uint32) {
	if ids.known[number-1].uses--; ids.known[number-1].uses < 0 {
		ids.t.Fatalf("rights %d are dropped more often than used", number)
	}
}

func (ids *identities) inUse() (n int) {
	for _, k := range ids.known {
		n += k.uses
	}
	return n
}

// fileOf returns nil for a path that all users see alike.
func (ids *identities) fileOf(path string) *sharedBy3 {
	for _, f := range ids.files {
		if f.path == path {
			return f
		}
	}
	return nil
}

// check looks with whose rights a result's file was opened.
func (ids *identities) check(r *result, path string, may []int) {
	f := ids.fileOf(path)
	if f == nil || r.Inode == 0 {
		return
	}
	if who := slices.Index(f.inodes[:], r.Inode); !slices.Contains(may, who) {
		ids.t.Errorf("%s: opened by user %d, for a request of %v: %s", path, who, may, r.text())
	}
}

// openedBy does opens with the rights that they are to be done with.
type openedBy struct {
	backend.Backend
	ids *identities
}

func (b openedBy) path(path uintptr, who int) uintptr {
	if f := b.ids.fileOf(cText(path)); f != nil {
		return f.copies[who]
	}
	return path
}

// TryOpen implements backend.Backend.
func (b openedBy) TryOpen(path uintptr) (int32, syscall.Errno) {
	b.ids.alike++
	return b.Backend.TryOpen(b.path(path, b.ids.who))
}

// Start implements backend.Backend.
func (b openedBy) Start(op *backend.Op) {
	if op.Kind != backend.Open {
		b.Backend.Start(op)
		return
	}
	who := b.ids.who
	b.ids.alike++
	if op.Rights != 0 {
		b.ids.alike--
		b.ids.taken++
		known := b.ids.known[op.Rights-1]
		if known.uses == 0 || !op.Wait || op.Cached {
			b.ids.t.Fatalf("opened with rights %+v by %+v", known, *op)
		}
		who = known.who
	}
	as := *op
	as.Path = b.path(op.Path, who)
	b.Backend.Start(&as)
}

// as puts identities between an engine and its
// backend.
func as(ids *identities) func(backend.Backend) backend.Backend {
	return func(be backend.Backend) backend.Backend { return openedBy{be, ids} }
}

// TestRightsOfEachRequest: files are opened with the rights that the host had
// when it asked, whoever it is when they are opened, and no use of a number is
// left at the end.
func TestRightsOfEachRequest(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			s := newStore(t)
			ids := newIdentities(t, s.small.path, s.many.path)
			opts := options()
			opts.MaxWorkers, opts.QueueDepth = 2, 2
			opts.Rights = ids
			w.between = as(ids)
			h := newHost(t, w, opts)
			asked := map[uint64]int{}
			h.final = func(context uint64) {
				got := h.results[context]
				path := s.small.path
				if context%2 == 0 {
					path = s.many.path
				}
				if got[len(got)-1].Status != abi.OK {
					t.Errorf("%d: %s", context, got[len(got)-1].text())
				}
				ids.check(&got[0], path, []int{asked[context]})
			}
			for context := uint64(1); context <= 300; context += 2 {
				ids.who = int(context) / 2 % users
				asked[context], asked[context+1] = ids.who, ids.who
				h.submit(s.small.read(context, 0), s.many.read(context+1, int(context)%40))
				if context%7 == 0 {
					ids.who = (ids.who + 1) % users
					h.dispatch(1)
				}
			}
			h.end()
			if n := ids.inUse(); n != 0 {
				t.Errorf("%d uses of rights are left", n)
			}
			if ids.alike == 0 {
				t.Error("nothing was opened with the rights of the moment")
			}
		})
	}
}
