#include "soak.h"

#define FIGURES_MAX 4096
/* Allocators do not give back all at once. */
#define RSS_SLACK_KB (8 * 1024)

static unsigned long rss_kb[FIGURES_MAX];
static unsigned int count;

static unsigned long rss_now_kb(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long size, resident;

	CHECK(f != NULL);
	CHECK_EQ(fscanf(f, "%lu %lu", &size, &resident), 2);
	fclose(f);
	return resident * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

void figures_note(unsigned int second)
{
	const struct soak_totals *t = &soak_totals;
	const unsigned long rss = rss_now_kb();

	if (count == 0)
		printf("%7s %10s %10s %9s %8s %8s %8s %7s %7s %6s %8s %8s "
		       "%5s %7s\n", "second", "submitted", "final", "io-err",
		       "cancel", "timeout", "shutdown", "context", "forks",
		       "faults", "signals", "rss-kB", "fds", "threads");
	printf("%7u %10llu %10llu %9llu %8llu %8llu %8llu %7llu %7llu %6llu "
	       "%8llu %8lu %5u %7u\n", second,
	       (unsigned long long)t->submitted,
	       (unsigned long long)t->finals,
	       (unsigned long long)t->io_errors,
	       (unsigned long long)t->cancelled,
	       (unsigned long long)t->timed_out,
	       (unsigned long long)t->shut_down,
	       (unsigned long long)t->contexts,
	       (unsigned long long)t->forks, (unsigned long long)t->faults,
	       (unsigned long long)t->signals, rss, host_count("fd"),
	       host_count("task"));
	fflush(stdout);
	if (count < FIGURES_MAX)
		rss_kb[count++] = rss;
}

static unsigned long highest(unsigned int from, unsigned int to)
{
	unsigned long max = 0;

	for (; from < to; from++) {
		if (rss_kb[from] > max)
			max = rss_kb[from];
	}
	return max;
}

void figures_check(void)
{
	/* The second quarter: by then all has been as large as it gets. */
	const unsigned long before = highest(count / 4, count / 2);
	const unsigned long after = highest(count - count / 4, count);

	CHECK(count >= 8);
	printf("highest rss: %lu kB in the second quarter, %lu kB in the "
	       "last\n", before, after);
	CHECK(after <= before + before / 10 + RSS_SLACK_KB);
}
