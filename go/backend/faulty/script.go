package faulty

import (
	"math/rand/v2"
	"syscall"

	"golang.org/x/sys/unix"
)

// Call is the kind of a call that can be made to fail.
type Call uint8

const (
	TryOpen Call = iota
	TryRead
	Attr
	Open // this and those below: by Start
	Read
	Stat
	Close

	Calls // is none: their number
)

var callNames = [Calls]string{"TryOpen", "TryRead", "Attr", "Open", "Read", "Stat", "Close"}

func (c Call) String() string { return callNames[c] }

// Hold says when an operation waits for Release.
type Hold uint8

const (
	HoldNot   Hold = iota
	HoldStart      // before it is begun
	HoldEvent      // when it has been done
)

// Fault is what happens to one call; the zero Fault is nothing.
type Fault struct {
	// Errno is what the call fails with.
	Errno syscall.Errno
	// Short is the most bytes that a read gives; 0 is no limit.
	Short int
	// Hold is for what is started.
	Hold Hold
	// Mount is the id of the mount that Attr finds the file on, if not 0. One
	// that does not exist makes any storage remote.
	Mount uint64
	// Shrink is how many bytes of the file Attr does not know of.
	Shrink uint64
}

// Script tells the fault of the n-th call of a kind; n counts from 1.
type Script func(call Call, n int) Fault

// Rule is a fault of some calls of a kind.
type Rule struct {
	Call Call
	// From and To are the first and the last call that the rule is for. To 0
	// stands for From, and a From of 0 for all calls.
	From, To int
	Fault    Fault
}

// Rules makes a script of rules. The first one that fits counts.
func Rules(rules ...Rule) Script {
	return func(call Call, n int) Fault {
		for _, r := range rules {
			if r.Call == call && (r.From == 0 || n == r.From || n > r.From && n <= r.To) {
				return r.Fault
			}
		}
		return Fault{}
	}
}

// Odds are how often Random makes what go wrong, each in calls of a thousand.
type Odds struct {
	Uncached int // TryOpen and TryRead say EAGAIN
	Short    int
	Again    int // EINTR or EAGAIN
	Fail     int // EIO, or what else an open can fail with
	Hold     int // HoldStart
	Keep     int // HoldEvent
}

// Random makes a script from a seed.
func Random(seed uint64, odds Odds) Script {
	rng := rand.New(rand.NewPCG(seed, 0))
	in := func(n int) bool { return rng.IntN(1000) < n }
	return func(call Call, _ int) Fault {
		var f Fault
		switch call {
		case TryOpen, TryRead:
			if in(odds.Uncached) {
				return Fault{Errno: unix.EAGAIN}
			}
		case Open, Read, Stat, Close:
			switch {
			case in(odds.Hold):
				f.Hold = HoldStart
			case in(odds.Keep):
				f.Hold = HoldEvent
			}
			if in(odds.Again) {
				f.Errno = [...]syscall.Errno{unix.EINTR, unix.EAGAIN}[rng.IntN(2)]
				return f
			}
		}
		if (call == TryRead || call == Read) && in(odds.Short) {
			f.Short = 1 << rng.IntN(16)
		}
		if in(odds.Fail) {
			f.Errno = unix.EIO
			if call == TryOpen || call == Open {
				f.Errno = [...]syscall.Errno{unix.EIO, unix.EACCES, unix.EMFILE, unix.ENFILE}[rng.IntN(4)]
			}
		}
		return f
	}
}
