/*
 * test_host_rlimit_nproc BACKEND [cgroup]: RLIMIT_NPROC, or pids.max of a
 * control group, lets init start no more threads, or only some: ELIMIT, with a
 * text that says so, or a context that works. The process survives at every
 * number, also when the limit is reached only later.
 */
#include "host.h"
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define MAILS 300
#define MOST 30
/* Nobody else's processes should count. */
#define FIRST_UID 61234

/* Where control groups are made, or "". */
static char cgroups[100];

static const char *cgroup_path(rlim_t value, const char *file)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s/dbox_aio.%d.%llu%s", cgroups,
		 (int)getpgrp(), (unsigned long long)value, file);
	return path;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text)) < 0 ? -1 : 0;
	close(fd);
	return ret;
}

/* Of version 1, or else of version 2, if it lets go of the number of
   processes. */
static void cgroups_find(void)
{
	strcpy(cgroups, "/sys/fs/cgroup/pids");
	if (access(cgroups, W_OK) < 0) {
		strcpy(cgroups, "/sys/fs/cgroup");
		if (write_text("/sys/fs/cgroup/cgroup.subtree_control",
			       "+pids") < 0)
			host_skip("no control groups that count processes");
	}
	if (mkdir(cgroup_path(0, ""), 0755) < 0 ||
	    access(cgroup_path(0, "/pids.max"), W_OK) < 0)
		host_skip("no control group can be made");
	CHECK(rmdir(cgroup_path(0, "")) == 0);
}

static void cgroup_enter(rlim_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	CHECK(mkdir(cgroup_path(value, ""), 0755) == 0);
	CHECK(write_text(cgroup_path(value, "/pids.max"), text) == 0);
	CHECK(write_text(cgroup_path(value, "/cgroup.procs"), "0") == 0);
}

/* When everybody in it is gone; the kernel takes its time. */
static void cgroup_remove(rlim_t value)
{
	int i;

	for (i = 0; cgroups[0] != '\0' && i < 200; i++) {
		if (rmdir(cgroup_path(value, "")) == 0 || errno == ENOENT)
			return;
		host_sleep_ms(20);
	}
}

static void limit_processes(rlim_t value)
{
	struct rlimit rlim;

	if (cgroups[0] != '\0') {
		cgroup_enter(value);
		return;
	}
	rlim.rlim_cur = rlim.rlim_max = value;
	CHECK(setrlimit(RLIMIT_NPROC, &rlim) == 0);
}

static void become(uid_t uid)
{
	if (cgroups[0] != '\0')
		return;
	CHECK(setgroups(0, NULL) == 0);
	CHECK(setresgid(uid, uid, uid) == 0);
	CHECK(setresuid(uid, uid, uid) == 0);
}

/* In a child: the limit is there before init. */
static int before_init(uint32_t backend, const char **paths, rlim_t value)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	char text[512];
	int ret;

	become(FIRST_UID + value);
	limit_processes(value);
	options.backend = backend;
	ret = dbox_aio_init(&ctx, &options);
	if (ret == DBOX_AIO_ENOTSUP)
		return 77;
	if (ret < 0) {
		CHECK_EQ(ret, DBOX_AIO_ELIMIT);
		CHECK(dbox_aio_last_error(text, sizeof(text)) > 0);
		CHECK(strstr(text, "RLIMIT_NPROC") != NULL ||
		      strstr(text, "pids.max") != NULL);
		return 2;
	}
	host_make_cold(paths, MAILS);
	host_read_all(ctx, paths, MAILS);
	host_deinit(&ctx);
	return 0;
}

/* In a child: the limit comes when the core is running. */
static int after_init(uint32_t backend, const char **paths)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	int ret;

	become(FIRST_UID - 1);
	ctx = host_init(backend);
	/* A thread that Go has asked for during init may still be on its way,
	   and Go does not survive that it is refused. */
	host_sleep_ms(200);
	limit_processes(1);
	host_read_all(ctx, paths, MAILS);
	host_make_cold(paths, MAILS);
	host_read_all(ctx, paths, MAILS);
	host_deinit(&ctx);
	/* another one that can have no worker may be refused */
	options.backend = backend;
	ret = dbox_aio_init(&ctx, &options);
	if (ret == 0) {
		host_read_all(ctx, paths, MAILS);
		host_deinit(&ctx);
	} else {
		CHECK_EQ(ret, DBOX_AIO_ELIMIT);
	}
	return 0;
}

int main(int argc, char *argv[])
{
	uint32_t backend = host_backend(argc, argv);
	const char **paths;
	unsigned int value, refused = 0;
	int status;
	pid_t pid;

	if (getuid() != 0)
		host_skip("needs root, who can become somebody else");
	if (argc > 2)
		cgroups_find();
	paths = host_mails(MAILS, 9000);
	for (value = 1; value <= MOST; value++) {
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0)
			_exit(before_init(backend, paths, value));
		status = host_wait(pid);
		cgroup_remove(value);
		if (status == 77)
			host_skip("this backend can't be had here");
		if (status != 0 && status != 2) {
			fprintf(stderr, "limit %u: ended with %d\n", value,
				status);
			return 1;
		}
		/* once it works it works with more */
		CHECK(status == 0 || refused == value - 1);
		refused += status == 2;
	}
	CHECK(refused < MOST);

	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(after_init(backend, paths));
	status = host_wait(pid);
	cgroup_remove(1);
	CHECK_EQ(status, 0);
	return 0;
}
