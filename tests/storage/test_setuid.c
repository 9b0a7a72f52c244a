/*
 * A host becomes somebody else while storage hangs, and does not wait for the
 * reads that hang: the C library's setuid() and its like wait for every thread
 * that it knows. What is read is read with the rights that the host had when it
 * asked, and no thread keeps rights for long that the host has given up.
 *
 *	test_setuid BACKEND open|read|close|rights|refused|limit|dropped
 *
 * open, read: these hang while the host becomes somebody else. close: contexts
 * are gone, and what they have left behind hangs. rights: to and fro, with a file
 * that only root may read. refused: the same where a filter of system calls
 * refuses clone(2), so that workers are POSIX threads. limit: the new user can
 * have no more threads. dropped: threads, a while later.
 */
#include "slow.h"
#include <dirent.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define MAILS 40
#define SIZE 5000
#define NEW_ID 61001
/* What the change may take on a busy machine; the mount hangs for ever. */
#define AT_ONCE_MS 5000

static uint32_t backend;
static struct slow *slow;

/* All ids, for good. */
static void become_somebody(void)
{
	unsigned long long begin = host_now_ms();
	gid_t group = NEW_ID;

	CHECK(setgroups(1, &group) == 0);
	CHECK(setgid(NEW_ID) == 0);
	CHECK(setuid(NEW_ID) == 0);
	fprintf(stderr, "setuid: %llu ms\n", host_now_ms() - begin);
	CHECK(host_now_ms() - begin < AT_ONCE_MS);
}

/* There and back. */
static void effective(uid_t uid)
{
	unsigned long long begin = host_now_ms();

	CHECK(seteuid(0) == 0);
	if (uid != 0)
		CHECK(setegid(uid) == 0 && seteuid(uid) == 0);
	else
		CHECK(setegid(0) == 0);
	CHECK(host_now_ms() - begin < AT_ONCE_MS);
}

static void wait_until_held(struct dbox_aio *ctx, unsigned long number)
{
	unsigned long long end = host_now_ms() + 20000;
	struct pollfd pfd;

	pfd.fd = dbox_aio_fd(ctx);
	pfd.events = POLLIN;
	while (slow_counter(slow, "held") < number) {
		CHECK(host_now_ms() < end);
		if (poll(&pfd, 1, 10) > 0)
			CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
}

/* The number of threads that do not have these ids for all of theirs. */
static unsigned int others(uid_t uid)
{
	char path[300], line[256], wanted[64];
	unsigned int count = 0;
	struct dirent *d;
	DIR *dirp = opendir("/proc/self/task");
	FILE *f;

	CHECK(dirp != NULL);
	snprintf(wanted, sizeof(wanted), "Uid:\t%d\t%d\t%d\t%d\n", uid, uid,
		 uid, uid);
	while ((d = readdir(dirp)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%.20s/status",
			 d->d_name);
		f = fopen(path, "re");
		while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
			if (strncmp(line, "Uid:", 4) == 0)
				count += strcmp(line, wanted) != 0;
		}
		if (f != NULL)
			fclose(f);
	}
	closedir(dirp);
	return count;
}

static void others_vanish(void)
{
	unsigned long long end = host_now_ms() + 5000;

	while (others(NEW_ID) > 0 && host_now_ms() < end)
		host_sleep_ms(10);
	CHECK_EQ(others(NEW_ID), 0);
}

static void hangs(const char *what)
{
	const char **paths = slow_mails(slow, MAILS, SIZE);
	struct dbox_aio *ctx = host_init(backend);
	struct host_results results;

	host_read_all(ctx, paths, MAILS);
	slow_tell(slow, "hang %s\n", what);
	memset(&results, 0, sizeof(results));
	host_submit(ctx, paths, MAILS, &results);
	wait_until_held(ctx, 4);
	become_somebody();
	CHECK_EQ(results.done, 0);
	/* with hanging workers that are somebody else */
	slow_tell(slow, "resume\n");
	host_loop(ctx, &results, MAILS);
	CHECK_EQ(results.good, MAILS);
	host_read_all(ctx, paths, MAILS);
	others_vanish();
	host_deinit(&ctx);
}

/* Opens that end when their context is gone, and descriptors that nobody can
   close in time: a close may wait, too. */
static void left_behind(void)
{
	const char **paths = slow_mails(slow, MAILS, SIZE);
	struct dbox_aio *ctx = host_init(backend);
	struct host_results results;

	host_read_all(ctx, paths, MAILS);
	slow_tell(slow, "hang open read\n");
	memset(&results, 0, sizeof(results));
	host_submit(ctx, paths, MAILS, &results);
	wait_until_held(ctx, 4);
	host_deinit(&ctx);
	CHECK_EQ(results.done, MAILS);
	slow_tell(slow, "hang flush\n");
	slow_tell(slow, "resume open read\n");
	slow_tell(slow, "wait 1\n");
	become_somebody();
	slow_tell(slow, "resume\n");
	slow_tell(slow, "wait-released\n");
	others_vanish();
}

