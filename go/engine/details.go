package engine

import (
	"sync"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/dbox"
)

// What a result's detail can say beside the rules of the format, whose
// numbers begin at detailRules.
const (
	detailNone uint16 = iota
	detailNoFile
	detailOpen
	detailNotFile
	detailDescriptors
	detailRead
	detailStat
	detailMemory
	detailBudget
	detailMaxSize
	detailLongPath
	detailCancelled
	detailTimedOut
	detailShutdown
	detailInternal
	detailRules
)

var detailTexts = [detailRules]string{
	detailNoFile:      "there is no such file, at the alternative path neither",
	detailOpen:        "the file could not be opened",
	detailNotFile:     "not a regular file",
	detailDescriptors: "no descriptor is left: raise the limit on open files, or release messages that hold descriptors",
	detailRead:        "reading the file failed",
	detailStat:        "the file's attributes could not be read",
	detailMemory:      "the system has no memory left",
	detailBudget:      "more than max_bytes would be needed at once: read the body by windows, or raise max_bytes",
	detailMaxSize:     "the record is larger than max_message_size",
	detailLongPath:    "the path is longer than the system allows",
	detailCancelled:   "cancelled by the host",
	detailTimedOut:    "the storage did not answer in time",
	detailShutdown:    "the context was shut down",
	detailInternal:    "an error inside the library: the context can only be shut down",
}

// detailAt has the address of each text as a C string that lives for ever.
var detailAt []uintptr

var writeDetails = sync.OnceFunc(func() {
	var all []byte
	var at []int
	add := func(s string) {
		at = append(at, len(all))
		all = append(all, s...)
		all = append(all, 0)
	}
	for _, s := range detailTexts {
		add(s)
	}
	for r := dbox.Rule(0); r < dbox.RuleCount; r++ {
		add(r.Detail())
	}
	memory, err := unix.Mmap(-1, 0, len(all), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		detailAt = make([]uintptr, len(at)) // results then have no detail
		return
	}
	copy(memory, all)
	_ = unix.Mprotect(memory, unix.PROT_READ)
	base := addressOf(memory)
	for _, n := range at {
		detailAt = append(detailAt, base+uintptr(n))
	}
	detailAt[detailNone] = 0
})

func detailOf(r dbox.Rule) uint16 { return detailRules + uint16(r) }

func statusOf(r dbox.Rule) abi.Status {
	switch r.Status() {
	case dbox.StatusOK:
		return abi.OK
	case dbox.StatusTruncated:
		return abi.ETRUNCATED
	case dbox.StatusVersion:
		return abi.EVERSION
	}
	return abi.ECORRUPT
}
