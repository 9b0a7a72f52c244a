package mem

import (
	"errors"
	"math/rand/v2"
	"testing"

	"libdbox_aio/go/abi"
)

// model is what a pool should hold.
type model struct {
	t        *testing.T
	p        *Pool
	r        *rand.Rand
	blocks   []modelBlock
	held     int64
	reserved int64
}

type modelBlock struct {
	addr uintptr
	refs int
	mark byte
}

// TestRandomUse compares the accounts after each of many steps, and looks
// whether blocks overlap.
func TestRandomUse(t *testing.T) {
	for _, budget := range []int64{64 << 10, 1 << 20, 16 << 20} {
		m := &model{t: t, p: newPool(t, budget), r: rand.New(rand.NewPCG(1, uint64(budget)))}
		for range 20000 {
			m.step()
			if m.p.Held() != m.held || m.p.Used() != m.held+m.reserved {
				t.Fatalf("held %d, used %d, want %d and %d", m.p.Held(), m.p.Used(), m.held, m.held+m.reserved)
			}
			if m.p.Used() > budget {
				t.Fatalf("used %d of %d", m.p.Used(), budget)
			}
		}
		for len(m.blocks) > 0 {
			m.unref()
		}
		pieces := mappingsOf(m.p)
		m.p.Close()
		checkUnmapped(t, pieces)
	}
}

func (m *model) step() {
	switch k := m.r.IntN(20); {
	case k < 10:
		m.alloc()
	case k < 18:
		m.unref()
	case k == 18:
		if n := len(m.blocks); n > 0 {
			b := &m.blocks[m.r.IntN(n)]
			Ref(b.addr)
			b.refs++
		}
	default:
		fits := m.held+m.reserved+MessageReserve <= m.p.Budget()
		if m.p.TryReserve() != fits {
			m.t.Fatalf("TryReserve with %d of %d used", m.p.Used(), m.p.Budget())
		}
		if fits {
			m.p.EndReserve()
		}
	}
}

func (m *model) alloc() {
	n := int64(m.r.IntN(1 << m.r.IntN(22)))
	need := roundPage(n + int64(headerSize))
	if n+int64(headerSize) <= 1<<maxShift {
		if _, size := classOf(int(n) + headerSize); size <= smallMax {
			need = int64(size)
		}
	}
	addr, err := m.p.Alloc(n)
	var want error
	switch budget := m.p.Budget(); {
	case roundPage(n+int64(headerSize))+MessageReserve > budget:
		want = ErrTooBig
	case m.held+m.reserved+MessageReserve+need > budget:
		want = ErrBudget
	}
	if !errors.Is(err, want) {
		m.t.Fatalf("Alloc(%d) with %d of %d used: %v, want %v", n, m.p.Used(), m.p.Budget(), err, want)
	}
	if err != nil {
		return
	}
	m.held += int64(Cap(addr) + headerSize)
	m.reserved += MessageReserve
	b := modelBlock{addr, 1, byte(m.r.Int())}
	data := abi.Bytes(addr, Cap(addr))
	for i := range data {
		data[i] = b.mark
	}
	m.blocks = append(m.blocks, b)
}

func (m *model) unref() {
	if len(m.blocks) == 0 {
		return
	}
	i := m.r.IntN(len(m.blocks))
	b := &m.blocks[i]
	size := Cap(b.addr)
	for at, c := range abi.Bytes(b.addr, size) {
		if c != b.mark {
			m.t.Fatalf("byte %d of %d was overwritten", at, size)
		}
	}
	m.p.Unref(b.addr)
	b.refs--
	if b.refs > 0 {
		return
	}
	m.p.EndReserve()
	m.held -= int64(size + headerSize)
	m.reserved -= MessageReserve
	m.blocks[i] = m.blocks[len(m.blocks)-1]
	m.blocks = m.blocks[:len(m.blocks)-1]
}
