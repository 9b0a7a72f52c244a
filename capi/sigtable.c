/*
 * Go's threads take SIGCHLD, SIGPROF, SIGSTKFLT and the first real-time signal
 * whatever mask they inherit: the runtime unblocks on each of its threads the
 * signals that its table marks so (sigtab_linux_generic.go, minitSignalMask).
 * A host's handler would then run on a Go thread whenever the host's own
 * threads have the signal blocked. So the marks are taken away before the
 * runtime starts its first thread: this constructor runs before Go's.
 *
 * The table has no name that C could link to. It is looked for in this
 * library's own data by what it must contain, and changed only if all of that
 * is there; else the tests find that Go's threads take signals.
 */
#define _GNU_SOURCE
#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GO_SIG_UNBLOCK 0x80
#define GO_SIGNAL_COUNT 65

/* runtime.sigTabT */
struct go_signal {
	int32_t flags;
	const char *name;
	intptr_t name_length;
};

struct module {
	uintptr_t start, end;           /* of all its segments */
	uintptr_t data_start, data_end; /* of the one that can be written */
};

static int module_find(struct dl_phdr_info *info, size_t size, void *context)
{
	struct module *module = context;
	struct module found = { UINTPTR_MAX, 0, 0, 0 };
	uintptr_t self = (uintptr_t)&module_find, start, end;
	int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type != PT_LOAD)
			continue;
		start = info->dlpi_addr + segment->p_vaddr;
		end = start + segment->p_memsz;
		if (start < found.start)
			found.start = start;
		if (end > found.end)
			found.end = end;
		if ((segment->p_flags & PF_W) != 0) {
			found.data_start = start;
			found.data_end = start + segment->p_filesz;
		}
	}
	if (self < found.start || self >= found.end)
		return 0;
	*module = found;
	return 1;
}

static bool signal_is(const struct module *module,
		      const struct go_signal *signal, const char *name)
{
	uintptr_t at = (uintptr_t)signal->name;
	size_t length = strlen(name);

	return signal->name_length >= (intptr_t)length &&
		signal->name_length < 100 &&
		at >= module->start && at < module->end &&
		module->end - at > (uintptr_t)signal->name_length &&
		memcmp(signal->name, name, length) == 0;
}

static struct go_signal *table_find(const struct module *module)
{
	const size_t size = GO_SIGNAL_COUNT * sizeof(struct go_signal);
	struct go_signal *table;
	uintptr_t at;

	if (module->data_end - module->data_start < size)
		return NULL;
	at = (module->data_start + 7) & ~(uintptr_t)7;
	for (; at <= module->data_end - size; at += 8) {
		table = (struct go_signal *)at;
		if (signal_is(module, &table[SIGHUP], "SIGHUP:") &&
		    signal_is(module, &table[SIGSTKFLT], "SIGSTKFLT:") &&
		    signal_is(module, &table[SIGCHLD], "SIGCHLD:") &&
		    signal_is(module, &table[SIGPROF], "SIGPROF:") &&
		    signal_is(module, &table[64], "signal 64"))
			return table;
	}
	return NULL;
}

__attribute__((constructor(101))) static void signals_keep_blocked(void)
{
	/* 32 and 33 are glibc's own and must stay; 34 is only musl's */
	static const int signals[] = { SIGSTKFLT, SIGCHLD, SIGPROF, 34 };
	struct module module = { 0, 0, 0, 0 };
	struct go_signal *table;
	size_t i;

	if (dl_iterate_phdr(module_find, &module) == 0)
		return;
	table = table_find(&module);
	if (table == NULL)
		return;
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		table[signals[i]].flags &= ~GO_SIG_UNBLOCK;
}
