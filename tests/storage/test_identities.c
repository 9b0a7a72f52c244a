/*
 * Two identities in one context: a host that serves many users changes its ids,
 * submits, and changes them back. A request is made with the rights that the host
 * had when it was submitted, whenever it begins, and no other request's open of
 * the same path is lent to it.
 *
 *	test_identities BACKEND shared|queued|refused|between|fsuid|groups|
 *		given-up|local|handle
 *
 * shared: both ask for one path while it is being opened. queued: requests wait
 * for their turn while the host becomes somebody else, there and back. refused:
 * the same where a filter of system calls refuses clone(2), so that workers are
 * POSIX threads, which can't take back rights. between: there a host becomes
 * somebody else after its thread has looked at its rights, and before the file is
 * open. fsuid: by setfsuid(2). groups: what tells them apart is a group. given-up:
 * for good. local: on a local file system, all of it. handle: a handle opened as one
 * is that file for the other, too.
 */
#include "slow.h"
#include <grp.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define USER 61001
#define OTHER 61002
#define GROUP 61007
#define SIZE 5000
#define ROUNDS 20

static uint32_t backend;
static struct slow *slow;

/* There and back, with the group of the same number. */
static void become(uid_t uid)
{
	CHECK(seteuid(0) == 0);
	if (uid != 0)
		CHECK(setegid(uid) == 0 && seteuid(uid) == 0);
	else
		CHECK(setegid(0) == 0);
}

/* A mail that only this user, and root, may read. */
static const char *mail_of(const char *dir, const char *name, uid_t owner)
{
	char full[300];
	const char *path;

	snprintf(full, sizeof(full), "%s/%s", dir, name);
	path = host_mail(full, SIZE);
	CHECK(chmod(path, 0600) == 0 && chown(path, owner, owner) == 0);
	return path;
}

static const char *slow_mail_of(const char *name, uid_t owner)
{
	mail_of(strrchr(slow->source, '/') + 1, name, owner);
	return slow_path(slow, name);
}

static void submit(struct dbox_aio *ctx, const char *path,
		   struct host_results *results)
{
	memset(results, 0, sizeof(*results));
	host_submit(ctx, &path, 1, results);
}

static void wait_until_held(struct dbox_aio *ctx, unsigned long number)
{
	unsigned long long end = host_now_ms() + 20000;
	struct pollfd pfd = { dbox_aio_fd(ctx), POLLIN, 0 };

	while (slow_counter(slow, "held") < number) {
		CHECK(host_now_ms() < end);
		if (poll(&pfd, 1, 10) > 0)
			CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
}

/* Each asks while the one before is being served. */
static void shared(void)
{
	const char *path = slow_mail_of("u.secret", USER);
	struct host_results root, user, other, again;
	struct dbox_aio *ctx = host_init(backend);

	slow_tell(slow, "hang lookup open\n");
	submit(ctx, path, &root);
	wait_until_held(ctx, 1);
	become(OTHER);
	submit(ctx, path, &other);
	become(USER);
	submit(ctx, path, &user);
	become(OTHER);
	submit(ctx, path, &again);
	become(0);
	slow_tell(slow, "resume\n");
	host_loop(ctx, &root, 1);
	host_loop(ctx, &user, 1);
	host_loop(ctx, &other, 1);
	host_loop(ctx, &again, 1);
	CHECK_EQ(root.good, 1);
	CHECK_EQ(user.good, 1);
	CHECK_EQ(other.status, DBOX_AIO_EACCES);
	CHECK_EQ(other.sys_errno, EACCES);
	CHECK_EQ(again.status, DBOX_AIO_EACCES);
	host_deinit(&ctx);
}

/* A context all of whose bytes are in a message that is held, so that whatever
   is submitted waits, and is begun when the message goes. */
struct full {
	struct dbox_aio *ctx;
	struct dbox_aio_message *held;
};

static void keep(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	struct full *full = result->context;

	(void)ctx;
	CHECK_EQ(result->status, 0);
	full->held = dbox_aio_message_ref(result->message);
}

static void full_begin(struct full *full, const char *big)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;

	memset(full, 0, sizeof(*full));
	options.backend = backend;
	options.max_bytes = 256 * 1024;
	CHECK_EQ(dbox_aio_init(&full->ctx, &options), 0);
	request.op = DBOX_AIO_READ;
	request.path = big;
	request.callback = keep;
	request.context = full;
	CHECK_EQ(dbox_aio_submit(full->ctx, &request, 1, NULL), 1);
	while (full->held == NULL)
		CHECK(dbox_aio_wait(full->ctx, 1, 10000) >= 0);
}

