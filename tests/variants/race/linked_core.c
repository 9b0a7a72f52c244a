/*
 * linked_core.c: takes the place of lib/load.c in programs that the core is
 * linked to, for tools that it can't be loaded under. Its runtime starts with
 * the process, so what load.c is there for can't be tested in them: forking
 * first, and starting late.
 */
#include "lib/front.h"

#include <unistd.h>

#define CALL(name) .name = dbox_core_##name
struct core_calls core = {
	CALL(version), CALL(init), CALL(submit), CALL(dispatch), CALL(take),
	CALL(cancel), CALL(cancel_stream), CALL(file_open), CALL(file_close),
	CALL(close_fd), CALL(stats), CALL(shutdown), CALL(free)
};

static pid_t pid;

__attribute__((constructor)) static void process_note(void)
{
	pid = getpid();
	signals_init();
}

int core_load(void)
{
	static int checked;
	int ret;

	if (getpid() != pid)
		return error_set(DBOX_AIO_EFORKED,
				 "the Go runtime is the parent process's");
	if (!__atomic_load_n(&checked, __ATOMIC_ACQUIRE)) {
		if ((ret = limits_check()) < 0)
			return ret;
		__atomic_store_n(&checked, 1, __ATOMIC_RELEASE);
	}
	return 0;
}
