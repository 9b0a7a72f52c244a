package mem

import (
	"bufio"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
)

// newPool makes a pool with an event descriptor of its own.
func newPool(t *testing.T, budget int64) *Pool {
	t.Helper()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	p, err := NewPool(budget, int32(os.Getpid()), int32(fd))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func alloc(t *testing.T, p *Pool, n int64) uintptr {
	t.Helper()
	addr, err := p.Alloc(n)
	if err != nil {
		t.Fatalf("Alloc(%d): %v", n, err)
	}
	return addr
}

// message makes a message of n bytes and without metadata.
func message(t *testing.T, p *Pool, n int64) uintptr {
	t.Helper()
	m, err := p.Message(alloc(t, p, n), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// mappingsOf returns a copy of the pool's table.
func mappingsOf(p *Pool) []abi.Mapping {
	return append([]abi.Mapping(nil), p.table()[:p.header().MappingsCount]...)
}

// checkUnmapped fails if any of the pieces is still mapped.
func checkUnmapped(t *testing.T, pieces []abi.Mapping) {
	t.Helper()
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		var from, to uint64
		if _, err := fmt.Sscanf(s.Text(), "%x-%x", &from, &to); err != nil {
			t.Fatal(err)
		}
		for _, m := range pieces {
			if at := uint64(m.Address); at < to && at+m.Size > from {
				t.Errorf("%d bytes at %#x are still mapped: %s", m.Size, at, s.Text())
			}
		}
	}
}

func TestCloseOfAnEmptyPoolUnmapsIt(t *testing.T) {
	p := newPool(t, 1<<20)
	pieces := mappingsOf(p)
	p.Close()
	checkUnmapped(t, pieces)
}

func TestCloseUnmapsWhatIsKept(t *testing.T) {
	p := newPool(t, 64<<20)
	var blocks []uintptr
	for _, n := range []int64{1, 600, 5000, 32 << 10, 100 << 10, 900 << 10, 3 << 20} {
		blocks = append(blocks, alloc(t, p, n))
	}
	for _, b := range blocks {
		p.Unref(b)
		p.EndReserve()
	}
	if _, err := p.String(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if p.Used() != 0 {
		t.Errorf("%d bytes are used after all was released", p.Used())
	}
	pieces := mappingsOf(p)
	p.Close()
	checkUnmapped(t, pieces)
}

func TestTheTableOfMappingsGrows(t *testing.T) {
	p := newPool(t, 1<<30)
	first := p.tableSize
	blocks := map[uintptr]byte{}
	for i := range 4 * first {
		b := alloc(t, p, 40<<10)
		abi.Bytes(b, Cap(b))[0] = byte(i)
		blocks[b] = byte(i)
	}
	if p.tableSize < 4*first {
		t.Errorf("the table has %d entries for %d mappings", p.tableSize, len(blocks))
	}
	for b, want := range blocks { // in no order
		if got := abi.Bytes(b, 1)[0]; got != want {
			t.Fatalf("a block lost its data: %d, want %d", got, want)
		}
		if want%3 != 0 {
			p.Unref(b)
			p.EndReserve()
			delete(blocks, b)
		}
	}
	for i, m := range mappingsOf(p)[fixedMappings:] {
		if got := abi.At[owner](m.Address).index; int(got) != i+fixedMappings {
			t.Fatalf("mapping %d says it is %d", i+fixedMappings, got)
		}
	}
	for b := range blocks {
		p.Unref(b)
		p.EndReserve()
	}
	pieces := mappingsOf(p)
	p.Close()
	checkUnmapped(t, pieces)
}
