/* measure.c: time, CPU, memory, system calls, of this process. */
#define _GNU_SOURCE
#include <err.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"

#define TRACEPOINT_ID "events/raw_syscalls/sys_enter/id"

uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t timeval_us(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000 + (uint64_t)tv->tv_usec;
}

void usage_get(struct usage *usage_r)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	usage_r->user_us = timeval_us(&usage.ru_utime);
	usage_r->system_us = timeval_us(&usage.ru_stime);
	usage_r->switches = (uint64_t)usage.ru_nvcsw;
	usage_r->preemptions = (uint64_t)usage.ru_nivcsw;
}

static uint64_t memory_field(const char *field)
{
	const size_t length = strlen(field);
	uint64_t value = 0;
	char line[256];
	FILE *file = fopen("/proc/self/status", "re");

	if (file == NULL)
		err(1, "/proc/self/status");
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, field, length) == 0)
			value = strtoull(line + length, NULL, 10) << 10;
	}
	fclose(file);
	return value;
}

uint64_t memory_resident(void)
{
	return memory_field("VmRSS:");
}

uint64_t memory_peak(void)
{
	return memory_field("VmHWM:");
}

void memory_reset_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "we");

	if (file == NULL)
		return;
	fputs("5", file);
	fclose(file);
}

static int id_read(const char *dir)
{
	char path[256];
	FILE *file;
	int id = -1;

	snprintf(path, sizeof(path), "%s/%s", dir, TRACEPOINT_ID);
	file = fopen(path, "re");
	if (file == NULL)
		return -1;
	if (fscanf(file, "%d", &id) != 1)
		id = -1;
	fclose(file);
	return id;
}

/* The id is in tracefs. Where nobody has mounted it, it is mounted for a moment
   where nobody else can see it. */
static void id_find(const void *arg, void *data)
{
	char dir[] = "/tmp/bench-tracefs.XXXXXX";
	int *id = data;

	(void)arg;
	if ((*id = id_read("/sys/kernel/tracing")) != -1 ||
	    unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mkdtemp(dir) == NULL)
		return;
	if (mount("none", dir, "tracefs", 0, NULL) == 0) {
		*id = id_read(dir);
		umount2(dir, MNT_DETACH);
	}
	rmdir(dir);
}

int calls_open(const char **reason_r)
{
	struct perf_event_attr attr;
	static int id;
	long fd;

	if (id == 0)
		child_call(id_find, NULL, &id, sizeof(id));
	if (id < 0) {
		*reason_r = "the tracepoint raw_syscalls:sys_enter can't be "
			"had (no root, or no tracefs)";
		return -1;
	}
	memset(&attr, 0, sizeof(attr));
	attr.size = sizeof(attr);
	attr.type = PERF_TYPE_TRACEPOINT;
	attr.config = (uint64_t)id;
	attr.inherit = 1;
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1,
		     PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		*reason_r = "perf_event_open is not allowed";
	return (int)fd;
}

uint64_t calls_read(int fd)
{
	uint64_t value = 0;

	if (read(fd, &value, sizeof(value)) != sizeof(value))
		err(1, "perf event");
	return value;
}

void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		err(1, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		err(1, "setrlimit");
}
