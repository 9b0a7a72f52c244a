package uring

import (
	"testing"

	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/backendtest"
)

// TestMoreResultsThanTheQueueHolds: those that found no room in the completion
// queue come when there is some, each once.
func TestMoreResultsThanTheQueueHolds(t *testing.T) {
	b := backendtest.NewBench(t, newRingBackend(64))
	fd, buf := b.OpenFile(), backendtest.Memory(t, 4096)
	const count = 3000 // 256 have room
	for range 3 {
		for tag := range uint32(count) {
			b.Start(&backend.Op{Tag: tag, Kind: backend.Read, FD: fd, Len: 1 + tag%50, Off: uint64(tag), Buf: buf + uintptr(tag%50)*50})
			if tag%100 == 0 {
				b.Cancel(tag / 2)
			}
		}
		for tag, res := range b.Wait(count) {
			if want := 1 + int32(tag)%50; res != want {
				t.Fatalf("read %d: %d, not %d", tag, res, want)
			}
		}
	}
}