/* More of them than are begun at once, so that most wait in the queue, and are
   begun when the host is somebody else. */
#define MANY 300

static void submit_all(struct dbox_aio *ctx, const char *const *paths,
		       struct host_results *results)
{
	memset(results, 0, sizeof(*results));
	host_submit(ctx, paths, MANY, results);
}

static void queued_in(const char *dir, const char *(*path_of)(const char *))
{
	struct host_results user, other, root;
	struct dbox_aio *ctx = host_init(backend);
	const char *paths[MANY];
	unsigned int i, round;
	char name[32];

	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "u.%u", i + 1);
		mail_of(dir, name, USER);
		paths[i] = strdup(path_of(name));
	}
	for (round = 0; round < 8; round++) {
		if (round % 2 == 1)
			host_make_cold(paths, MANY);
		/* in either order */
		become(round % 4 < 2 ? OTHER : USER);
		submit_all(ctx, paths, round % 4 < 2 ? &other : &user);
		become(round % 4 < 2 ? USER : OTHER);
		submit_all(ctx, paths, round % 4 < 2 ? &user : &other);
		become(0);
		submit_all(ctx, paths, &root);
		/* whoever dispatches */
		if (round >= 4)
			become(round % 4 < 2 ? USER : OTHER);
		host_loop(ctx, &other, MANY);
		host_loop(ctx, &user, MANY);
		host_loop(ctx, &root, MANY);
		CHECK_EQ(other.good, 0);
		CHECK_EQ(other.status, DBOX_AIO_EACCES);
		CHECK_EQ(user.good, MANY);
		CHECK_EQ(root.good, MANY);
		become(0);
	}
	host_deinit(&ctx);
}

static const char *in_slow(const char *name) { return slow_path(slow, name); }

static const char *in_dir(const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/%s", host_dir(), name);
	return path;
}

/* Only the ids of the thread that file systems look at. */
static void fsuid_become(uid_t uid)
{
	(void)syscall(SYS_setfsuid, uid);
	CHECK_EQ((uid_t)syscall(SYS_setfsuid, (uid_t)-1), uid);
}

static void fsuid(void)
{
	const char *path = slow_mail_of("u.secret", USER);
	const char *local = mail_of(".", "u.local", USER);
	struct host_results root, other;
	struct dbox_aio *ctx = host_init(backend);

	slow_tell(slow, "hang lookup open\n");
	submit(ctx, path, &root);
	wait_until_held(ctx, 1);
	fsuid_become(OTHER);
	submit(ctx, path, &other);
	fsuid_become(0);
	slow_tell(slow, "resume\n");
	host_loop(ctx, &root, 1);
	host_loop(ctx, &other, 1);
	CHECK_EQ(root.good, 1);
	CHECK_EQ(other.status, DBOX_AIO_EACCES);

	submit(ctx, local, &root);
	fsuid_become(OTHER);
	submit(ctx, local, &other);
	fsuid_become(0);
	host_loop(ctx, &root, 1);
	host_loop(ctx, &other, 1);
	CHECK_EQ(root.good, 1);
	CHECK_EQ(other.status, DBOX_AIO_EACCES);
	host_deinit(&ctx);
}

static void groups(void)
{
	const gid_t group = GROUP;
	const char *path = slow_mail_of("u.group", 0);
	struct host_results member, other;
	struct dbox_aio *ctx = host_init(backend);
	char real[600];
	unsigned int i;

	snprintf(real, sizeof(real), "%s/u.group", slow->source);
	CHECK(chown(real, 0, GROUP) == 0 && chmod(real, 0640) == 0);
	for (i = 0; i < ROUNDS; i++) {
		slow_tell(slow, "hang open\n");
		CHECK(setgroups(1, &group) == 0);
		become(USER);
		submit(ctx, path, &member);
		wait_until_held(ctx, 1);
		become(0);
		CHECK(setgroups(0, NULL) == 0);
		become(USER);
		submit(ctx, path, &other);
		slow_tell(slow, "resume\n");
		host_loop(ctx, &member, 1);
		host_loop(ctx, &other, 1);
		CHECK_EQ(member.good, 1);
		CHECK_EQ(other.status, DBOX_AIO_EACCES);
		become(0);
	}
	host_deinit(&ctx);
}

