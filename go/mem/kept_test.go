package mem

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
)

const mib = 1 << 20

func TestKeptBlocksMakeRoomForSlabs(t *testing.T) {
	const budget = 4 << 20
	p := newPool(t, budget)
	defer p.Close()
	cycle(t, p, 4, 900<<10)
	kept := p.Mapped()
	for range 1500 {
		alloc(t, p, 1000)
	}
	if kept < 3<<20 || p.Mapped() > budget+slabSize {
		t.Errorf("%d bytes were kept, %d are mapped with slabs", kept, p.Mapped())
	}
}

func TestBigBlocksAreReused(t *testing.T) {
	p := newPool(t, 64<<20)
	defer p.Close()
	first := alloc(t, p, 200<<10)
	p.Unref(first)
	p.EndReserve()
	second := alloc(t, p, 200<<10)
	if second != first {
		t.Error("the block that was released last is not the next one")
	}
	p.Unref(second)
	p.EndReserve()
}

// used is one block of n bytes, all of it written to, and released.
func used(t *testing.T, p *Pool, n int64) uintptr {
	t.Helper()
	b := alloc(t, p, n)
	clear(abi.Bytes(b, int(n)))
	p.Unref(b)
	p.EndReserve()
	return b
}

func faults(t *testing.T) int64 {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		t.Fatal(err)
	}
	return u.Minflt
}

// Blocks of any size are touched for the first time once, not with each message:
// that is many times as slow as reading into them.
func TestLargeMessagesDoNotFaultAgain(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := newPool(t, 256*mib)
	defer p.Close()
	sizes := []int64{300 << 10, 1000 << 10, 3 * mib / 2, 5 * mib, 20 * mib}
	round := func() {
		for _, size := range sizes {
			used(t, p, size)
		}
	}
	round()
	before := faults(t)
	for range 10 {
		round()
	}
	// A page fault for each page would be 68,000.
	if n := faults(t) - before; n > 200 {
		t.Errorf("%d page faults", n)
	}
}

// A kept mapping is used for a message of another size: it has what the message
// needs, no more, and counts as that.
func TestKeptMappingGetsItsSize(t *testing.T) {
	p := newPool(t, 64*mib)
	defer p.Close()
	for _, size := range []int64{4 * mib, 3 * mib, 5*mib + 1, 5*mib + 1, 8 * mib, 4*mib + 5000} {
		b := alloc(t, p, size)
		clear(abi.Bytes(b, int(size)))
		if got, most := Size(b), Need(int(size))-MessageReserve; got > most {
			t.Errorf("%d bytes take %d of the budget, not %d", size, got, most)
		}
		if p.Held() != Size(b) {
			t.Errorf("%d bytes are held, not %d", p.Held(), Size(b))
		}
		p.Unref(b)
		p.EndReserve()
		if n := len(mappingsOf(p)); n != fixedMappings+1 {
			t.Errorf("%d mappings after a block of %d bytes", n, size)
		}
		checkTable(t, p)
	}
}

// checkTable: the table is what the last unref unmaps by.
func checkTable(t *testing.T, p *Pool) {
	t.Helper()
	sum := int64(0)
	for i, m := range mappingsOf(p)[fixedMappings:] {
		if got := abi.At[owner](m.Address).index; int(got) != i+fixedMappings {
			t.Errorf("mapping %d says that it is %d", i+fixedMappings, got)
		}
		sum += int64(m.Size)
	}
	if sum != p.Mapped() {
		t.Errorf("the table has %d bytes, mapped are %d", sum, p.Mapped())
	}
}

// A message that is far smaller does not cost the mapping of a large one.
func TestKeptMappingIsNotCutForASmallOne(t *testing.T) {
	p := newPool(t, 256*mib)
	defer p.Close()
	large := used(t, p, 20*mib)
	used(t, p, 2*mib)
	if b := used(t, p, 20*mib); b != large {
		t.Error("the large mapping was not kept")
	}
}

