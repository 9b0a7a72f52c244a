/*
 * load.c: loads the core, once for each process and as late as possible: a
 * daemon links first and forks later, and a Go runtime does not survive that.
 */
#define _GNU_SOURCE
#include "front.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define CORE_NAME "libdbox_aio_core.so.1"

struct core_calls core;

/* The process that is loading, or 0. A lock that a forked child can see to be
   its parent's: a mutex that another thread held would stay locked there. */
static pid_t load_owner;
/* The process whose Go runtime it is, or 0: none is loaded. */
static pid_t load_pid;
/* core is filled, and of the right version. */
static int load_done;

static const struct {
	const char *name;
	size_t offset;
} core_symbols[] = {
#define SYMBOL(name) \
	{ "dbox_core_" #name, offsetof(struct core_calls, name) }
	SYMBOL(version), SYMBOL(init), SYMBOL(submit), SYMBOL(dispatch),
	SYMBOL(take), SYMBOL(cancel), SYMBOL(cancel_stream),
	SYMBOL(file_open), SYMBOL(file_close), SYMBOL(close_fd),
	SYMBOL(stats), SYMBOL(shutdown), SYMBOL(free)
#undef SYMBOL
};

static int load_forked(void)
{
	return error_set(DBOX_AIO_EFORKED,
		"the parent process has called dbox_aio_init, and its Go "
		"runtime is dead in a forked child: fork before the first "
		"dbox_aio_init");
}

/* The core lies beside the file that this code is in. */
static int core_path(char *path_r)
{
	char origin[PATH_MAX], file[PATH_MAX];
	const char *name;
	void *self = NULL;
	Dl_info info;
	char *slash;

	/* Where it was when it was loaded: a daemon changes its directory
	   later, and the name can be a relative one. */
	if (dladdr1((const void *)&core_symbols, &info, &self,
		    RTLD_DL_LINKMAP) == 0 ||
	    info.dli_fname == NULL || self == NULL ||
	    dlinfo(self, RTLD_DI_ORIGIN, origin) < 0)
		return error_set(DBOX_AIO_ENOCORE,
			"can't find where libdbox_aio.so.1 was loaded from");
	name = strrchr(info.dli_fname, '/');
	name = name == NULL ? info.dli_fname : name + 1;
	if (snprintf(file, sizeof(file), "%s/%s", origin, name) >=
	    (int)sizeof(file))
		return error_format(DBOX_AIO_ENOCORE, "%s: path is too long",
				    origin);
	if (realpath(file, path_r) == NULL)
		return error_format(DBOX_AIO_ENOCORE,
			"can't resolve the path of %s: %s", file,
			strerror(errno));
	slash = strrchr(path_r, '/');
	if (slash + 1 + sizeof(CORE_NAME) > path_r + PATH_MAX)
		return error_format(DBOX_AIO_ENOCORE, "%s: path is too long",
				    path_r);
	memcpy(slash + 1, CORE_NAME, sizeof(CORE_NAME));
	return 0;
}

/* Has the Go runtime start. Until then the core is a library like others, which
   a forked child can go on with. */
static int core_begin(void *library)
{
	int (*begin)(void);
	void *symbol = dlsym(library, "dbox_core_begin");
	int ret;

	if (symbol == NULL)
		return 0; /* another version: that is said below */
	memcpy(&begin, &symbol, sizeof(symbol));
	ret = begin();
	if (ret > 0)
		return error_format(DBOX_AIO_ELIMIT,
			"the threads that the core needs can't be created "
			"(%s): raise RLIMIT_NPROC (ulimit -u), the pids.max of "
			"the cgroup (systemd: TasksMax), or what limits the "
			"memory of the process", strerror(ret));
	if (ret < 0)
		return error_set(DBOX_AIO_ENOMEM,
			"the core was half loaded when the memory was used up, "
			"and this process can't load it again: restart it");
	return 0;
}

static int core_open(const char *path)
{
	struct core_calls calls;
	const char *version;
	void *library, *symbol;
	size_t i;
	int ret;

	errno = 0;
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (library == NULL)
		return error_format(errno == ENOMEM ? DBOX_AIO_ENOMEM :
				    DBOX_AIO_ENOCORE,
			"can't load the core, which is to be installed beside "
			"libdbox_aio.so.1: %s", dlerror());
	if ((ret = core_begin(library)) < 0)
		return ret;
	__atomic_store_n(&load_pid, getpid(), __ATOMIC_RELEASE);

	for (i = 0; i < sizeof(core_symbols) / sizeof(core_symbols[0]); i++) {
		symbol = dlsym(library, core_symbols[i].name);
		if (symbol == NULL)
			return error_format(DBOX_AIO_ENOCORE,
				"%s is not the core of this version: %s",
				path, dlerror());
		memcpy((char *)&calls + core_symbols[i].offset, &symbol,
		       sizeof(symbol));
	}
	/* It waits until the runtime has started. */
	version = calls.version();
	if (strcmp(version, DBOX_AIO_VERSION) != 0)
		return error_format(DBOX_AIO_ENOCORE,
			"%s is version %s, but libdbox_aio.so.1 is version "
			DBOX_AIO_VERSION ": install both from the same build",
			path, version);
	fork_mark_set();
	core = calls;
	return 0;
}

static int core_load_locked(void)
{
	char path[PATH_MAX];
	struct signals_saved saved;
	struct rlimit files;
	sigset_t old;
	int ret;

	if ((ret = core_path(path)) < 0)
		return ret;
	signals_init();
	signals_save(&saved);
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		files.rlim_cur = files.rlim_max = 0;
	/* All threads that begin here inherit the mask for ever. */
	core_enter(&old);
	if (__atomic_load_n(&load_pid, __ATOMIC_ACQUIRE) == 0)
		ret = limits_check();
	if (ret == 0)
		ret = core_open(path);
	signals_restore(&saved);
	/* Go's package os raises the soft limit to the hard one. The host has
	   its reasons: select(), or a table as large as the limit. */
	if (files.rlim_max != 0)
		(void)setrlimit(RLIMIT_NOFILE, &files);
	core_leave(&old);
	return ret;
}

int core_load(void)
{
	const struct timespec pause = { 0, 1000000 };
	const pid_t pid = getpid();
	pid_t owner;
	int ret = 0;

	for (;;) {
		owner = __atomic_load_n(&load_pid, __ATOMIC_ACQUIRE);
		if (owner != 0 && owner != pid)
			return load_forked();
		if (__atomic_load_n(&load_done, __ATOMIC_ACQUIRE))
			return 0;
		owner = 0;
		if (__atomic_compare_exchange_n(&load_owner, &owner, pid, 0,
						__ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			break;
		if (owner != pid)
			return load_forked();
		(void)nanosleep(&pause, NULL);
	}
	if (!__atomic_load_n(&load_done, __ATOMIC_ACQUIRE)) {
		ret = core_load_locked();
		if (ret == 0)
			__atomic_store_n(&load_done, 1, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&load_owner, 0, __ATOMIC_RELEASE);
	return ret;
}
