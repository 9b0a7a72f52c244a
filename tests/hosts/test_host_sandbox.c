/*
 * test_host_sandbox uring|threads: a daemon that makes its context first and
 * then has the kernel refuse it io_uring, as a sandbox does that knows nothing
 * of it. Its reads go on, by threads.
 */
#include "host.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define MAILS 200

static void refuse_io_uring(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SYS_io_uring_setup, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SYS_io_uring_register, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(code) / sizeof(code[0]), .filter = code
	};

	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
	CHECK_EQ(syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0), -1);
	CHECK_EQ(errno, EPERM);
}

struct kept {
	struct dbox_aio_message *message;
	int done, status;
};

static void keep(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	struct kept *kept = result->context;

	(void)ctx;
	kept->message = dbox_aio_message_ref(result->message);
	kept->status = result->status;
	kept->done++;
}

static void submit_keep(struct dbox_aio *ctx, const char *path,
			uint32_t timeout_ms, struct kept *kept)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;

	request.op = DBOX_AIO_READ;
	request.path = path;
	request.timeout_ms = timeout_ms;
	request.callback = keep;
	request.context = kept;
	CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	while (kept->done == 0) {
		struct pollfd pfd = { dbox_aio_fd(ctx), POLLIN, 0 };

		CHECK_EQ(poll(&pfd, 1, 20000), 1);
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
}

/* A deadline makes the descriptor readable although nothing else happens: the
   second mail has to wait for the bytes of the first. */
static void check_deadline(struct dbox_aio *ctx, const char *path)
{
	struct kept first = { 0 }, second = { 0 };

	submit_keep(ctx, path, 0, &first);
	CHECK_EQ(first.status, 0);
	submit_keep(ctx, path, 50, &second);
	CHECK_EQ(second.status, DBOX_AIO_ETIMEDOUT);
	dbox_aio_message_unref(&first.message);
}

int main(int argc, char *argv[])
{
	const uint32_t backend = host_backend(argc, argv);
	struct dbox_aio *used = host_init(backend);
	struct dbox_aio *unused = host_init(backend);
	const char **paths = host_mails(MAILS, 9000);
	const char *large = host_mail("u.large", 40000);
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *small;
	struct host_results results = { 0 };

	options.backend = backend;
	options.max_bytes = 65536;
	CHECK_EQ(dbox_aio_init(&small, &options), 0);
	host_make_cold(paths, MAILS);
	host_read_all(used, paths, MAILS);

	refuse_io_uring();
	host_make_cold(paths, MAILS);
	host_read_all(used, paths, MAILS);
	host_make_cold(paths, MAILS);
	host_read_all(unused, paths, MAILS);
	host_read_all(unused, paths, MAILS);
	check_deadline(small, large);
	host_read_all(small, paths, MAILS);
	host_deinit(&small);

	/* and it ends with reads in flight */
	host_make_cold(paths, MAILS);
	host_submit(used, paths, MAILS, &results);
	host_deinit(&used);
	CHECK_EQ(results.done, MAILS);
	host_deinit(&unused);
	return 0;
}
