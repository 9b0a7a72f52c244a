package dboxaio

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"libdbox_aio/go/abi"
)

// What an [Error] can be, for [errors.Is]. [fs.ErrNotExist] and
// [fs.ErrPermission] are others.
var (
	// ErrCorrupt: a file breaks a rule of the format.
	ErrCorrupt = errors.New("dbox file is corrupt")
	// ErrTruncated: a file ends inside the record, or at or before its
	// offset. A record that is being saved just now can look like this.
	ErrTruncated = errors.New("dbox file ends inside a record")
	// ErrVersion: a file's version is not one that is known.
	ErrVersion = errors.New("unknown dbox version")
	// ErrTooBig: a record is larger than MaxMessageSize, or what is wanted
	// of it is larger than MaxBytes.
	ErrTooBig = errors.New("record is too big")
	// ErrNotFile: not a regular file.
	ErrNotFile = errors.New("not a regular file")
	// ErrClosed is returned by all calls of a Reader that is closed, and
	// by those that were waiting when it was.
	ErrClosed = errors.New("dboxaio: the reader is closed")
	// ErrInternal: a mistake inside the package. The Reader can only be
	// closed.
	ErrInternal = errors.New("dboxaio: internal error")
)

// Error tells what is wrong with a file, or with a record of it.
type Error struct {
	Path string
	// RecordOffset is that of the record, ErrorOffset where in the file a
	// rule is broken.
	RecordOffset, ErrorOffset int64
	// Detail says which rule is broken, or what failed.
	Detail string
	// Errno is the system's error, or 0.
	Errno syscall.Errno

	kind error
}

func (e *Error) Error() string {
	what := e.Detail
	if what == "" {
		what = e.kind.Error()
	}
	if e.Errno != 0 {
		what += ": " + e.Errno.Error()
	}
	if e.ErrorOffset != 0 {
		what += fmt.Sprintf(" (at byte %d)", e.ErrorOffset)
	}
	return fmt.Sprintf("%s: record at %d: %s", e.Path, e.RecordOffset, what)
}

// Unwrap returns what kind of error it is, and the system's error if there
// is one.
func (e *Error) Unwrap() []error {
	if e.Errno != 0 {
		return []error{e.kind, e.Errno}
	}
	return []error{e.kind}
}

var errIO = errors.New("input/output error")

func kindOf(status abi.Status) error {
	switch status {
	case abi.ENOENT:
		return fs.ErrNotExist
	case abi.EACCES:
		return fs.ErrPermission
	case abi.ECORRUPT:
		return ErrCorrupt
	case abi.ETRUNCATED:
		return ErrTruncated
	case abi.EVERSION:
		return ErrVersion
	case abi.ETOOBIG:
		return ErrTooBig
	case abi.ENOTFILE:
		return ErrNotFile
	case abi.EMFILE:
		return syscall.EMFILE
	case abi.ENOMEM:
		return syscall.ENOMEM
	case abi.EINVAL:
		return syscall.EINVAL
	}
	return errIO
}

// errorOf makes the error of a completion that is not OK.
func errorOf(path string, res *abi.Result) error {
	e := &Error{
		Path:         path,
		RecordOffset: int64(res.RecordOffset),
		ErrorOffset:  int64(res.ErrorOffset),
		Errno:        syscall.Errno(res.SysErrno),
		kind:         kindOf(res.Status),
	}
	if res.Detail != 0 {
		n := 0
		for *abi.At[byte](res.Detail + uintptr(n)) != 0 {
			n++
		}
		e.Detail = string(abi.Bytes(res.Detail, n))
	}
	return e
}
