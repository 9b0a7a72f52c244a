/*
 * worker.c: makes the threads that wait for storage. They are made by clone(2)
 * itself, so the C library does not know them. It has each thread that it knows
 * take part in setuid(), setgid(), setgroups() and their like, by a signal that
 * one which waits for FUSE or NFS does not take: the host would wait with it.
 *
 * So nothing may run on them that needs what the C library gives to its threads:
 * errno, cancellation, malloc(), locks. They have a block for thread-local
 * variables all the same, of zeros: a stack protector reads its canary there.
 *
 * All signals are blocked on them, before they begin.
 */
#define _GNU_SOURCE
#include "crew.h"
#include "raw.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#define WORKER_STACK_SIZE (64 * 1024)

/*
 * POSIX threads
 */

static void *posix_main(void *context)
{
	crew_work(context);
	return NULL;
}

static int posix_start(struct crew *crew)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	size_t size = WORKER_STACK_SIZE;
	int ret;

	if (size < (size_t)PTHREAD_STACK_MIN)
		size = (size_t)PTHREAD_STACK_MIN;
	ret = pthread_attr_init(&attr);
	if (ret != 0)
		return ret;
	(void)pthread_attr_setstacksize(&attr, size);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* None of the host's handlers may run there. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&thread, &attr, posix_main, crew);
	if (ret == EINVAL) {
		/* The host's thread-local variables lie on the stack too. */
		size = 8 * 1024 * 1024;
		(void)pthread_attr_setstacksize(&attr, size);
		ret = pthread_create(&thread, &attr, posix_main, crew);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return ret;
}

#if DBOX_RAW

/*
 * Threads of the kernel alone
 */

#define WORKER_TLS_SIZE 4096

/* At the upper end of a worker's mapping: a guard, the stack, this. */
struct worker {
	struct crew *crew;
	char *mapping;
	size_t mapping_size;
	uint32_t tid;
	char tls[WORKER_TLS_SIZE] __attribute__((aligned(64)));
};

/* Exactly those of the C library's own threads: there are filters of system
   calls that know these only. */
#define WORKER_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | \
	CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID | \
	CLONE_CHILD_CLEARTID)

/* Gives the stack back that it runs on, and ends the thread. */
static inline void __attribute__((noreturn))
worker_exit(void *mapping, size_t size)
{
#ifdef __x86_64__
	__asm__ volatile("syscall\n\t"
			 "xorl %%edi, %%edi\n\t"
			 "movl %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "ud2"
			 : : "a" (SYS_munmap), "D" (mapping), "S" (size),
			     [exit] "i" (SYS_exit)
			 : "rcx", "r11", "memory");
#else
	register long x8 __asm__("x8") = SYS_munmap;
	register void *x0 __asm__("x0") = mapping;
	register size_t x1 __asm__("x1") = size;

	__asm__ volatile("svc #0\n\t"
			 "mov x0, #0\n\t"
			 "mov x8, %[exit]\n\t"
			 "svc #0\n\t"
			 "brk #1"
			 : : "r" (x8), "r" (x0), "r" (x1), [exit] "i" (SYS_exit)
			 : "memory");
#endif
	__builtin_unreachable();
}

static void __attribute__((noreturn)) worker_main(struct worker *worker)
{
	char *mapping = worker->mapping;
	size_t size = worker->mapping_size;

	crew_work(worker->crew);
	/* The kernel would write a 0 there when the thread has ended. */
	(void)raw_call(SYS_set_tid_address, 0, 0, 0, 0, 0);
	worker_exit(mapping, size);
}

/* clone(2), with the new thread in worker_main(). A negative errno. */
static long worker_clone(struct worker *worker, void *stack, void *tls)
{
#ifdef __x86_64__
	register void *ctid __asm__("r10") = &worker->tid;
	register void *r8 __asm__("r8") = tls;
	register void (*begin)(struct worker *) __asm__("r12") = worker_main;
	register struct worker *argument __asm__("r13") = worker;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "testq %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 /* no frame above this one */
			 "xorl %%ebp, %%ebp\n\t"
			 "movq %%r13, %%rdi\n\t"
			 "callq *%%r12\n\t"
			 "ud2\n"
			 "1:"
			 : "=a" (ret)
			 : "a" (SYS_clone), "D" (WORKER_FLAGS), "S" (stack),
			   "d" (&worker->tid), "r" (ctid), "r" (r8),
			   "r" (begin), "r" (argument)
			 : "rcx", "r11", "memory");
	return ret;
#else
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = WORKER_FLAGS;
	register void *x1 __asm__("x1") = stack;
	register void *x2 __asm__("x2") = &worker->tid;
	register void *x3 __asm__("x3") = tls;
	register void *x4 __asm__("x4") = &worker->tid;
	register void (*begin)(struct worker *) __asm__("x20") = worker_main;
	register struct worker *argument __asm__("x21") = worker;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x30, xzr\n\t"
			 "mov x0, x21\n\t"
			 "blr x20\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r" (x0)
			 : "r" (x8), "r" (x1), "r" (x2), "r" (x3), "r" (x4),
			   "r" (begin), "r" (argument)
			 : "memory");
	return x0;
#endif
}

static struct worker *worker_map(size_t guard)
{
	const size_t size = guard + WORKER_STACK_SIZE;
	struct worker *worker;
	char *mapping;
	long ret;

	ret = raw_call6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (ret < 0)
		return NULL;
	mapping = (char *)ret;
	if (raw_call(SYS_mprotect, (long)mapping, (long)guard, PROT_NONE, 0,
		     0) < 0) {
		raw_unmap(mapping, size);
		return NULL;
	}
	/* A forked child has no worker. */
	(void)raw_call(SYS_madvise, (long)mapping, (long)size, MADV_DONTFORK,
		       0, 0);
	worker = (struct worker *)(void *)(mapping + size - sizeof(*worker));
	worker->mapping = mapping;
	worker->mapping_size = size;
	return worker;
}

/* With all signals blocked, even that of setuid(): the rights that are looked
   at are those that the new thread gets. */
static int raw_start(struct crew *crew, struct creds *now_r)
{
	struct worker *worker = worker_map(crew->page_size);
	uint64_t signals;
	long ret = 0;
	char *tls;

	if (worker == NULL)
		return ENOMEM;
	worker->crew = crew;
	/* Thread-local variables lie below it on amd64, above it on arm64. */
	tls = worker->tls + WORKER_TLS_SIZE / 2;
	*(void **)(void *)tls = tls;
	signals = raw_signals_block();
	if (now_r != NULL) {
		creds_read(now_r);
		if (!creds_same(now_r, &crew->creds))
			ret = -ESTALE;
	}
	if (ret == 0)
		ret = worker_clone(worker, worker, tls);
	raw_signals_restore(signals);
	if (ret > 0)
		return 0;
	raw_unmap(worker->mapping, worker->mapping_size);
	return (int)-ret;
}

int worker_start(struct crew *crew, struct creds *now_r)
{
	return crew->options.posix ? posix_start(crew) :
		raw_start(crew, now_r);
}

#else

int worker_start(struct crew *crew, struct creds *now_r)
{
	(void)now_r;
	return posix_start(crew);
}

#endif
