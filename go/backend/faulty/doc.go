// Package faulty wraps a backend and makes it misbehave on purpose, the way
// storage does: calls that fail, reads that are short, answers that are not
// in the cache, operations that hang, attributes that are out of date. It is
// for tests.
//
// A Script says what goes wrong. It is asked once for each call that can fail,
// with the call's kind and its number among the calls of that kind, so the
// same script does the same again: one made of Rules for the k-th call, one
// made by Random from a seed, or any function.
//
// What is promised, so that a test can tell the engine's faults from those
// made here:
//
//   - An operation that fails by an errno has no effect, but for Close, which
//     frees the descriptor whatever it returns, as close(2) does, unless that
//     is ENOMEM: there is no worker to do it.
//   - An operation that is held is not begun before Release: its memory and
//     its descriptor are touched only then. Cancel does not end it, as it does
//     not end what hangs on a dead mount.
//   - An operation that is kept back has been done, its Event comes after
//     Release. So operations end in an order of the test's choice.
//   - The event descriptor is signalled for what ends here, as the contract of
//     package backend wants it.
//   - After Close what is held or kept back stays so; released is called when
//     the last one was let go of. Descriptors opened by then are closed.
package faulty