/* The file of a request, opened again for each. */
static void rights(void)
{
	const char *secret, *open_one, *dir = strrchr(slow->source, '/') + 1;
	struct dbox_aio *ctx = host_init(backend);
	char name[300];
	unsigned int i;

	snprintf(name, sizeof(name), "%s/u.secret", dir);
	CHECK(chmod(host_mail(name, SIZE), 0600) == 0);
	secret = slow_path(slow, "u.secret");
	snprintf(name, sizeof(name), "%s/u.open", dir);
	host_mail(name, SIZE);
	open_one = slow_path(slow, "u.open");

	for (i = 0; i < 30; i++) {
		CHECK_EQ(host_read(ctx, secret), 0);
		effective(NEW_ID);
		CHECK_EQ(host_read(ctx, secret), DBOX_AIO_EACCES);
		CHECK_EQ(host_read(ctx, open_one), 0);
		if (i % 2 == 0) {
			effective(NEW_ID + 1);
			CHECK_EQ(host_read(ctx, secret), DBOX_AIO_EACCES);
		}
		effective(0);
	}
	/* groups, which the ids do not show */
	CHECK(chmod(slow_path(slow, "u.secret"), 0640) == 0);
	CHECK(chown(slow_path(slow, "u.secret"), 0, NEW_ID + 7) == 0);
	for (i = 0; i < 10; i++) {
		gid_t group = NEW_ID + 7;

		CHECK(setgroups(1, &group) == 0);
		effective(NEW_ID);
		CHECK_EQ(host_read(ctx, secret), 0);
		effective(0);
		CHECK(setgroups(0, NULL) == 0);
		effective(NEW_ID);
		CHECK_EQ(host_read(ctx, secret), DBOX_AIO_EACCES);
		effective(0);
	}
	host_deinit(&ctx);
}

/* A read that was asked for as root and hangs, and one that was asked for as
   somebody else meanwhile: each as who asked. */
static void rights_in_flight(void)
{
	const char *secret, *dir = strrchr(slow->source, '/') + 1;
	struct host_results root, somebody;
	struct dbox_aio *ctx = host_init(backend);
	const char *other;
	char name[300];

	snprintf(name, sizeof(name), "%s/u.a", dir);
	CHECK(chmod(host_mail(name, SIZE), 0600) == 0);
	secret = slow_path(slow, "u.a");
	snprintf(name, sizeof(name), "%s/u.b", dir);
	CHECK(chmod(host_mail(name, SIZE), 0600) == 0);
	other = slow_path(slow, "u.b");

	memset(&root, 0, sizeof(root));
	memset(&somebody, 0, sizeof(somebody));
	slow_tell(slow, "hang lookup\n");
	host_submit(ctx, &secret, 1, &root);
	wait_until_held(ctx, 1);
	effective(NEW_ID);
	host_submit(ctx, &other, 1, &somebody);
	wait_until_held(ctx, 2);
	effective(0);
	slow_tell(slow, "resume\n");
	host_loop(ctx, &root, 1);
	host_loop(ctx, &somebody, 1);
	CHECK_EQ(root.good, 1);
	CHECK_EQ(somebody.status, DBOX_AIO_EACCES);
	host_deinit(&ctx);
}

static void limit(void)
{
	const struct rlimit one = { 1, 1 };
	const char **paths = slow_mails(slow, MAILS, SIZE);
	struct dbox_aio *ctx = host_init(backend);

	host_read_all(ctx, paths, MAILS);
	/* threads of the Go runtime that are on their way */
	host_sleep_ms(200);
	CHECK(chmod(slow_path(slow, "u.1"), 0600) == 0);
	CHECK(setrlimit(RLIMIT_NPROC, &one) == 0);
	become_somebody();
	host_read_all(ctx, paths + 1, MAILS - 1);
	CHECK_EQ(host_read(ctx, paths[0]), DBOX_AIO_EACCES);
	others_vanish();
	host_deinit(&ctx);
}

static void dropped(void)
{
	const char **paths = slow_mails(slow, MAILS, SIZE);
	struct dbox_aio *ctx = host_init(backend);

	host_read_all(ctx, paths, MAILS);
	become_somebody();
	/* nobody calls the library, and they go all the same */
	others_vanish();
	host_read_all(ctx, paths, MAILS);
	CHECK_EQ(others(NEW_ID), 0);
	host_deinit(&ctx);
}

static void run(const char *what)
{
	if (strcmp(what, "close") == 0) {
		left_behind();
	} else if (strcmp(what, "rights") == 0) {
		rights();
		rights_in_flight();
	} else if (strcmp(what, "refused") == 0) {
		slow_refuse_clone(backend);
		rights();
	} else if (strcmp(what, "limit") == 0) {
		limit();
	} else if (strcmp(what, "dropped") == 0) {
		dropped();
	} else {
		hangs(what);
	}
}

int main(int argc, char *argv[])
{
	const char *what = argc > 2 ? argv[2] : "read";

#ifdef __SANITIZE_ADDRESS__
	if (strcmp(what, "limit") != 0 && strcmp(what, "refused") != 0 &&
	    strcmp(what, "dropped") != 0)
		host_skip("with a sanitizer workers are POSIX threads");
#endif
	backend = host_backend(argc, argv);
	slow = slow_start("slow", NULL);
	slow_tell(slow, "match u.*\n");
	return slow_run_child(slow, run, what);
}
