/*
 * fail_calloc.h: included before an adapter, makes its allocation fail when
 * told to.
 */
#ifndef FAIL_CALLOC_H
#define FAIL_CALLOC_H

#include <stdlib.h>

static int calloc_fails;

static void *calloc_or_fail(size_t count, size_t size)
{
	if (calloc_fails) {
		calloc_fails = 0;
		return NULL;
	}
	return calloc(count, size);
}
#define calloc calloc_or_fail

#endif
