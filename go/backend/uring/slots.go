package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/backend"
)

// slots are the ring's own table of files. An open that may hang for ever on
// a dead mount puts its file there first and becomes a descriptor in a second
// step. If the context goes away while it hangs, the file goes with the ring,
// and no descriptor stays behind in the host.
//
// The first slot is kept for a pipe that tells when the ring is gone. Needs
// Linux 6.8; without, opens make descriptors at once.
type slots struct {
	free  []int32
	byTag []int32 // the slot plus one that an open uses, by its tag
	on    bool
	pipe  int32 // see plantPipe; here since the kernel wants its address
}

// userSlot is the part of user_data that has a slot's number plus one.
const slotShift = 32

type rsrcRegister struct {
	nr, flags  uint32
	resv2      uint64
	data, tags uint64
}

type rsrcUpdate2 struct {
	offset, resv uint32
	data, tags   uint64
	nr, resv2    uint32
}

const rsrcRegisterSparse = 1

func (s *slots) setup(b *Backend, workers int) {
	n := workers + 1
	reg := rsrcRegister{nr: uint32(n), flags: rsrcRegisterSparse}
	if register(b.ring.Fd(), registerFiles2, unsafe.Pointer(&reg), int(unsafe.Sizeof(reg))) != 0 {
		return
	}
	probe, err := b.ring.Probe()
	const supported = 1
	if err != nil || probe.GetOP(opFixedFDInstall).Flags&supported == 0 {
		return
	}
	s.on = true
	s.free = make([]int32, 0, n)
	for i := int32(n - 1); i >= 1; i-- {
		s.free = append(s.free, i)
	}
}

// start begins an open by way of a slot; false if there is none.
func (s *slots) start(b *Backend, op *backend.Op) bool {
	if !s.on || len(s.free) == 0 {
		return false
	}
	slot := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	for int(op.Tag) >= len(s.byTag) {
		s.byTag = append(s.byTag, make([]int32, 256)...)
	}
	s.byTag[op.Tag] = slot + 1
	e := b.sqe()
	e.OpCode = opOpenat
	e.Flags = sqeAsync
	e.Fd = unix.AT_FDCWD
	e.Addr = uint64(op.Path)
	e.OpcodeFlags = openFlagsOfSlot
	e.SpliceFdIn = slot + 1 // file_index
	e.UserData = uint64(op.Tag) | uint64(slot+1)<<slotShift
	return true
}

// owns reports whether a completion is a step of an open by way of a slot.
func (s *slots) owns(user uint64) bool { return user>>slotShift != 0 }

func slotOf(user uint64) int32 {
	return int32(user>>slotShift&0xffffff) - 1
}

// userOf returns the user_data by which the kernel knows an operation.
func (s *slots) userOf(tag uint32) uint64 {
	if int(tag) < len(s.byTag) {
		return uint64(tag) | uint64(s.byTag[tag])<<slotShift
	}
	return uint64(tag)
}

// step is called when one step has ended; it returns the result of the whole
// open, or false if a step was begun.
func (s *slots) step(b *Backend, user uint64, res int32) (int32, bool) {
	slot := slotOf(user)
	tag := uint32(user)
	if user&userInstall == 0 {
		if res < 0 {
			s.free = append(s.free, slot)
			s.byTag[tag] = 0
			return res, true
		}
		e := b.sqe()
		e.OpCode = opFixedFDInstall
		e.Flags = sqeFixedFile
		e.Fd = slot
		e.UserData = user | userInstall
		return 0, false
	}
	s.byTag[tag] = 0
	e := b.sqe()
	e.OpCode = opClose
	e.SpliceFdIn = slot + 1
	e.UserData = userIgnore | uint64(slot+1)<<slotShift
	return res, true
}

// freed is called when a slot's close has ended.
func (s *slots) freed(user uint64) {
	if slot := slotOf(user); slot >= 0 && user>>slotShift&0xffffff != 0 {
		s.free = append(s.free, slot)
	}
}
