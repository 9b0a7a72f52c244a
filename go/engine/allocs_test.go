package engine_test

import (
	"testing"
	"unsafe"

	"libdbox_aio/go/abi"
)

// In a steady state a batch that is answered from the cache allocates nothing.
func TestNoAllocations(t *testing.T) {
	s := newStore(t)
	batches := map[string][]request{
		"sdbox": {s.small.read(1, 0), {Request: abi.Request{Op: abi.OpRead, Context: 2}, path: s.big.path}},
		"mdbox": {},
		"stat":  {{Request: abi.Request{Op: abi.OpStat, Context: 1}, path: s.small.path}},
	}
	for i := range s.many.records {
		batches["mdbox"] = append(batches["mdbox"], s.many.hinted(uint64(i), i))
	}
	for _, w := range ways {
		if w.script != nil {
			continue
		}
		for name, requests := range batches {
			t.Run(name+"/"+w.name, func(t *testing.T) {
				h := newHost(t, w, options())
				batch := make([]abi.Request, len(requests))
				for i, r := range requests {
					batch[i] = r.Request
					batch[i].Path, batch[i].PathLength = h.cstring(r.path)
				}
				ids := make([]uint64, len(batch))
				round := func() {
					h.e.Submit(batch, ids, nil, true)
					for left := len(batch); left > 0; {
						n, _ := h.e.Dispatch(h.out[:], 1e9)
						for i := range h.out[:n] {
							if h.out[i].Result.Status != abi.OK {
								t.Fatalf("status %d", h.out[i].Result.Status)
							}
							if at := h.out[i].Result.Message; at != 0 {
								unref(at)
							}
						}
						left -= n
					}
				}
				for range 20 {
					round()
				}
				if n := testing.AllocsPerRun(200, round); n != 0 {
					t.Errorf("%v allocations for a batch of %d requests (%d bytes each)", n, len(batch), unsafe.Sizeof(batch[0]))
				}
				h.end()
			})
		}
	}
}
