/*
 * Large messages, one after the other: their memory is used again, as the first
 * touch of a fresh page costs more than what is read into it. What a context that
 * rests has kept goes back to the system, all but some, and then it rests.
 */
#include "check.h"

#include <sys/resource.h>

#define MESSAGES 24
#define SIZE 2000000
/* What may be kept for ever: keptAlways in go/mem/kept.go. */
#define KEPT (16 << 20)
/* Of other parts of the process. */
#define ELSE (6 << 20)

static long faults(void)
{
	struct rusage usage;

	CHECK_INT(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_minflt;
}

static long resident(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long all, pages;

	CHECK(file != NULL);
	CHECK_INT(fscanf(file, "%ld %ld", &all, &pages), 2);
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

/* All of them are there at once. */
static void read_all(struct dbox_aio *ctx, const char *path)
{
	struct outcome outcomes[MESSAGES];
	struct dbox_aio_request request;
	unsigned int i;
	size_t size;

	memset(outcomes, 0, sizeof(outcomes));
	for (i = 0; i < MESSAGES; i++) {
		request = request_make(DBOX_AIO_READ, path, &outcomes[i]);
		request_submit(ctx, &request);
	}
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, 1, -1) > 0);
	for (i = 0; i < MESSAGES; i++) {
		CHECK_STATUS(outcomes[i].result.status, 0);
		CHECK(dbox_aio_message_body(outcomes[i].message,
					    &size) != NULL);
		CHECK_INT(size, SIZE);
		outcome_clear(&outcomes[i]);
	}
}

int main(int argc, char **argv)
{
	long before, first, again, peak;
	unsigned int i, wakeups = 0;
	const char *path;
	struct dbox_aio *ctx;

	check_begin(argc, argv);
	path = check_path("large");
	sdbox_write_big(path, SIZE);
	ctx = context_open(NULL);

	before = faults();
	read_all(ctx, path);
	first = faults() - before;
	peak = resident();
	before = faults();
	for (i = 0; i < 4; i++)
		read_all(ctx, path);
	again = faults() - before;
	if (again > first / 2)
		FAIL("%ld page faults at first, %ld in four more rounds",
		     first, again);

	/* A loop that does nothing else. */
	while (peak - resident() < MESSAGES * (long)SIZE - KEPT - ELSE) {
		CHECK(fd_readable(dbox_aio_fd(ctx), -1));
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
	while (fd_readable(dbox_aio_fd(ctx), 2500)) {
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
		if (++wakeups > 3)
			FAIL("a context that has nothing to do wakes its host");
	}
	/* What it has given back can be had again. */
	read_all(ctx, path);
	dbox_aio_deinit(&ctx);
	return 0;
}
