/*
 * A device where a mail file should be: it is no file, whatever is on it, and
 * nothing is read from it. A terminal does not become that of the host.
 */
#include "slow.h"

#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static char path[600];

static const char *in_dir(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", host_dir(), name);
	return path;
}

static void node_make(const char *name, mode_t type, dev_t device)
{
	int fd;

	if (mknod(in_dir(name), type | 0644, device) < 0)
		host_skip("mknod is not allowed");
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		host_skip("devices can't be opened here");
	if (fd >= 0)
		close(fd);
}

/* A block device with a mail that could be read; -1 if there is none. */
static int loop_make(const char *mail, dev_t *device_r)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int loop, file, number;
	struct stat st;
	char name[64];

	if (control < 0)
		return -1;
	number = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	snprintf(name, sizeof(name), "/dev/loop%d", number);
	loop = open(name, O_RDONLY | O_CLOEXEC);
	if (number < 0 || loop < 0)
		return -1;
	file = open(mail, O_RDONLY | O_CLOEXEC);
	CHECK(file >= 0);
	CHECK(fstat(loop, &st) == 0);
	if (ioctl(loop, LOOP_SET_FD, file) < 0) {
		close(file);
		close(loop);
		return -1;
	}
	close(file);
	*device_r = st.st_rdev;
	return loop;
}

static void is_no_file(struct dbox_aio *ctx, const char *name)
{
	static const uint32_t ops[] = {
		DBOX_AIO_OPEN, DBOX_AIO_READ, DBOX_AIO_SCAN, DBOX_AIO_STAT
	};
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	const struct dbox_aio_result *result;
	struct dbox_aio_stats before = DBOX_AIO_STATS_INIT;
	struct dbox_aio_stats after = DBOX_AIO_STATS_INIT;
	unsigned int i;

	fprintf(stderr, "%s\n", name);
	CHECK_EQ(dbox_aio_get_stats(ctx, &before), 0);
	for (i = 0; i < 2 * sizeof(ops) / sizeof(ops[0]); i++) {
		request.op = ops[i / 2];
		request.path = in_dir(name);
		if (i % 2 != 0) {
			CHECK_EQ(dbox_aio_file_open(ctx, path, NULL,
						    &request.file), 0);
			request.path = NULL;
		}
		result = slow_request(ctx, &request);
		CHECK_EQ(result->status, DBOX_AIO_ENOTFILE);
		CHECK(result->message == NULL);
		CHECK(strstr(result->detail, "not a regular file") != NULL);
		CHECK_EQ(dbox_aio_file_close(ctx, &request.file), 0);
	}
	CHECK_EQ(dbox_aio_get_stats(ctx, &after), 0);
	CHECK_EQ(after.reads, before.reads);
	CHECK_EQ(after.bytes_read, before.bytes_read);
	host_open_files_become(ctx, before.open_files);
}

/* In a process without a terminal, which gets one by opening it without
   O_NOCTTY. */
static void terminal_stays_away(uint32_t backend)
{
	struct dbox_aio *ctx;
	struct stat st;
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	pid_t pid;

	if (terminal < 0 || grantpt(terminal) < 0 || unlockpt(terminal) < 0 ||
	    stat(ptsname(terminal), &st) < 0) {
		fprintf(stderr, "no terminal is to be had\n");
		return;
	}
	CHECK(symlink(ptsname(terminal), in_dir("terminal")) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(setsid() == getpid());
		CHECK_EQ(open("/dev/tty", O_RDONLY | O_CLOEXEC), -1);
		ctx = host_init(backend);
		is_no_file(ctx, "terminal");
		CHECK_EQ(open("/dev/tty", O_RDONLY | O_CLOEXEC), -1);
		host_deinit(&ctx);
		exit(0);
	}
	CHECK_EQ(host_wait(pid), 0);
	close(terminal);
}

int main(int argc, char *argv[])
{
	const uint32_t backend = host_backend(argc, argv);
	/* a whole number of sectors: else its end is not on the device */
	const char *mail = host_mail("u.1", 512 * 40 - 105);
	struct dbox_aio *ctx;
	unsigned int fds;
	dev_t device = 0;
	int loop;

	terminal_stays_away(backend);

	loop = loop_make(mail, &device);
	node_make("zero", S_IFCHR, makedev(1, 5));
	/* no such device: its open fails */
	node_make("nothing", S_IFBLK, makedev(239, 9));
	if (loop >= 0)
		node_make("loop", S_IFBLK, device);
	else
		fprintf(stderr, "no loop device is to be had\n");
	ctx = host_init(backend);
	CHECK_EQ(host_read(ctx, mail), 0);
	fds = host_count("fd");
	is_no_file(ctx, "zero");
	is_no_file(ctx, "nothing");
	if (loop >= 0)
		is_no_file(ctx, "loop");
	CHECK(host_count_settles("fd", fds) <= fds);
	host_deinit(&ctx);
	if (loop >= 0) {
		CHECK(ioctl(loop, LOOP_CLR_FD) == 0);
		close(loop);
	}
	return 0;
}
