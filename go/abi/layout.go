package abi

import "unsafe"

// Request is struct dbox_core_request. Path and AltPath point to C strings
// that are valid during the submit only.
type Request struct {
	Op, Flags, Priority, TimeoutMS uint32

	Offset, SizeHint, BodyOffset, BodyLimit, Stream uint64

	File                  uint64
	Path, AltPath         uintptr
	PathLength, AltLength uint32
	Callback, Context     uint64
}

// Result is struct dbox_aio_result. Pointers are held as numbers: they are C's.
type Result struct {
	StructSize uint32
	Status     Status
	Op, Flags  uint32
	SysErrno   int32

	FileVersion, FileHeaderSize, MessageHeaderSize uint32

	ID, Stream, RecordOffset, ErrorOffset     uint64
	FileSize, Device, Inode, Nlink, LatencyUS uint64
	CreateTime, Mtime, Ctime                  int64
	MtimeNsec, CtimeNsec                      uint32
	Context, File, Message, Detail            uintptr
}

// Completion is struct dbox_core_completion.
type Completion struct {
	Result   Result
	Callback uint64
}

// Stats is struct dbox_aio_stats.
type Stats struct {
	StructSize, Backend uint32
	FallbackErrno       int32
	OpenFiles           uint32

	Submitted, Completed, Failed, Cancelled, TimedOut, Late uint64
	Opens, Reads, MergedReads, BytesRead                    uint64
	Immediate                                               uint64
	BytesHeld, Pending                                      uint64
	LongestSubmitUS, LongestDispatchUS                      uint64
	QueueWaitUS, StorageUS, SubmitUS, DispatchUS            [32]uint64
}

// Flags of a Message, as enum dbox_message_flags.
const (
	MessageWantFD      = 0x01
	MessageFDSlow      = 0x02
	MessageHasMetadata = 0x04
)

// Message is struct dbox_aio_message; core.h tells who may change what.
type Message struct {
	Refs          uint32
	FD            int32
	Flags         uint32
	MetadataCount uint32
	Pool          uintptr
	Next          uintptr
	Block         uint64
	Body          uintptr
	BodyLength    uint64
	BodySize      uint64
	RecordSize    uint64
	Raw           uintptr
	RawSize       uint64
	RawOffset     uint64
	Metadata      uintptr
}

// Metadata is struct dbox_metadata.
type Metadata struct {
	Value uintptr
	Size  uint32
	Key   uint32
}

// Mapping is struct dbox_mapping.
type Mapping struct {
	Address uintptr
	Size    uint64
}

// Pool is struct dbox_pool.
type Pool struct {
	Freed         uintptr
	Live          uint64
	EventFD       int32
	Writers       uint32
	Wake          uint32
	Closed        uint32
	PID           int32
	MappingsCount uint32
	Mappings      uintptr
}

// At gives the memory at addr, which must lie outside the Go heap, the type T.
// The detour over a variable tells the compiler and vet that this is meant.
func At[T any](addr uintptr) *T {
	return (*T)(*(*unsafe.Pointer)(unsafe.Pointer(&addr)))
}

// Bytes gives n bytes at addr, which must lie outside the Go heap.
func Bytes(addr uintptr, n int) []byte {
	return unsafe.Slice(At[byte](addr), n)
}
