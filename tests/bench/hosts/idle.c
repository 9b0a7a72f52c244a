/* idle.c: what both hosts measure of themselves. */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "idle.h"

static unsigned long field(const char *path, const char *name)
{
	char line[256];
	unsigned long value = 0;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtoul(line + strlen(name), NULL, 10);
	}
	fclose(file);
	return value;
}

void idle_memory(void)
{
	printf("%lu ", field("/proc/self/status", "VmRSS:"));
}

/* Each wait of a thread that ends is one more voluntary switch. */
static unsigned long switches(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned long sum = 0;
	char path[512];

	if (dir == NULL)
		err(1, "/proc/self/task");
	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/status",
			 entry->d_name);
		if (entry->d_name[0] != '.')
			sum += field(path, "voluntary_ctxt_switches:");
	}
	closedir(dir);
	return sum;
}

void idle_wakeups(unsigned int seconds)
{
	unsigned long before;

	sleep(1);
	before = switches();
	sleep(seconds);
	/* this thread's own wait is one of them */
	printf("%lu\n", switches() - before - 1);
}
