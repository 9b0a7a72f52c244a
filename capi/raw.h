/*
 * raw.h: system calls as workers make them. On amd64 and arm64 they do not pass
 * through the C library, since a worker there is a thread that the C library
 * does not know (worker.c): it has no errno and nothing else of a thread's own.
 * All return a negative errno where they fail.
 *
 * DBOX_RAW is 1 where that is so. Elsewhere, and under sanitizers, which must
 * know each thread and want to see what calls write to memory, workers are POSIX
 * threads and the calls are the C library's.
 */
#ifndef DBOX_RAW_H
#define DBOX_RAW_H

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__has_feature)
#  if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
	__has_feature(thread_sanitizer)
#    define DBOX_SANITIZED
#  endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#  define DBOX_SANITIZED
#endif

#if (defined(__x86_64__) || defined(__aarch64__)) && defined(__LP64__) && \
	!defined(DBOX_SANITIZED)
#  define DBOX_RAW 1
#else
#  define DBOX_RAW 0
#endif

#if DBOX_RAW

#ifdef __x86_64__
static inline long raw_call6(long number, long a, long b, long c, long d,
			     long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall" : "=a" (ret)
			 : "a" (number), "D" (a), "S" (b), "d" (c), "r" (r10),
			   "r" (r8), "r" (r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#else
static inline long raw_call6(long number, long a, long b, long c, long d,
			     long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0" : "+r" (x0)
			 : "r" (x8), "r" (x1), "r" (x2), "r" (x3), "r" (x4),
			   "r" (x5)
			 : "memory");
	return x0;
}
#endif

#else

static inline long raw_call6(long number, long a, long b, long c, long d,
			     long e, long f)
{
	const long ret = syscall(number, a, b, c, d, e, f);

	return ret < 0 ? -errno : ret;
}

#endif

static inline long raw_call(long number, long a, long b, long c, long d, long e)
{
	return raw_call6(number, a, b, c, d, e, 0);
}

static inline long raw_open(const char *path, int flags)
{
#if DBOX_RAW
	return raw_call(SYS_openat, AT_FDCWD, (long)path, flags, 0, 0);
#else
	const int ret = open(path, flags);

	return ret < 0 ? -errno : ret;
#endif
}

static inline long raw_pread(int fd, void *buf, size_t size, uint64_t offset)
{
#if DBOX_RAW
	return raw_call(SYS_pread64, fd, (long)buf, (long)size, (long)offset,
			0);
#else
	const ssize_t ret = pread(fd, buf, size, (off_t)offset);

	return ret < 0 ? -errno : ret;
#endif
}

static inline long raw_statx(int fd, unsigned int mask, void *buf)
{
#if DBOX_RAW
	return raw_call(SYS_statx, fd, (long)"", AT_EMPTY_PATH, mask,
			(long)buf);
#else
	return statx(fd, "", AT_EMPTY_PATH, mask, buf) < 0 ? -errno : 0;
#endif
}

static inline long raw_fstat(int fd, struct stat *st)
{
#if DBOX_RAW
	return raw_call(SYS_fstat, fd, (long)st, 0, 0, 0);
#else
	return fstat(fd, st) < 0 ? -errno : 0;
#endif
}

/* The descriptor is free whatever this returns: never to be tried again. */
static inline void raw_close(int fd)
{
	(void)raw_call(SYS_close, fd, 0, 0, 0, 0);
}

static inline void raw_write(int fd, const void *data, size_t size)
{
	(void)raw_call(SYS_write, fd, (long)data, (long)size, 0, 0);
}

/* Waits while *word is value; timeout can be NULL. */
static inline long raw_futex_wait(uint32_t *word, uint32_t value,
				  const struct timespec *timeout)
{
	return raw_call(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, (long)value,
			(long)timeout, 0);
}

static inline void raw_futex_wake(uint32_t *word, int count)
{
	(void)raw_call(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, count, 0, 0);
}

/* Blocks all signals, even that of the C library's setuid(), which its own
   functions never do. Returns what raw_signals_restore() needs. */
static inline uint64_t raw_signals_block(void)
{
	const uint64_t all = ~(uint64_t)0;
	uint64_t old = 0;

	(void)raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&old,
		       sizeof(old), 0);
	return old;
}

static inline void raw_signals_restore(uint64_t old)
{
	(void)raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&old, 0,
		       sizeof(old), 0);
}

static inline void raw_unmap(void *address, size_t size)
{
	(void)raw_call(SYS_munmap, (long)address, (long)size, 0, 0, 0);
}

#endif
