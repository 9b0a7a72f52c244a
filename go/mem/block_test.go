package mem

import (
	"errors"
	"testing"

	"libdbox_aio/go/abi"
)

func TestClassesCoverAllSizes(t *testing.T) {
	last, lastSize := 0, 0
	for size := 1; size <= 1<<maxShift; size++ {
		class, rounded := classOf(size)
		if rounded < size {
			t.Fatalf("%d bytes get a block of %d", size, rounded)
		}
		if class == last && lastSize != 0 && rounded != lastSize {
			t.Fatalf("class %d has blocks of %d and of %d", class, lastSize, rounded)
		}
		if class != last && (class != last+1 || size != lastSize+1) {
			t.Fatalf("%d bytes: class %d after class %d of %d", size, class, last, lastSize)
		}
		if size > 1<<minShift && rounded >= size+size/4+1 {
			t.Fatalf("%d bytes waste %d", size, rounded-size)
		}
		last, lastSize = class, rounded
	}
	if last != classCount-1 || lastSize != 1<<maxShift {
		t.Errorf("the last class is %d of %d bytes, want %d of %d", last, lastSize, classCount-1, 1<<maxShift)
	}
}

func TestBlocksHaveRoomAndAreAligned(t *testing.T) {
	p := newPool(t, 64<<20)
	defer p.Close()
	for _, n := range []int64{0, 1, 447, 448, 449, 1000, 4096, 32<<10 - 64, 32 << 10, 1<<20 - 64, 1 << 20, 5 << 20} {
		b := alloc(t, p, n)
		if Cap(b) < int(n) {
			t.Errorf("a block for %d bytes has room for %d", n, Cap(b))
		}
		if b%64 != 0 {
			t.Errorf("a block for %d bytes begins at %#x", n, b)
		}
		data := abi.Bytes(b, Cap(b))
		for i := range data {
			data[i] = 0xa5
		}
		p.Unref(b)
		p.EndReserve()
	}
}

func TestABlockLivesUntilItsLastReference(t *testing.T) {
	p := newPool(t, 1<<20)
	defer p.Close()
	b := alloc(t, p, 1000)
	Ref(b)
	held := p.Held()
	p.Unref(b)
	if p.Held() != held {
		t.Error("the block is gone with a reference left")
	}
	p.Unref(b)
	if p.Held() != 0 {
		t.Errorf("%d bytes are held", p.Held())
	}
	p.EndReserve()
}

func TestAReleaseTooManyPanics(t *testing.T) {
	p := newPool(t, 1<<20)
	defer p.Close()
	b := alloc(t, p, 1000)
	p.EndReserve()
	p.Unref(b)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	p.Unref(b)
}

func TestMoreThanTheWholeBudgetIsTooBig(t *testing.T) {
	const budget = 1 << 20
	p := newPool(t, budget)
	defer p.Close()
	most := int64(budget - pageSize - headerSize) // a page for the reserve
	for _, n := range []int64{-1, most + 1, budget, budget + 1, 1<<63 - 1} {
		if _, err := p.Alloc(n); !errors.Is(err, ErrTooBig) {
			t.Errorf("Alloc(%d): %v, want ErrTooBig", n, err)
		}
	}
	b := alloc(t, p, most)
	if _, err := p.Alloc(most + 1); !errors.Is(err, ErrTooBig) {
		t.Errorf("what never fits is told at once: %v", err)
	}
	if _, err := p.Alloc(pageSize); !errors.Is(err, ErrBudget) {
		t.Errorf("Alloc with the budget used up: %v, want ErrBudget", err)
	}
	p.Unref(b)
	p.EndReserve()
	p.Unref(alloc(t, p, 1))
	p.EndReserve()
}

func TestAReserveCountsAsUsed(t *testing.T) {
	p := newPool(t, 4*MessageReserve)
	defer p.Close()
	for i := range 4 {
		if !p.TryReserve() {
			t.Fatalf("no room for reserve %d", i)
		}
	}
	if p.TryReserve() {
		t.Error("a reserve beyond the budget")
	}
	if p.Used() != 4*MessageReserve || p.Held() != 0 {
		t.Errorf("used %d, held %d", p.Used(), p.Held())
	}
	p.EndReserve()
	if !p.TryReserve() {
		t.Error("no room after a reserve was given back")
	}
}

func TestAnOrdinaryMessageFitsItsReserve(t *testing.T) {
	p := newPool(t, 1<<20)
	defer p.Close()
	b := alloc(t, p, 2000)
	before := p.Used()
	m, err := p.Message(b, 6, 120)
	if err != nil {
		t.Fatal(err)
	}
	if p.Used() > before {
		t.Errorf("used grew from %d to %d by making the message", before, p.Used())
	}
	p.Drop(m)
	if p.Used() != 0 {
		t.Errorf("%d bytes are used at the end", p.Used())
	}
}
