// Package engine is the heart of the library: it takes batches of requests,
// decides what is to be opened and read for them, has a backend do that, and
// gives each request its result.
//
// An Engine belongs to one thread, is never called while a call runs, and
// does all its work inside its calls: there is no goroutine and no lock. Time
// spent in a call is bounded by the budget that the caller gives.
//
// A request goes this way:
//
//	queued ──> opening ──> active ──> ready ──> delivered
//
// queued: package sched has it. opening: its file is being opened. active: it
// has operations in flight. ready: its result waits to be taken. A request
// that is cancelled or late leaves its operations behind, which end without
// it and give back what they hold.
//
// What is where:
//
//	request.go  requests and their ids      pump.go     what is next, and the bounds
//	file.go     names: paths and handles    op.go       operations and their limits
//	node.go     open files                  read.go     the steps of a READ
//	header.go   file headers                scan.go     the steps of a SCAN
//	run.go      neighbours read together    deliver.go  results
//	cancel.go   cancel, deadlines           shutdown.go the end
//
// Everything that grows with the number of requests is in slabs of structs
// without pointers: the garbage collector does not look at them, and in a
// steady state nothing is allocated.
package engine
