/*
 * Something is mounted over a directory that the library has read from: a
 * tmpfs, and over that a mount that hangs in each call. No call of the host
 * waits for it, neither with requests that come after nor with those that
 * waited before, and what lies elsewhere is read.
 */
#include "slow.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define MAILS 200
#define SIZE 3000
/* What a busy machine may add to a time; nothing that hangs ends before. */
#define SLACK_MS 5000

static const char **paths, **others;
static char target[400];

/* Mails as those of slow_mails(), so that the same paths have them in each
   mount. */
static void copy_mails(const char *from)
{
	char command[1200];

	snprintf(command, sizeof(command), "cp '%s'/u.* '%s'", from, target);
	CHECK_EQ(system(command), 0);
}

/* In one batch, of which a submit answers the first few. */
static void submit_batch(struct dbox_aio *ctx, struct host_results *results)
{
	const struct dbox_aio_request init = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio_request requests[MAILS];
	unsigned int i;

	for (i = 0; i < MAILS; i++) {
		requests[i] = init;
		requests[i].op = DBOX_AIO_READ;
		requests[i].path = paths[i];
		requests[i].callback = host_count_result;
		requests[i].context = results;
	}
	CHECK_EQ(dbox_aio_submit(ctx, requests, MAILS, NULL), MAILS);
}

static void timed(unsigned long long *before, const char *what)
{
	unsigned long long now = host_now_ms();

	if (now - *before >= SLACK_MS)
		host_failed(__FILE__, __LINE__, what);
	*before = now;
}

static void hangs(struct dbox_aio *ctx, struct slow *slow,
		  struct dbox_aio_file *file, unsigned int waiting,
		  struct host_results *results)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	unsigned long long begin = host_now_ms();
	unsigned int i;

	/* those that waited before */
	for (i = 0; i < 50; i++) {
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
		timed(&begin, "dispatch");
		host_sleep_ms(2);
		begin = host_now_ms();
	}
	/* and those that come after, by path and by a name known before */
	host_submit(ctx, paths, MAILS, results);
	timed(&begin, "submit");
	request.op = DBOX_AIO_READ;
	request.file = file;
	request.callback = host_count_result;
	request.context = results;
	CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	timed(&begin, "submit");
	host_read_all(ctx, others, MAILS);
	timed(&begin, "others");
	CHECK(results->done < waiting + MAILS + 1);
	CHECK(slow_counter(slow, "held") > 0);
	slow_tell(slow, "resume\n");
	host_loop(ctx, results, waiting + MAILS + 1);
	CHECK_EQ(results->good, waiting + MAILS + 1);
}

static void mount_over(uint32_t backend, struct slow *slow, const char *what)
{
	struct dbox_aio *ctx = host_init(backend);
	struct host_results results;
	struct dbox_aio_file *file;
	unsigned int i;

	fprintf(stderr, "hang %s\n", what);
	/* It is local, and known. */
	host_read_all(ctx, paths, MAILS);
	CHECK_EQ(dbox_aio_file_open(ctx, paths[1], NULL, &file), 0);

	CHECK(mount("none", target, "tmpfs", 0, "") == 0);
	copy_mails(slow->source);
	host_read_all(ctx, paths, MAILS);

	/* All its names are in the kernel's caches already, and may stay. */
	for (i = 0; i < MAILS; i++) {
		struct stat st;
		char name[700];

		snprintf(name, sizeof(name), "%s/u.%u", slow->mount, i + 1);
		CHECK(stat(name, &st) == 0);
	}
	memset(&results, 0, sizeof(results));
	submit_batch(ctx, &results);
	CHECK(mount(slow->mount, target, NULL, MS_BIND, NULL) == 0);
	slow_tell(slow, "hang %s\n", what);
	host_sleep_ms(5);
	hangs(ctx, slow, file, MAILS, &results);
	CHECK_EQ(dbox_aio_file_close(ctx, &file), 0);
	host_deinit(&ctx);
	slow_tell(slow, "wait-released\n");
	CHECK(umount2(target, MNT_DETACH) == 0);
	CHECK(umount2(target, MNT_DETACH) == 0);
}

int main(int argc, char *argv[])
{
	uint32_t backend = host_backend(argc, argv);
	struct slow *forgetful, *slow;
	char name[64];
	unsigned int i;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		host_skip("a mount namespace needs root");
	forgetful = slow_start("forgetful", NULL);
	(void)slow_mails(forgetful, MAILS, SIZE);
	slow_tell(forgetful, "match u.*\n");
	slow = slow_start("store", "-ttl", "1h", NULL);
	(void)slow_mails(slow, MAILS, SIZE);
	slow_tell(slow, "match u.*\n");
	snprintf(target, sizeof(target), "%s/target", host_dir());
	CHECK(mkdir(target, 0755) == 0);
	copy_mails(slow->source);
	paths = calloc(MAILS, sizeof(*paths));
	CHECK(paths != NULL);
	for (i = 0; i < MAILS; i++) {
		char path[500];

		snprintf(path, sizeof(path), "%s/u.%u", target, i + 1);
		paths[i] = strdup(path);
		CHECK(paths[i] != NULL);
	}
	others = calloc(MAILS, sizeof(*others));
	CHECK(others != NULL);
	for (i = 0; i < MAILS; i++) {
		snprintf(name, sizeof(name), "other.%u", i);
		others[i] = host_mail(name, SIZE);
	}
	mount_over(backend, forgetful, "lookup");
	mount_over(backend, slow, "open");
	mount_over(backend, slow, "read");
	return 0;
}
