/*
 * lock.h: a lock for threads that the C library does not know. 0: free, 1:
 * taken, 2: taken, and somebody may wait for it.
 */
#ifndef DBOX_LOCK_H
#define DBOX_LOCK_H

#include "raw.h"

static inline void lock_take(uint32_t *lock)
{
	uint32_t state = 0;

	if (__atomic_compare_exchange_n(lock, &state, 1, 0, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(lock, 2, __ATOMIC_ACQUIRE) != 0)
		(void)raw_futex_wait(lock, 2, NULL);
}

/* Whoever takes it next may free it at once: nothing is read of it behind the
   exchange, and a wake-up at an address without a waiter does nothing. */
static inline void lock_drop(uint32_t *lock)
{
	if (__atomic_exchange_n(lock, 0, __ATOMIC_RELEASE) == 2)
		raw_futex_wake(lock, 1);
}

#endif
