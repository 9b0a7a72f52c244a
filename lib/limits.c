/*
 * limits.c: resource limits that the Go runtime dies of when it meets them.
 * They are looked at before it is loaded.
 */
#include "front.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* What the runtime reserves while it loads, with its first threads: 1.6 GB
   were measured. */
#define ADDRESS_SPACE_NEEDED ((size_t)1792 * 1024 * 1024)

/* What of that is written to, without the threads' stacks. */
#define DATA_NEEDED ((size_t)64 * 1024 * 1024)

/* Threads of the runtime, and a reserve for its first blocking calls. */
#define THREADS_NEEDED 12

/* The runtime's epoll descriptor, its eventfd, two files of the cgroup, the
   core itself while it is mapped, and a few to spare. */
#define DESCRIPTORS_NEEDED 10

/* Bytes of address space in use, or 0 where /proc is not there. */
static uint64_t address_space_used(void)
{
	unsigned long long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file == NULL)
		return 0;
	if (fscanf(file, "%llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int address_space_check(void)
{
	const unsigned int mib = 1024 * 1024;
	struct rlimit limit;
	void *probe;

	/* Asking the kernel is surer than sums over what it has counted. */
	probe = mmap(NULL, ADDRESS_SPACE_NEEDED, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (probe != MAP_FAILED) {
		(void)munmap(probe, ADDRESS_SPACE_NEEDED);
		return 0;
	}
	if (getrlimit(RLIMIT_AS, &limit) < 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return error_format(DBOX_AIO_ELIMIT,
			"no %zu MiB of address space are free for the core: %s",
			ADDRESS_SPACE_NEEDED / mib, strerror(errno));
	return error_format(DBOX_AIO_ELIMIT,
		"the limit of the address space is %llu MiB, and the core "
		"needs %llu MiB: raise RLIMIT_AS (ulimit -v; in Dovecot the "
		"service's vsz_limit) or remove it",
		(unsigned long long)limit.rlim_cur / mib,
		(unsigned long long)(address_space_used() +
				     ADDRESS_SPACE_NEEDED) / mib);
}

/* What is written to, stacks of threads included, which is all that RLIMIT_DATA
   counts: Linux looks at what is mapped, not at what is used. */
static int data_check(void)
{
	const unsigned int mib = 1024 * 1024;
	struct rlimit limit;
	pthread_attr_t attr;
	size_t stack = 0, needed;
	void *probe;

	if (getrlimit(RLIMIT_DATA, &limit) < 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return 0;
	if (pthread_attr_init(&attr) == 0) {
		(void)pthread_attr_getstacksize(&attr, &stack);
		pthread_attr_destroy(&attr);
	}
	needed = DATA_NEEDED + THREADS_NEEDED * stack;
	probe = mmap(NULL, needed, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (probe != MAP_FAILED) {
		(void)munmap(probe, needed);
		return 0;
	}
	return error_format(DBOX_AIO_ELIMIT,
		"the limit of data is %llu MiB, and the core needs %llu MiB "
		"more than the program has now: raise RLIMIT_DATA (ulimit -d; "
		"systemd: LimitDATA) or remove it",
		(unsigned long long)limit.rlim_cur / mib,
		(unsigned long long)needed / mib);
}

static void *thread_stay(void *gate)
{
	pthread_mutex_lock(gate);
	pthread_mutex_unlock(gate);
	return NULL;
}

static int threads_check(void)
{
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	pthread_t threads[THREADS_NEEDED];
	int i, count, error = 0;

	pthread_mutex_lock(&gate);
	for (count = 0; count < THREADS_NEEDED; count++) {
		error = thread_create(&threads[count], 0, thread_stay, &gate);
		if (error != 0)
			break;
	}
	pthread_mutex_unlock(&gate);
	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	if (count == THREADS_NEEDED)
		return 0;
	return error_format(DBOX_AIO_ELIMIT,
		"only %d of the %d threads that the core needs can be started "
		"(%s): raise RLIMIT_NPROC (ulimit -u) or the pids.max of the "
		"cgroup (systemd: TasksMax)",
		count, THREADS_NEEDED, strerror(error));
}

static int descriptors_check(void)
{
	int fds[DESCRIPTORS_NEEDED];
	int i, count, error = 0;

	for (count = 0; count < DESCRIPTORS_NEEDED; count++) {
		fds[count] = count == 0 ? eventfd(0, EFD_CLOEXEC) :
			fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
		if (fds[count] < 0) {
			error = errno;
			break;
		}
	}
	for (i = 0; i < count; i++)
		(void)close(fds[i]);
	if (count == DESCRIPTORS_NEEDED)
		return 0;
	return error_format(DBOX_AIO_EMFILE,
		"only %d of the %d descriptors that the core needs at first "
		"are free (%s): raise RLIMIT_NOFILE (ulimit -n)",
		count, DESCRIPTORS_NEEDED, strerror(error));
}

/* A runtime that is refused one of these ends the process. */
static int calls_check(void)
{
	const char *call = NULL;
	stack_t stack;
	int fd;

	if (sigaltstack(NULL, &stack) < 0)
		call = "sigaltstack";
	else if ((fd = epoll_create1(EPOLL_CLOEXEC)) >= 0)
		(void)close(fd);
	else if (errno != EMFILE && errno != ENFILE) /* said below */
		call = "epoll_create1";
	if (call == NULL)
		return 0;
	return error_format(DBOX_AIO_ENOCORE,
		"the core can't do without %s (%s): allow it in the seccomp "
		"filter of the process", call, strerror(errno));
}

int limits_check(void)
{
	int ret;

	if ((ret = address_space_check()) < 0 ||
	    (ret = data_check()) < 0 ||
	    (ret = calls_check()) < 0 ||
	    (ret = descriptors_check()) < 0)
		return ret;
	return threads_check();
}
