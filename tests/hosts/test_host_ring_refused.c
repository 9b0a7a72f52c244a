/*
 * test_host_ring_refused BACKEND identity|again|later: the kernel does not take
 * what is in the submission queue, as it does where it has no memory for a
 * moment, and as a filter of system calls has it do that a host sets up when it
 * has all it needs.
 *
 * identity: files whose opens the kernel did not take are not opened with the
 * rights that the host has when it takes some again. again: nothing is
 * forgotten. later: it never takes any more.
 */
#include "host.h"
#include <sys/stat.h>
#include <sys/syscall.h>

#define USER 61001
#define OTHER 61002
#define COUNT 24
#define ROUNDS 20

static uint32_t backend;
/* What io_uring_enter(2) says, if it is to say something. */
static int refusal;

static int answer(const struct seccomp_notif *call)
{
	(void)call;
	return __atomic_load_n(&refusal, __ATOMIC_SEQ_CST);
}

static void refuse(int error)
{
	__atomic_store_n(&refusal, error, __ATOMIC_SEQ_CST);
}

static void refuse_when_told(void)
{
	if (host_intercept(SYS_io_uring_enter, answer) < 0)
		host_skip("no seccomp filter here");
}

static void become(uid_t uid)
{
	CHECK(seteuid(0) == 0);
	if (uid != 0)
		CHECK(seteuid(uid) == 0);
}

static void submit(struct dbox_aio *ctx, const char *const *paths,
		   struct host_results *results)
{
	struct dbox_aio_request requests[COUNT];
	unsigned int i;

	memset(results, 0, sizeof(*results));
	for (i = 0; i < COUNT; i++) {
		requests[i] = (struct dbox_aio_request)
			DBOX_AIO_REQUEST_INIT;
		requests[i].op = DBOX_AIO_READ;
		requests[i].path = paths[i];
		requests[i].callback = host_count_result;
		requests[i].context = results;
	}
	CHECK_EQ(dbox_aio_submit(ctx, requests, COUNT, NULL), COUNT);
}

static const char **mails_of(uid_t owner)
{
	const char **paths = host_mails(COUNT, 5000);
	unsigned int i;

	CHECK(chmod(host_dir(), 0755) == 0);
	for (i = 0; i < COUNT; i++)
		CHECK(chmod(paths[i], 0600) == 0 &&
		      chown(paths[i], owner, owner) == 0);
	return paths;
}

static void identity(void)
{
	const char **paths = mails_of(USER);
	struct dbox_aio *ctx = host_init(backend);
	struct host_results user, other;
	unsigned int i;

	refuse_when_told();
	host_read_all(ctx, paths, COUNT);
	for (i = 0; i < ROUNDS; i++) {
		become(i % 2 == 0 ? OTHER : USER);
		refuse(EAGAIN);
		submit(ctx, paths, i % 2 == 0 ? &other : &user);
		refuse(0);
		become(i % 2 == 0 ? USER : OTHER);
		submit(ctx, paths, i % 2 == 0 ? &user : &other);
		host_loop(ctx, &other, COUNT);
		host_loop(ctx, &user, COUNT);
		CHECK_EQ(other.good, 0);
		CHECK_EQ(other.status, DBOX_AIO_EACCES);
		CHECK_EQ(user.good, COUNT);
		become(0);
	}
	host_deinit(&ctx);
}

static void again(void)
{
	const char **paths = mails_of(0);
	struct dbox_aio *ctx = host_init(backend);
	struct host_results results;
	unsigned int i, fds;

	refuse_when_told();
	host_read_all(ctx, paths, COUNT);
	fds = host_count("fd");
	for (i = 0; i < ROUNDS; i++) {
		if (i % 4 >= 2)
			host_make_cold(paths, COUNT);
		refuse(i % 2 == 0 ? EAGAIN : EBUSY);
		submit(ctx, paths, &results);
		refuse(0);
		host_loop(ctx, &results, COUNT);
		CHECK_EQ(results.good, COUNT);
	}
	CHECK_EQ(host_count_settles("fd", fds), fds);
	host_deinit(&ctx);
}

static void keep(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	struct dbox_aio_message **message = result->context;

	(void)ctx;
	CHECK_EQ(result->status, 0);
	*message = dbox_aio_message_ref(result->message);
}

static void later(void)
{
	const char **paths = mails_of(0);
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio_message *held = NULL;
	struct host_results results;
	unsigned long long begin;
	struct dbox_aio *ctx;
	struct pollfd pfd;
	unsigned int i, wakes;

	host_deinit(&(struct dbox_aio *) { host_init(backend) });
	options.backend = backend;
	options.max_bytes = 256 * 1024;
	CHECK_EQ(dbox_aio_init(&ctx, &options), 0);
	host_read_all(ctx, paths, COUNT);
	refuse_when_told();
	refuse(EPERM);
	for (i = 0; i < ROUNDS; i++) {
		if (i % 4 >= 2)
			host_make_cold(paths, COUNT);
		submit(ctx, paths, &results);
		host_loop(ctx, &results, COUNT);
		CHECK_EQ(results.good, COUNT);
	}

	/* timeouts, of a request that waits for memory */
	request.op = DBOX_AIO_READ;
	request.path = host_mail("big", 200 * 1024);
	request.callback = keep;
	request.context = &held;
	CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	while (held == NULL)
		CHECK(dbox_aio_wait(ctx, 1, 10000) >= 0);
	pfd.fd = dbox_aio_fd(ctx);
	pfd.events = POLLIN;
	for (i = 0; i < 3; i++) {
		memset(&results, 0, sizeof(results));
		request.callback = host_count_result;
		request.context = &results;
		request.timeout_ms = 200;
		begin = host_now_ms();
		CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
		for (wakes = 0; results.done == 0; wakes++) {
			CHECK_EQ(poll(&pfd, 1, 10000), 1);
			CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
		}
		CHECK_EQ(results.status, DBOX_AIO_ETIMEDOUT);
		CHECK(host_now_ms() - begin >= 200);
		/* the host does not spin */
		CHECK(wakes < 10);
	}
	dbox_aio_message_unref(&held);
	host_deinit(&ctx);
}

int main(int argc, char *argv[])
{
	const char *what = argc > 2 ? argv[2] : "again";

	backend = host_backend(argc, argv);
	if (getuid() != 0)
		host_skip("needs to be root");
	if (strcmp(what, "identity") == 0)
		identity();
	else if (strcmp(what, "again") == 0)
		again();
	else
		later();
	return 0;
}
