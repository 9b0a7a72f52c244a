/*
 * Where a mail file should be there is something else. Nothing hangs (a FIFO
 * without a writer would), nothing is read from it, and the requests beside it
 * do not notice.
 */
#include "slow.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char path[600];

static const char *in(const char *dir, const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void populate(const char *dir)
{
	struct sockaddr_un addr;
	int fd;

	CHECK(mkdir(in(dir, "directory"), 0755) == 0);
	CHECK(mkfifo(in(dir, "fifo"), 0644) == 0);
	memset(&addr, 0, sizeof(addr));
	addr.sun_family = AF_UNIX;
	CHECK(strlen(in(dir, "socket")) < sizeof(addr.sun_path));
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	close(fd);
	CHECK(symlink("loop", in(dir, "loop")) == 0);
	CHECK(symlink("nowhere", in(dir, "dangling")) == 0);
	CHECK(symlink("fifo", in(dir, "link-to-fifo")) == 0);
	CHECK(symlink("/dev/zero", in(dir, "link-to-device")) == 0);
	CHECK(symlink("u.1", in(dir, "link")) == 0);
	fd = open(in(dir, "empty"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
	close(fd);
}

static void check(struct dbox_aio *ctx, const char *dir)
{
	static const struct {
		const char *name;
		int status, sys_errno;
	} cases[] = {
		{ "directory", DBOX_AIO_ENOTFILE, -1 },
		{ "fifo", DBOX_AIO_ENOTFILE, -1 },
		{ "socket", DBOX_AIO_ENOTFILE, -1 },
		{ "link-to-fifo", DBOX_AIO_ENOTFILE, -1 },
		{ "link-to-device", DBOX_AIO_ENOTFILE, -1 },
		{ "loop", DBOX_AIO_EIO, ELOOP },
		{ "dangling", DBOX_AIO_ENOENT, -1 },
		{ "empty", DBOX_AIO_ETRUNCATED, -1 },
		{ "link", 0, 0 },
		{ "u.1", 0, 0 },
	};
	static const uint32_t ops[] = { DBOX_AIO_OPEN, DBOX_AIO_READ,
					DBOX_AIO_SCAN };
	const struct dbox_aio_result *result;
	struct host_results results;
	const char *paths[30];
	unsigned int i, op, count = sizeof(cases) / sizeof(cases[0]);

	for (i = 0; i < count; i++) {
		for (op = 0; op < 3; op++) {
			/* a scan of a whole file has more than one result */
			if (cases[i].status == 0 && ops[op] == DBOX_AIO_SCAN)
				continue;
			result = slow_op(ctx, ops[op],
					 in(dir, cases[i].name), 0);
			if (result->status != cases[i].status) {
				fprintf(stderr, "%s, op %u: %s (errno %d)\n",
					path, ops[op],
					dbox_aio_strerror(result->status),
					result->sys_errno);
			}
			CHECK_EQ(result->status, cases[i].status);
			if (cases[i].sys_errno >= 0) {
				CHECK_EQ(result->sys_errno,
					 cases[i].sys_errno);
			}
		}
	}
	for (i = 0; i < 30; i++)
		paths[i] = strdup(in(dir, cases[i % count].name));
	memset(&results, 0, sizeof(results));
	host_submit(ctx, paths, 30, &results);
	host_loop(ctx, &results, 30);
	CHECK_EQ(results.good, 2 * 30 / count);
}

int main(int argc, char *argv[])
{
	struct slow *slow = slow_start("store", NULL);
	struct dbox_aio *ctx = host_init(host_backend(argc, argv));
	char *too_long = malloc(10001);
	unsigned int fds;

	host_mail("u.1", 5000);
	populate(host_dir());
	host_mail("store/u.1", 5000);
	populate(slow->source);
	CHECK_EQ(host_read(ctx, slow_path(slow, "u.1")), 0);
	fds = host_count("fd");
	check(ctx, host_dir());
	check(ctx, slow->mount);

	CHECK(too_long != NULL);
	memset(too_long, 'x', 10000);
	too_long[0] = '/';
	too_long[10000] = '\0';
	CHECK_EQ(host_read(ctx, too_long), DBOX_AIO_EIO);
	CHECK_EQ(host_read(ctx, "/dev/null"), DBOX_AIO_ENOTFILE);
	CHECK_EQ(host_read(ctx, "/dev/zero"), DBOX_AIO_ENOTFILE);
	CHECK_EQ(host_read(ctx, "/"), DBOX_AIO_ENOTFILE);
	CHECK(host_count_settles("fd", fds) <= fds);
	host_deinit(&ctx);
	return 0;
}
