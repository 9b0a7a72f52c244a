/* special_idle.c: hosts that do nothing (hosts/): their resident memory, and how
   often they wake up. */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include "bench.h"

static const struct {
	const char *name, *command;
} hosts[] = {
	{ "L1", "build/bench/host-uring" },
	{ "library", "build/bench/host-library uring" },
	{ "threads", "build/bench/host-library threads" },
};
#define HOSTS (sizeof(hosts) / sizeof(hosts[0]))

void special_idle(const struct run *run)
{
	const unsigned int seconds = run->quick ? 5 : 10;
	unsigned int memory, wakeups, i, round;
	struct store store;
	FILE *pipes[HOSTS];
	char command[4096];

	store_sdbox(run, &store);
	for (round = 1; round <= (run->quick ? 1 : 3); round++) {
		for (i = 0; i < HOSTS; i++) {
			snprintf(command, sizeof(command), "exec %s %u %s",
				 hosts[i].command, seconds,
				 store.messages[0].path);
			pipes[i] = popen(command, "re");
			if (pipes[i] == NULL)
				err(1, "%s", command);
		}
		for (i = 0; i < HOSTS; i++) {
			if (fscanf(pipes[i], "%u %u", &memory, &wakeups) != 2)
				errx(1, "%s failed", hosts[i].command);
			pclose(pipes[i]);
			special_row(run, "idle_memory_kb", hosts[i].name,
				    round, memory);
			special_row(run, "idle_wakeups_10s", hosts[i].name,
				    round, (double)wakeups * 10 / seconds);
		}
	}
}
