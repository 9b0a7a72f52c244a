package mem

import (
	"testing"
)

// cycle has n blocks of size bytes at once, and releases them.
func cycle(t *testing.T, p *Pool, n int, size int64) {
	t.Helper()
	blocks := make([]uintptr, n)
	for i := range blocks {
		blocks[i] = alloc(t, p, size)
	}
	for _, b := range blocks {
		p.Unref(b)
		p.EndReserve()
	}
}

func TestMappingsStayNearTheBudget(t *testing.T) {
	const budget = 4 << 20
	p := newPool(t, budget)
	defer p.Close()
	for _, size := range []int64{40 << 10, 100 << 10, 300 << 10, 900 << 10, 3 << 20, 40 << 10, 300 << 10, 3 << 20} {
		cycle(t, p, int(budget*3/4/size), size)
		if p.Mapped() > budget {
			t.Errorf("%d bytes are mapped after blocks of %d", p.Mapped(), size)
		}
	}
}

func TestEmptySlabsAreGivenBack(t *testing.T) {
	p := newPool(t, 256<<20)
	defer p.Close()
	cycle(t, p, 30000, 1000)
	if p.Mapped() > maxEmpty*slabSize {
		t.Errorf("%d bytes are mapped for nothing", p.Mapped())
	}
	if p.empty > maxEmpty {
		t.Errorf("%d empty slabs", p.empty)
	}
}

func TestNoSlabIsKeptBeyondTheBudget(t *testing.T) {
	p := newPool(t, 256<<10)
	defer p.Close()
	for size := int64(448); size < 20<<10; size += size / 4 {
		cycle(t, p, 8, size)
	}
	if p.Mapped() > p.Budget()+slabSize {
		t.Errorf("%d bytes are mapped", p.Mapped())
	}
}

func TestSteadyUseMapsNothing(t *testing.T) {
	p := newPool(t, 64<<20)
	defer p.Close()
	sizes := []int64{500, 3000, 20 << 10, 100 << 10, 700 << 10}
	round := func() {
		for _, size := range sizes {
			cycle(t, p, 5, size)
		}
	}
	round()
	before := mappingsOf(p)
	for range 100 {
		round()
	}
	after := mappingsOf(p)
	if len(before) != len(after) {
		t.Fatalf("%d mappings, %d at first", len(after), len(before))
	}
	for i := range before {
		if before[i] != after[i] {
			t.Fatalf("mapping %d changed", i)
		}
	}
}
