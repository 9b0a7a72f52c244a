package mem

import (
	"testing"
	"unsafe"

	"libdbox_aio/go/abi"
)

func TestAMessageHasItsMetadata(t *testing.T) {
	p := newPool(t, 1<<20)
	defer p.Close()
	lines := []struct {
		key   byte
		value string
	}{{'R', "5f3a"}, {'G', "0123456789abcdef0123456789abcdef"}, {'X', ""}, {'B', "INBOX/folder"}}
	total := 0
	for _, l := range lines {
		total += len(l.value)
	}
	block := alloc(t, p, 100)
	at, err := p.Message(block, len(lines), total)
	if err != nil {
		t.Fatal(err)
	}
	values := ValuesOf(at, len(lines))
	for _, l := range lines {
		values.Add(l.key, []byte(l.value))
	}
	m := abi.At[abi.Message](at)
	if m.Refs != 1 || m.FD != -1 || m.Pool != p.Address() || m.Block != uint64(block) || int(m.MetadataCount) != len(lines) {
		t.Errorf("the message is %+v", *m)
	}
	entries := unsafe.Slice(abi.At[abi.Metadata](m.Metadata), len(lines))
	end := at + uintptr(Cap(at))
	for i, l := range lines {
		e := entries[i]
		if e.Value+uintptr(e.Size)+1 > end {
			t.Fatalf("line %d lies outside of the message", i)
		}
		got := abi.Bytes(e.Value, int(e.Size)+1)
		if string(got[:e.Size]) != l.value || got[e.Size] != 0 || byte(e.Key) != l.key {
			t.Errorf("line %d: %c%q, want %c%q", i, e.Key, got, l.key, l.value)
		}
	}
	p.Drop(at)
	if p.Used() != 0 {
		t.Errorf("%d bytes are used at the end", p.Used())
	}
}

func TestAMessageCanHaveMoreMetadataThanItsReserve(t *testing.T) {
	p := newPool(t, 1<<20)
	defer p.Close()
	at, err := p.Message(alloc(t, p, 100), 10000, 100000)
	if err != nil {
		t.Fatal(err)
	}
	if p.Held() < 100000 {
		t.Errorf("only %d bytes are counted", p.Held())
	}
	p.Drop(at)
	if p.Used() != 0 {
		t.Errorf("%d bytes are used at the end", p.Used())
	}
}

func TestMessagesCanShareABlock(t *testing.T) {
	p := newPool(t, 1<<20)
	defer p.Close()
	block := alloc(t, p, 1000)
	first, err := p.Message(block, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	Ref(block)
	p.TryReserve()
	second, err := p.Message(block, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.Drop(first)
	if p.Held() < 1000 {
		t.Error("the block is gone with the first message")
	}
	p.Drop(second)
	if p.Used() != 0 {
		t.Errorf("%d bytes are used at the end", p.Used())
	}
}
