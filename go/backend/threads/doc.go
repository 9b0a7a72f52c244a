// Package threads does operations by blocking system calls in a bounded pool
// of workers: where there is no io_uring.
//
// Who the workers are is the Executor's matter. The shared library has them
// as threads in C (capi), because a thread that can't be created must not be
// the end of the process, as it is in the Go runtime, and because setuid(2) in
// the host must not wait for them; pure Go programs and tests have goroutines.
package threads
