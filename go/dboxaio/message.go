package dboxaio

import (
	"fmt"
	"strconv"
	"time"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/dbox"
)

// Request says what is wanted of a record.
type Request struct {
	Path string
	// AltPath, if it is not empty, is tried where Path does not exist.
	AltPath string
	// Offset of the record in the file; 0 is the first one.
	Offset int64
	// SizeHint is the size of the whole record, or 0. It decides how much is
	// read at first: a wrong one costs time, and is no error.
	SizeHint int64

	// NoBody leaves the body out, NoMetadata the metadata.
	NoBody, NoMetadata bool
	// HeadersOnly asks for the body up to and with its first empty line.
	HeadersOnly bool
	// BodyOffset and BodyLimit ask for a part of the body: BodyLimit bytes
	// from BodyOffset on; BodyLimit 0 is up to the end.
	BodyOffset, BodyLimit int64

	// Background requests go behind all that are not: prefetch, indexing.
	Background bool
}

// Metadata is a line of a record's metadata.
type Metadata struct {
	Key   byte
	Value string
}

// Message is what was read of a record. It is the caller's to keep.
type Message struct {
	// Offset of the record in the file.
	Offset int64
	// Body is the part that was asked for, as it lies on disk. It is nil
	// with NoBody.
	Body []byte
	// BodySize is the size of the whole body.
	BodySize int64
	// RecordSize is the size of the record with header and metadata; 0 if
	// the metadata was not read.
	RecordSize int64
	// Metadata in the order of the file.
	Metadata []Metadata
	// FromAlt: the file was found at AltPath.
	FromAlt bool
	// External: parts of the body are in other files.
	External bool
}

// Get returns the value of the first metadata line with that key.
func (m *Message) Get(key byte) (value string, ok bool) {
	for _, line := range m.Metadata {
		if line.Key == key {
			return line.Value, true
		}
	}
	return "", false
}

// GUID returns the message's globally unique id, or "".
func (m *Message) GUID() string {
	value, _ := m.Get(dbox.KeyGUID)
	return value
}

// Received returns when the message was received.
func (m *Message) Received() (time.Time, error) {
	n, err := m.hex(dbox.KeyReceivedTime)
	return time.Unix(n, 0), err
}

// VirtualSize returns the message's size with all line ends as CRLF.
func (m *Message) VirtualSize() (int64, error) { return m.hex(dbox.KeyVirtualSize) }

// PlaintextSize returns the body's size after decompression.
func (m *Message) PlaintextSize() (int64, error) {
	if _, ok := m.Get(dbox.KeyPlaintextSize); !ok && m.RecordSize != 0 {
		return m.BodySize, nil
	}
	return m.hex(dbox.KeyPlaintextSize)
}

func (m *Message) hex(key byte) (int64, error) {
	value, ok := m.Get(key)
	if !ok {
		return 0, fmt.Errorf("dboxaio: the message has no metadata %c", key)
	}
	n, err := strconv.ParseInt(value, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("dboxaio: metadata %c: %w", key, err)
	}
	return n, nil
}

// messageOf copies the message of a completion.
func messageOf(res *abi.Result) *Message {
	from := abi.At[abi.Message](res.Message)
	m := &Message{
		Offset:     int64(res.RecordOffset),
		BodySize:   int64(from.BodySize),
		RecordSize: int64(from.RecordSize),
		FromAlt:    res.Flags&abi.FromAlt != 0,
		External:   res.Flags&abi.External != 0,
	}
	if from.Body != 0 {
		m.Body = make([]byte, from.BodyLength)
		copy(m.Body, abi.Bytes(from.Body, int(from.BodyLength)))
	}
	m.Metadata = make([]Metadata, from.MetadataCount)
	for i := range m.Metadata {
		line := abi.At[abi.Metadata](from.Metadata + uintptr(i)*metadataSize)
		m.Metadata[i] = Metadata{byte(line.Key), string(abi.Bytes(line.Value, int(line.Size)))}
	}
	return m
}
