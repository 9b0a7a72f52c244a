package mem

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"libdbox_aio/go/abi"
)

func TestStringsOfAllLengths(t *testing.T) {
	p := newPool(t, 1<<20)
	type kept struct {
		addr uintptr
		text []byte
	}
	r := rand.New(rand.NewPCG(2, 3))
	var all []kept
	check := func(s kept) {
		got := abi.Bytes(s.addr, len(s.text)+1)
		if !bytes.Equal(got[:len(s.text)], s.text) || got[len(s.text)] != 0 {
			t.Fatalf("a string of %d bytes is damaged", len(s.text))
		}
	}
	for n := range abi.PathMax {
		text := bytes.Repeat([]byte{byte('a' + n%26)}, n)
		addr, err := p.String(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, kept{addr, text})
		if r.IntN(2) == 0 {
			i := r.IntN(len(all))
			check(all[i])
			p.FreeString(all[i].addr, len(all[i].text))
			all[i] = all[len(all)-1]
			all = all[:len(all)-1]
		}
	}
	for _, s := range all {
		check(s)
		p.FreeString(s.addr, len(s.text))
	}
	if p.Held() != 0 {
		t.Errorf("strings count %d bytes against the budget", p.Held())
	}
	pieces := mappingsOf(p)
	p.Close()
	checkUnmapped(t, pieces)
}

func TestStringsAreReused(t *testing.T) {
	p := newPool(t, 1<<20)
	defer p.Close()
	path := bytes.Repeat([]byte{'x'}, 120)
	use := func() {
		for range 1000 {
			addr, err := p.String(path)
			if err != nil {
				t.Fatal(err)
			}
			p.FreeString(addr, len(path))
		}
	}
	use()
	mapped := p.Mapped()
	use()
	if p.Mapped() != mapped || mapped != stringChunk {
		t.Errorf("%d bytes are mapped, %d before, want %d", p.Mapped(), mapped, stringChunk)
	}
}
