// Package mem keeps the memory that the kernel reads into and that hosts get
// pointers into. All of it lies outside the Go heap, in mappings of one Pool a
// context, so that the garbage collector neither moves nor scans it, and so
// that it can outlive the context: the last reference to a message unmaps.
//
// A Pool belongs to the thread that owns the context. The one thing other
// threads do to it is in capi/core.h (struct dbox_pool): they push messages
// they let go of to a list, which Reclaim empties.
//
// Three kinds of pieces, by size:
//
//   - strings (paths): multiples of 32 bytes, not counted against the budget;
//   - small blocks: 25 classes up to 32 KiB, carved from slabs of 128 KiB;
//   - big blocks: mappings of their own, which are kept for reuse for a while.
//
// Memory is reused last in, first out, so that it is still mapped and cached.
package mem