/* Rights that nobody can have again. What root has asked for goes on with what
   is left; a user's request is not made with another user's. */
static void given_up(void)
{
	const char *secret = slow_mail_of("u.secret", OTHER);
	const char *open_one = slow_mail_of("u.open", USER);
	struct host_results root, user;
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	const char *hung = slow_mail_of("u.hung", 0);
	struct host_results first;

	/* one worker: the rest waits in the queue */
	options.backend = backend;
	options.max_workers = 1;
	CHECK_EQ(dbox_aio_init(&ctx, &options), 0);
	slow_tell(slow, "hang open\n");
	submit(ctx, hung, &first);
	wait_until_held(ctx, 1);
	submit(ctx, open_one, &root);
	become(USER);
	submit(ctx, secret, &user);
	become(0);
	CHECK(setgroups(0, NULL) == 0);
	CHECK(setresgid(OTHER, OTHER, OTHER) == 0);
	CHECK(setresuid(OTHER, OTHER, OTHER) == 0);
	slow_tell(slow, "resume\n");
	host_loop(ctx, &first, 1);
	host_loop(ctx, &root, 1);
	host_loop(ctx, &user, 1);
	CHECK_EQ(first.good, 1);
	/* it is USER's, and OTHER has asked in the end */
	CHECK_EQ(root.status, DBOX_AIO_EACCES);
	/* it is OTHER's, but it was USER who asked */
	CHECK_EQ(user.status, DBOX_AIO_EACCES);
	CHECK_EQ(user.good, 0);
	submit(ctx, secret, &user);
	host_loop(ctx, &user, 1);
	CHECK_EQ(user.good, 1);
	host_deinit(&ctx);
}

/* A handle is one open file, whoever uses it, as a descriptor is; opening it is
   done with the rights of its first request. */
static void handle(void)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	const char *path = slow_mail_of("u.secret", USER);
	struct dbox_aio_file *file, *refused;
	struct host_results results;
	struct dbox_aio *ctx = host_init(backend);

	CHECK_EQ(dbox_aio_file_open(ctx, path, NULL, &file), 0);
	CHECK_EQ(dbox_aio_file_open(ctx, path, NULL, &refused), 0);
	request.op = DBOX_AIO_READ;
	request.callback = host_count_result;
	request.context = &results;

	become(OTHER);
	request.file = refused;
	memset(&results, 0, sizeof(results));
	CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	become(0);
	host_loop(ctx, &results, 1);
	CHECK_EQ(results.status, DBOX_AIO_EACCES);
	become(USER);
	request.file = file;
	memset(&results, 0, sizeof(results));
	CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	become(OTHER);
	host_loop(ctx, &results, 1);
	CHECK_EQ(results.good, 1);
	memset(&results, 0, sizeof(results));
	CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	host_loop(ctx, &results, 1);
	CHECK_EQ(results.good, 1);
	/* the path is another matter */
	CHECK_EQ(host_read(ctx, path), DBOX_AIO_EACCES);
	become(0);
	CHECK_EQ(dbox_aio_file_close(ctx, &file), 0);
	CHECK_EQ(dbox_aio_file_close(ctx, &refused), 0);
	host_deinit(&ctx);
}

