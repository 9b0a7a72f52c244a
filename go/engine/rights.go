package engine

import (
	"libdbox_aio/go/backend"
)

// Rights tells apart the rights that the calling thread has at different times:
// hosts become somebody else, and back. A request's file is opened with those
// that the host had when it was submitted.
type Rights interface {
	// Now returns a number for the rights that the thread has now. It is never
	// 0, and the same for the same rights as long as somebody uses it.
	Now() uint32
	// Use and Drop begin and end a use of a number.
	Use(number uint32)
	Drop(number uint32)
}

// rightsNow returns the number of the host's rights, which do not change
// within a call.
func (e *Engine) rightsNow() uint32 {
	if e.opts.Rights == nil {
		return 0
	}
	if e.looked != e.calls {
		e.looked = e.calls
		e.rights = e.opts.Rights.Now()
	}
	return e.rights
}

// setRights has a file be opened with the rights of this call. Most are opened
// within it, and not needed any more at its end: nobody looks at the rights for
// those.
func (e *Engine) setRights(i int32) {
	if e.opts.Rights == nil {
		return
	}
	e.dropRights(e.files.at(i))
	e.fresh = append(e.fresh, i)
}

// keepRights notes the rights of this call where they will be asked for in
// later ones.
func (e *Engine) keepRights() {
	for _, i := range e.fresh {
		// The slot can have another file by now, which is of this call too.
		if f := e.files.at(i); f.refs > 0 && f.rights == 0 {
			f.rights = e.rightsNow()
			e.opts.Rights.Use(f.rights)
		}
	}
	e.fresh = e.fresh[:0]
}

func (e *Engine) dropRights(f *file) {
	if f.rights != 0 {
		e.opts.Rights.Drop(f.rights)
		f.rights = 0
	}
}

// sameRights reports whether a file is to be opened with the rights that the
// host has now.
func (e *Engine) sameRights(f *file) bool {
	return f.rights == 0 || f.rights == e.rightsNow()
}

// otherRights returns the rights that an operation needs, if the host has
// others by now.
func (e *Engine) otherRights(o *op) uint32 {
	if o.kind != backend.Open {
		return 0
	}
	if f := e.files.at(o.file); !e.sameRights(f) {
		return f.rights
	}
	return 0
}

// suitRights has an operation go to a worker that needs other rights than the
// host has by now.
func (e *Engine) suitRights(o *op) {
	if e.otherRights(o) != 0 {
		o.wait, o.worker, o.cached = true, true, false
	}
}
