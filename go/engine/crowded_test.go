package engine_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
)

// TestFewDescriptors has a batch of local files be read, none of them in the
// cache, with fewer descriptors than the batch has files. Opens end in any
// order; none may fail for others that are under way.
func TestFewDescriptors(t *testing.T) {
	mount := localMount(t)
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 7))
		s := memory{
			data: writeMails(t, filepath.Join(t.TempDir(), "u.1"), 300).data, mount: mount, limit: 1 + rng.IntN(5),
			pooled: seed&1 != 0, batched: seed&2 != 0, cold: seed&4 != 0,
		}
		opts := options()
		opts.MaxWorkers = 2 << rng.IntN(7)
		opts.QueueDepth = 2 << rng.IntN(7)
		h := newHostOn(t, opts, func(h *host) (backend.Backend, uint32) {
			s.signal = h.signal
			h.storage = &s
			return &s, abi.BackendThreads
		})
		var all []request
		for i := range 60 {
			all = append(all, request{Request: abi.Request{Op: abi.OpRead, Context: uint64(i + 1)}, path: fmt.Sprintf("/u.%d", i)})
		}
		h.submit(all...)
		for n := 0; len(h.pending) > 0 || len(s.started) > 0; n++ {
			if n > 100_000 {
				t.Fatalf("seed %d: %d requests do not end: %s", seed, len(h.pending), h.e.Counts())
			}
			// Some of those that are under way, before anybody looks.
			for k := rng.IntN(4); k >= 0 && len(s.started) > 0; k-- {
				s.end(rng.IntN(len(s.started)))
			}
			h.signal()
			h.dispatch(0)
		}
		for _, q := range all {
			if got := h.one(q.Context); got.Status != abi.OK {
				t.Fatalf("seed %d: with %d descriptors: %s", seed, s.limit, got.text())
			}
		}
		h.end()
	}
}
