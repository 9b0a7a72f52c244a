// Package abi holds the numbers and memory layouts of dbox_aio.h and of
// capi/core.h as Go sees them, so that the core can read requests and write
// results in place. capi refuses to compile where a size or an offset differs
// from C's.
package abi

// Status is enum dbox_aio_status of dbox_aio.h, where each value's meaning is
// told.
type Status int32

const (
	OK         Status = 0
	EINVAL     Status = -1
	ENOMEM     Status = -2
	EBUSY      Status = -3
	ENOENT     Status = -4
	EACCES     Status = -5
	EIO        Status = -6
	EMFILE     Status = -7
	ECORRUPT   Status = -8
	ETRUNCATED Status = -9
	EVERSION   Status = -10
	ETOOBIG    Status = -11
	ENOTFILE   Status = -12
	ECANCELED  Status = -13
	ETIMEDOUT  Status = -14
	ESHUTDOWN  Status = -15
	EALREADY   Status = -16
	ELIMIT     Status = -21
	ENOTSUP    Status = -22
	EINTERNAL  Status = -23
)

// Backends, as enum dbox_aio_backend.
const (
	BackendAuto    = 0
	BackendUring   = 1
	BackendThreads = 2
)

// Operations of a request, as enum dbox_aio_op.
const (
	OpOpen = 1
	OpRead = 2
	OpScan = 3
	OpStat = 4
)

// Flags of a request, as enum dbox_aio_request_flags.
const (
	NoBody      = 0x01
	NoMetadata  = 0x02
	HeadersOnly = 0x04
	WantFD      = 0x08
	Resync      = 0x10
)

// Flags of a result, as enum dbox_aio_result_flags.
const (
	More         = 0x01
	FromAlt      = 0x02
	External     = 0x04
	HaveMetadata = 0x08
	PartialBody  = 0x10
)

// What is left to do after a dispatch, as enum dbox_core_more.
const (
	MoreResults = 0x01
	MoreWork    = 0x02
)

// PathMax is PATH_MAX of limits.h: a path of this length or more, its NUL not
// counted, can't be opened on Linux.
const PathMax = 4096
