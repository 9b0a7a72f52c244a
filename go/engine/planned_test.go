package engine

import "fmt"

// The bounds of a read, for tests outside.
const (
	StartMax = startMax
	MergeGap = mergeGap
	MergeMax = mergeMax
)

// Planned is the first read for records, as it was planned.
type Planned struct {
	Op       int32
	Start    uint64
	Length   int
	Requests []PlannedRequest
}

// PlannedRequest is a request that a read serves, with the hint that it was
// planned with.
type PlannedRequest struct {
	ID, Offset, Hint uint64
	Plain            bool
}

// Planned returns the first reads of records that have read nothing yet.
func (e *Engine) Planned() []Planned {
	var all []Planned
	for _, i := range taken(&e.ops) {
		o := e.ops.at(i)
		if o.purpose != purposeMain || o.filled > 0 || o.orphaned {
			continue
		}
		p := Planned{Op: i, Start: o.off, Length: o.length}
		for id := o.first; id != none; id = e.requests.at(id).member {
			r := e.requests.at(id)
			p.Requests = append(p.Requests, PlannedRequest{r.id, r.offset, r.hint, r.plain()})
		}
		all = append(all, p)
	}
	return all
}

// CheckRuns returns what is wrong with the links between requests that wait:
// they lead through one file, from lower offsets to higher ones and back.
func (e *Engine) CheckRuns() error {
	for _, id := range taken(&e.requests) {
		r := e.requests.at(id)
		if r.state != stateQueued && r.state != stateOpening {
			if r.runNext != none || r.runPrev != none {
				return fmt.Errorf("request %d: begun, and still between its neighbours", id)
			}
			continue
		}
		if r.runNext == none {
			continue
		}
		next := e.requests.at(r.runNext)
		if next.runPrev != id || next.file != r.file || next.offset < r.offset {
			return fmt.Errorf("request %d at %d of file %d: behind it is %d of file %d, which comes after %d",
				id, r.offset, r.file, next.offset, next.file, next.runPrev)
		}
	}
	return nil
}
