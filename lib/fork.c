/*
 * fork.c: tells a forked child from its parent without asking the kernel in
 * every call.
 */
#define _GNU_SOURCE
#include "front.h"

#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#  define MADV_WIPEONFORK 18	/* Linux 4.14 */
#endif

/* On a page of its own that a forked child gets filled with zeros; NULL where
   the kernel does not do that. */
static volatile unsigned char *mark;

/* For what runs programs without a kernel's help for this, as qemu-user: it
   takes the advice and does nothing. */
static void fork_mark_clear(void)
{
	*mark = 0;
}

void fork_mark_set(void)
{
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page;

	if (mark == NULL) {
		page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page == MAP_FAILED)
			return;
		if (madvise(page, size, MADV_WIPEONFORK) < 0) {
			(void)munmap(page, size);
			return;
		}
		mark = page;
		(void)pthread_atfork(NULL, NULL, fork_mark_clear);
	}
	*mark = 1;
}

int process_is(pid_t pid)
{
	if (mark != NULL)
		return *mark != 0;
	return pid == getpid();
}
