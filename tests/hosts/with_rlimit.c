/*
 * with_rlimit as|data|nofile|nproc|memlock VALUE COMMAND...: runs a command under a
 * soft resource limit. VALUE may end with K, M or G.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "as", RLIMIT_AS },
	{ "data", RLIMIT_DATA },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "memlock", RLIMIT_MEMLOCK },
};

int main(int argc, char *argv[])
{
	struct rlimit rlim;
	rlim_t value;
	size_t i;
	char *end;

	if (argc < 4) {
		fputs("usage: with_rlimit as|data|nofile|nproc|memlock "
		      "VALUE COMMAND...\n", stderr);
		return 2;
	}
	value = strtoull(argv[2], &end, 10);
	switch (*end) {
	case 'G':
		value *= 1024;
		/* fall through */
	case 'M':
		value *= 1024;
		/* fall through */
	case 'K':
		value *= 1024;
	}
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (strcmp(argv[1], limits[i].name) != 0)
			continue;
		if (getrlimit(limits[i].resource, &rlim) < 0)
			break;
		rlim.rlim_cur = value;
		if (setrlimit(limits[i].resource, &rlim) < 0)
			break;
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		return 127;
	}
	perror(argv[1]);
	return 2;
}
