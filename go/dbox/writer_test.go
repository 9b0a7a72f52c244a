package dbox

import (
	"bytes"
	"errors"
	"testing"
)

func TestWriterOffsets(t *testing.T) {
	var out bytes.Buffer
	w, err := NewWriter(&out, FileHeader{CreateTime: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		before := int64(out.Len())
		offset, size, err := w.Append(Message{Body: make([]byte, i*100)})
		if err != nil || offset != before || offset+size != int64(out.Len()) || w.Offset() != int64(out.Len()) {
			t.Fatalf("record %d: %d, %d, %v", i, offset, size, err)
		}
	}
	before := out.Len()
	if err := w.Preallocate(10000); err != nil || out.Len() != before+10000 || !AllZero(out.Bytes()[before:]) {
		t.Errorf("preallocated: %v, %d bytes", err, out.Len()-before)
	}
}

func TestWriterRefusesHeaders(t *testing.T) {
	for header, want := range map[FileHeader]Rule{
		{Version: 3}:              RuleVersionUnknown,
		{MessageHeaderSize: 29}:   RuleMessageHeaderSizeTooSmall,
		{MessageHeaderSize: 8193}: RuleMessageHeaderSizeTooLarge,
	} {
		var out bytes.Buffer
		if _, err := NewWriter(&out, header); !errors.Is(err, want) || out.Len() != 0 {
			t.Errorf("%+v: %v", header, err)
		}
	}
}

func TestWriterRefusesLines(t *testing.T) {
	for _, m := range []Message{
		{GUID: "a\nb"}, {POP3UIDL: "a\x00"}, {External: "x\r"}, {OriginalMailbox: "\n"},
		{Lines: []Line{{0, "x"}}}, {Lines: []Line{{' ', "x"}}},
		{Lines: []Line{{'\n', "x"}}}, {Lines: []Line{{'\r', ""}}},
		{Lines: []Line{{'Q', "ok"}, {'Q', "a\nb"}, {'Q', "ok"}}},
	} {
		var out bytes.Buffer
		w, err := NewWriter(&out, FileHeader{})
		if err != nil {
			t.Fatal(err)
		}
		before := out.Len()
		if _, _, err := w.Append(m); err == nil || out.Len() != before {
			t.Errorf("%+v: %v, %d bytes", m, err, out.Len()-before)
		}
		if _, _, err := w.Append(Message{}); err != nil {
			t.Errorf("the next message: %v", err)
		}
	}
}

type failingWriter struct{ left int }

var errFull = errors.New("full")

func (w *failingWriter) Write(b []byte) (int, error) {
	if len(b) > w.left {
		n := w.left
		w.left = 0
		return n, errFull
	}
	w.left -= len(b)
	return len(b), nil
}

func TestWriterStopsAtTheFirstError(t *testing.T) {
	if _, err := NewWriter(&failingWriter{3}, FileHeader{}); !errors.Is(err, errFull) {
		t.Errorf("header: %v", err)
	}
	for _, left := range []int{10, 40, 45, 50} {
		w, err := NewWriter(&failingWriter{left}, FileHeader{})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Append(Message{Body: []byte("hello")}); !errors.Is(err, errFull) {
			t.Errorf("%d bytes: %v", left, err)
		}
		if w.Offset() != int64(left) {
			t.Errorf("%d bytes: offset %d", left, w.Offset())
		}
		if _, _, err := w.Append(Message{}); !errors.Is(err, errFull) {
			t.Errorf("%d bytes, the next message: %v", left, err)
		}
		if err := w.Preallocate(1); !errors.Is(err, errFull) {
			t.Errorf("%d bytes, zeros: %v", left, err)
		}
	}
}

func TestVirtualSize(t *testing.T) {
	for body, want := range map[string]uint64{
		"": 0, "a": 1, "\n": 2, "\r\n": 2, "\r": 1, "a\nb\r\nc\r": 8, "\n\n": 4, "\r\r\n": 3,
	} {
		if got := VirtualSize([]byte(body)); got != want {
			t.Errorf("%q: %d, want %d", body, got, want)
		}
	}
}