func TestOnlySoMuchIsKept(t *testing.T) {
	for _, budget := range []int64{24 * mib, 256 * mib} {
		p := newPool(t, budget)
		most := max(keptAlways, budget/2)
		for _, size := range []int64{900 << 10, 3 * mib} {
			cycle(t, p, int(budget*3/4/size), size)
			if p.cached > most || p.Mapped() > most+slabSize {
				t.Errorf("%d bytes are kept, %d mapped, of a budget of %d",
					p.cached, p.Mapped(), budget)
			}
		}
		checkTable(t, p)
		p.Close()
	}
}

func never() bool { return false }

// What was not used for a while is given back, but for a small rest; what was
// used stays.
func TestWhatIsNotUsedIsGivenBack(t *testing.T) {
	p := newPool(t, 256*mib)
	defer p.Close()
	now := int64(1000)
	if at := p.TrimAt(now); at != 0 {
		t.Errorf("nothing is kept, but to be given back at %d", at)
	}
	cycle(t, p, 50, 2*mib)
	at := p.TrimAt(now)
	if at != now+keptFor {
		t.Fatalf("to be given back at %d", at)
	}
	if again := p.TrimAt(now + 5); again != at {
		t.Errorf("the time went from %d to %d", at, again)
	}
	p.Trim(at-1, never)
	if p.cached < 100*mib {
		t.Errorf("%d bytes are left before the time", p.cached)
	}

	cycle(t, p, 30, 2*mib) // in use meanwhile: 20 are not
	p.Trim(at, never)
	if p.cached < 60*mib || p.cached > 63*mib {
		t.Errorf("%d bytes are kept of those 60 MiB that were used", p.cached)
	}

	at = p.TrimAt(at)
	p.Trim(at, never)
	if p.cached > keptAlways || p.cached < keptAlways-3*mib {
		t.Errorf("%d bytes are kept for ever", p.cached)
	}
	if at := p.TrimAt(at); at != 0 {
		t.Errorf("the rest is to be given back at %d", at)
	}
	checkTable(t, p)
}

// Giving back is bounded, and goes on where it stopped.
func TestGivingBackTakesTurns(t *testing.T) {
	p := newPool(t, 256*mib)
	defer p.Close()
	cycle(t, p, 50, 2*mib)
	at := p.TrimAt(0)
	for turn := 1; p.TrimAt(at) == at; turn++ {
		before := p.cached
		once := false
		p.Trim(at, func() bool {
			late := once
			once = true
			return late
		})
		if gone := before - p.cached; gone > 3*mib {
			t.Fatalf("%d bytes in one turn", gone)
		}
		if turn > 100 {
			t.Fatal("it never ends")
		}
	}
	if p.cached > keptAlways {
		t.Errorf("%d bytes are kept", p.cached)
	}
}

// Kept mappings of many sizes in a random order: each block is whole.
func TestKeptMappingsAtRandom(t *testing.T) {
	p := newPool(t, 64*mib)
	defer p.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	type held struct {
		at   uintptr
		size int64
		mark byte
	}
	var all []held
	release := func(i int) {
		h := all[i]
		data := abi.Bytes(h.at, int(h.size))
		for _, k := range []int64{0, h.size / 2, h.size - 1} {
			if data[k] != h.mark {
				t.Fatalf("byte %d of %d is %d, not %d", k, h.size, data[k], h.mark)
			}
		}
		p.Unref(h.at)
		p.EndReserve()
		all = append(all[:i], all[i+1:]...)
	}
	for i := range 3000 {
		size := rng.Int64N(6*mib) + 1
		at, err := p.Alloc(size)
		for err != nil && len(all) > 0 {
			release(rng.IntN(len(all)))
			at, err = p.Alloc(size)
		}
		if err != nil {
			t.Fatal(err)
		}
		h := held{at, size, byte(i)}
		data := abi.Bytes(at, int(size))
		data[0], data[size/2], data[size-1] = h.mark, h.mark, h.mark
		all = append(all, h)
		if p.Mapped() > p.Budget()+slabSize*classCount {
			t.Fatalf("%d bytes are mapped", p.Mapped())
		}
		if rng.IntN(200) == 0 {
			p.Trim(p.TrimAt(int64(i)), never)
		}
	}
	for len(all) > 0 {
		release(0)
	}
	checkTable(t, p)
	if p.Held() != 0 {
		t.Errorf("%d bytes are held", p.Held())
	}
}
