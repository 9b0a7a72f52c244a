package posix

import (
	"bytes"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/backend"
)

// attrOld is Attr where statx(2) can't be had: by fstat(2), which may wait on
// storage that is not local, and by what /proc says of the mount. Without /proc
// it is no mount at all, which nobody takes for local.
func attrOld(fd int32, a *backend.Attr) syscall.Errno {
	var st unix.Stat_t
	for {
		err := unix.Fstat(int(fd), &st)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err.(syscall.Errno)
		}
		break
	}
	*a = backend.Attr{
		Size:      uint64(st.Size),
		Inode:     st.Ino,
		Device:    uint64(st.Dev),
		Nlink:     uint64(st.Nlink),
		MountID:   mountOf(fd),
		Mtime:     int64(st.Mtim.Sec),
		Ctime:     int64(st.Ctim.Sec),
		MtimeNsec: uint32(st.Mtim.Nsec),
		CtimeNsec: uint32(st.Ctim.Nsec),
		Mode:      st.Mode,
	}
	return 0
}

// mountOf returns the mount that a descriptor's file was opened on, as
// proc_pid_fdinfo(5) has it; or 0.
func mountOf(fd int32) uint64 {
	info, err := unix.Open("/proc/self/fdinfo/"+strconv.Itoa(int(fd)), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer func() { _ = unix.Close(info) }()
	var text [512]byte
	n, err := unix.Read(info, text[:])
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text[:n]) {
		if value, ok := bytes.CutPrefix(line, []byte("mnt_id:")); ok {
			id, _ := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 64)
			return id
		}
	}
	return 0
}
