/*
 * main.c: compares ways to read dbox messages, and measures what else the
 * library has to keep to. Figures go to CSV files, which report/ makes a table
 * and charts of.
 */
#define _GNU_SOURCE
#include <dbox_aio.h>
#include <err.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <uv.h>
#include "bench.h"

#ifndef LIBURING_VERSION
#define LIBURING_VERSION "unknown"
#endif

static void usage(void)
{
	fprintf(stderr,
"usage: bench [options] DIR PREFIX\n"
"  DIR       has a store by mkstore, and gets others\n"
"  PREFIX    of the CSV files\n"
"  -q        quick: fewer cases and rounds\n"
"  -g        only what bench-guard compares\n"
"  -r N      rounds of each case\n"
"  -c NAME   only cases with this in their names, e.g. 'sdbox warm 100'\n"
"  -p NAME   only this peer, e.g. library\n"
"  -s NAME   only special measurements with this in their names\n");
	exit(2);
}

static void cpu_model(char *buf, size_t size)
{
	char line[256], *value;
	FILE *file = fopen("/proc/cpuinfo", "re");

	snprintf(buf, size, "unknown CPU");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		value = strstr(line, ": ");
		if (strncmp(line, "model name", 10) == 0 && value != NULL) {
			value[strcspn(value, "\n")] = '\0';
			snprintf(buf, size, "%s", value + 2);
			break;
		}
	}
	if (file != NULL)
		fclose(file);
}

/* What the figures were measured on, as comments of the CSV. */
static void machine_write(FILE *file)
{
	struct utsname name;
	char cpu[256];
	const char *reason = NULL;
	int fd, major, minor, patch;

	uname(&name);
	cpu_model(cpu, sizeof(cpu));
	dbox_aio_version(&major, &minor, &patch);
	fprintf(file, "# machine: %s, %ld cores, %.0f GB of memory\n", cpu,
		sysconf(_SC_NPROCESSORS_ONLN),
		(double)sysconf(_SC_PHYS_PAGES) *
		(double)sysconf(_SC_PAGESIZE) / 1e9);
	fprintf(file, "# kernel: %s %.*s\n", name.sysname,
		(int)strspn(name.release, "0123456789."), name.release);
	fprintf(file, "# versions: libdbox_aio %d.%d.%d, gcc %s, "
		"liburing %s, libuv %s\n", major, minor, patch, __VERSION__,
		LIBURING_VERSION, uv_version_string());
	fd = calls_open(&reason);
	if (fd < 0)
		fprintf(file, "# calls: not counted: %s\n", reason);
	else
		close(fd);
}

static FILE *create(const char *prefix, const char *what)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s-%s.csv", prefix, what);
	file = fopen(path, "we");
	if (file == NULL)
		err(1, "%s", path);
	machine_write(file);
	return file;
}

int main(int argc, char **argv)
{
	struct run run = { .rounds_count = 0 };
	const char *special = NULL;
	int c;

	while ((c = getopt(argc, argv, "qgr:c:p:s:")) != -1) {
		switch (c) {
		case 'q': run.quick = 1; break;
		case 'g': run.quick = run.guard = 1; break;
		case 'r': run.rounds_count = (unsigned int)atoi(optarg); break;
		case 'c': run.only = optarg; break;
		case 'p': run.peer = optarg; break;
		case 's': special = optarg; break;
		default: usage();
		}
	}
	if (optind + 2 != argc)
		usage();
	run.dir = argv[optind];
	if (run.rounds_count == 0)
		run.rounds_count = run.quick ? 5 : 11;
	if (run.rounds_count > MAX_ROUNDS)
		usage();
	raise_descriptors();

	run.rounds = create(argv[optind + 1], "rounds");
	if (special == NULL)
		cases_run(&run);
	run.specials = create(argv[optind + 1], "specials");
	if (!run.guard && run.only == NULL)
		specials_run(&run, special);
	if (fclose(run.rounds) != 0 || fclose(run.specials) != 0)
		err(1, "%s", argv[optind + 1]);
	return 0;
}
