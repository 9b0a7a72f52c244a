/* specials.c: what is measured in other ways than by reading a store. */
#include <stdio.h>
#include <string.h>
#include "bench.h"

/* The stores of small and of large messages. */
#define SMALL_COUNT 12000
#define SMALL_SIZE 4096
#define LARGE_COUNT 40
#define LARGE_SIZE 1500000

static const struct {
	const char *name, *title;
	void (*func)(const struct run *run);
} specials[] = {
	{ "sparse", "one request every 10 ms", special_sparse },
	{ "stall", "the longest call", special_stall },
	{ "idle", "memory and wake-ups of an idle host", special_idle },
	{ "fairness", "quick streams beside a long queue", special_fairness },
	{ "pending", "100,000 requests at once", special_pending },
	{ "flat", "memory after many requests", special_flat },
};

void special_row(const struct run *run, const char *figure,
		 const char *variant, unsigned int round, double value)
{
	fprintf(run->specials, "%s,%s,%u,%.3f\n", figure, variant, round,
		value);
	fflush(run->specials);
}

void special_skip(const struct run *run, const char *figure,
		  const char *reason)
{
	fprintf(run->specials, "# skip: %s: %s\n", figure, reason);
}

void store_sdbox(const struct run *run, struct store *store_r)
{
	char dir[4096];

	snprintf(dir, sizeof(dir), "%s/store/sdbox/mailboxes/INBOX/dbox-Mails",
		 run->dir);
	store_find(store_r, dir, "u.");
}

static void store_made(const struct run *run, const char *name,
		       unsigned int count, size_t size, struct store *store_r)
{
	char dir[4096];

	snprintf(dir, sizeof(dir), "%s/%s", run->dir, name);
	store_make(dir, count, size);
	store_find(store_r, dir, "u.");
}

void store_small(const struct run *run, struct store *store_r)
{
	store_made(run, "small", SMALL_COUNT, SMALL_SIZE, store_r);
}

void store_large(const struct run *run, struct store *store_r)
{
	store_made(run, "large", LARGE_COUNT, LARGE_SIZE, store_r);
}

void specials_run(const struct run *run, const char *only)
{
	unsigned int i;

	fprintf(run->specials, "figure,variant,round,value\n");
	for (i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
		if (only != NULL && strcmp(only, specials[i].name) != 0)
			continue;
		fprintf(stderr, "%s\n", specials[i].title);
		specials[i].func(run);
	}
}