/* Local files: one after the other, and all at the same time. */
static void local(void)
{
	const char *path = mail_of(".", "u.secret", USER);
	struct dbox_aio *ctx = host_init(backend);
	struct full full;
	struct host_results user, other;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		if (i % 2 == 1)
			host_make_cold(&path, 1);
		CHECK_EQ(host_read(ctx, path), 0);
		become(OTHER);
		CHECK_EQ(host_read(ctx, path), DBOX_AIO_EACCES);
		become(USER);
		CHECK_EQ(host_read(ctx, path), 0);
		become(0);
	}
	host_deinit(&ctx);

	/* one has the file open, and waits for memory, as the other asks */
	full_begin(&full, host_mail("big", 150 * 1024));
	become(USER);
	submit(full.ctx, path, &user);
	become(OTHER);
	submit(full.ctx, path, &other);
	become(0);
	dbox_aio_message_unref(&full.held);
	host_loop(full.ctx, &user, 1);
	host_loop(full.ctx, &other, 1);
	CHECK_EQ(user.good, 1);
	CHECK_EQ(other.status, DBOX_AIO_EACCES);
	host_deinit(&full.ctx);

	CHECK(chmod(host_dir(), 0755) == 0);
	queued_in(".", in_dir);
}

static void queued(void)
{
	queued_in(strrchr(slow->source, '/') + 1, in_slow);
}

/* Nobody gets what he may not have, if not all get what they may. */
static void refused(void)
{
	const char *path = slow_mail_of("u.secret", USER);
	struct host_results user, other, root;
	struct dbox_aio *ctx;
	unsigned int i, good = 0;

	slow_refuse_clone(backend);
	ctx = host_init(backend);
	for (i = 0; i < ROUNDS; i++) {
		submit(ctx, path, &root);
		become(OTHER);
		submit(ctx, path, &other);
		become(USER);
		submit(ctx, path, &user);
		if (i % 2 == 0)
			become(0);
		host_loop(ctx, &root, 1);
		host_loop(ctx, &other, 1);
		host_loop(ctx, &user, 1);
		CHECK_EQ(other.good, 0);
		CHECK_EQ(other.status, DBOX_AIO_EACCES);
		CHECK(user.good == 1 || user.status == DBOX_AIO_EACCES);
		CHECK(root.good == 1 || root.status == DBOX_AIO_EACCES);
		good += user.good;
		become(0);
	}
	/* it was USER who waited */
	CHECK(good >= ROUNDS / 2);
	host_deinit(&ctx);
}

static const char *held_path;
static bool held;

/* Holds the first open of this path for a while, as a slow kernel would. */
static int hold(const struct seccomp_notif *call)
{
	if (strcmp((const char *)(uintptr_t)call->data.args[1], held_path) == 0 &&
	    !__atomic_exchange_n(&held, true, __ATOMIC_SEQ_CST))
		host_sleep_ms(300);
	return 0;
}

/* The library's thread is about to open what OTHER may not read, and has seen
   that it is OTHER: no change of the host's may come between. */
static void between(void)
{
	const char *path = slow_mail_of("u.secret", USER);
	struct host_results other;
	struct dbox_aio *ctx;

	slow_refuse_clone(backend);
	ctx = host_init(backend);
	held_path = path;
	if (host_intercept(SYS_openat, hold) < 0)
		_exit(77);
	become(OTHER);
	submit(ctx, path, &other);
	while (!__atomic_load_n(&held, __ATOMIC_SEQ_CST))
		host_sleep_ms(1);
	become(USER);
	host_loop(ctx, &other, 1);
	CHECK_EQ(other.good, 0);
	CHECK_EQ(other.status, DBOX_AIO_EACCES);
	host_deinit(&ctx);
}

static void run(const char *what)
{
	static const struct {
		const char *name;
		void (*test)(void);
	} tests[] = {
		{ "shared", shared }, { "queued", queued },
		{ "refused", refused }, { "between", between },
		{ "fsuid", fsuid }, { "groups", groups },
		{ "given-up", given_up }, { "local", local },
		{ "handle", handle },
	};
	unsigned int i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (strcmp(tests[i].name, what) == 0) {
			tests[i].test();
			_exit(0);
		}
	}
	_exit(2);
}

int main(int argc, char *argv[])
{
	const char *what = argc > 2 ? argv[2] : "shared";

#ifdef __SANITIZE_ADDRESS__
	if (strcmp(what, "refused") != 0 && strcmp(what, "between") != 0 &&
	    strcmp(what, "fsuid") != 0)
		host_skip("with a sanitizer workers are POSIX threads");
#endif
	backend = host_backend(argc, argv);
	slow = slow_start("slow", NULL);
	slow_tell(slow, "match u.*\n");
	return slow_run_child(slow, run, what);
}
