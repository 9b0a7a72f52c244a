#include "slow.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define MOUNTS_MAX 8

static struct slow mounts[MOUNTS_MAX];
static unsigned int mounts_count;
static pid_t mounts_owner;

static void unmount_all(void)
{
	unsigned int i;

	if (getpid() != mounts_owner)
		return;
	for (i = 0; i < mounts_count; i++) {
		kill(mounts[i].pid, SIGTERM);
		while (waitpid(mounts[i].pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

struct slow *slow_start(const char *name, ...)
{
	const char *argv[32] = { getenv("SLOWFS_PROGRAM"), "-open", "0",
				 "-read", "0" };
	unsigned int argc = 5;
	struct slow *slow;
	char ready[6];
	va_list args;
	int fds[2];

	if (argv[0] == NULL)
		host_skip("SLOWFS_PROGRAM does not name slowfs");
	CHECK(mounts_count < MOUNTS_MAX);
	slow = &mounts[mounts_count];
	snprintf(slow->source, sizeof(slow->source), "%s/%s", host_dir(),
		 name);
	snprintf(slow->mount, sizeof(slow->mount), "%s/%s.slow", host_dir(),
		 name);
	snprintf(slow->control, sizeof(slow->control), "%s/%s.control",
		 host_dir(), name);
	CHECK(mkdir(slow->source, 0755) == 0 && mkdir(slow->mount, 0755) == 0);

	va_start(args, name);
	while ((argv[argc] = va_arg(args, const char *)) != NULL)
		argc++;
	va_end(args);
	argv[argc++] = "-control";
	argv[argc++] = slow->control;
	argv[argc++] = slow->source;
	argv[argc++] = slow->mount;
	argv[argc] = NULL;

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	slow->pid = fork();
	CHECK(slow->pid >= 0);
	if (slow->pid == 0) {
		dup2(fds[1], 1);
		execv(argv[0], (char **)argv);
		_exit(127);
	}
	/* after host_dir() has done so: the mounts go first */
	if (mounts_count++ == 0) {
		mounts_owner = getpid();
		CHECK(atexit(unmount_all) == 0);
	}
	close(fds[1]);
	CHECK_EQ(read(fds[0], ready, 6), 6);
	CHECK(memcmp(ready, "ready\n", 6) == 0);
	close(fds[0]);
	return slow;
}

const char *slow_tell(struct slow *slow, const char *format, ...)
{
	static char reply[1024];
	struct sockaddr_un addr;
	size_t size = 0;
	va_list args;
	ssize_t ret;
	int fd;

	memset(&addr, 0, sizeof(addr));
	addr.sun_family = AF_UNIX;
	CHECK(strlen(slow->control) < sizeof(addr.sun_path));
	strcpy(addr.sun_path, slow->control);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	CHECK(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	va_start(args, format);
	CHECK(vdprintf(fd, format, args) > 0);
	va_end(args);
	CHECK(shutdown(fd, SHUT_WR) == 0);
	while ((ret = read(fd, reply + size, sizeof(reply) - 1 - size)) > 0)
		size += ret;
	close(fd);
	reply[size] = '\0';
	if (strncmp(reply, "ok", 2) != 0)
		host_failed("slowfs", 0, reply);
	return reply + 2;
}

unsigned long slow_counter(struct slow *slow, const char *name)
{
	const char *reply = slow_tell(slow, "stats\n");
	char field[64];

	snprintf(field, sizeof(field), " %s=", name);
	reply = strstr(reply, field);
	CHECK(reply != NULL);
	return strtoul(reply + strlen(field), NULL, 10);
}

const char *slow_path(const struct slow *slow, const char *name)
{
	char path[600];
	const char *result;

	snprintf(path, sizeof(path), "%s/%s", slow->mount, name);
	result = strdup(path);
	CHECK(result != NULL);
	return result;
}

const char **slow_mails(const struct slow *slow, unsigned int count,
			size_t body_size)
{
	const char **paths = calloc(count, sizeof(*paths));
	const char *dir = strrchr(slow->source, '/') + 1;
	char name[400];
	unsigned int i;

	CHECK(paths != NULL);
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/u.%u", dir, i + 1);
		host_mail(name, body_size);
		paths[i] = slow_path(slow, strrchr(name, '/') + 1);
	}
	return paths;
}

static void keep_result(struct dbox_aio *ctx,
			const struct dbox_aio_result *result)
{
	struct dbox_aio_result *copy = result->context;

	(void)ctx;
	CHECK((result->flags & DBOX_AIO_MORE) == 0);
	*copy = *result;
	if (result->message != NULL)
		dbox_aio_message_ref(result->message);
	if (copy->detail == NULL)
		copy->detail = "";
	copy->context = NULL;
}

const struct dbox_aio_result *
slow_request(struct dbox_aio *ctx, const struct dbox_aio_request *request)
{
	static struct dbox_aio_result result;
	struct dbox_aio_request mine = *request;
	struct pollfd pfd;

	dbox_aio_message_unref(&result.message);
	memset(&result, 0, sizeof(result));
	result.context = &result;
	mine.callback = keep_result;
	mine.context = &result;
	CHECK_EQ(dbox_aio_submit(ctx, &mine, 1, NULL), 1);
	pfd.fd = dbox_aio_fd(ctx);
	pfd.events = POLLIN;
	while (result.context != NULL) {
		CHECK_EQ(poll(&pfd, 1, -1), 1);
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
	return &result;
}

const struct dbox_aio_result *
slow_op(struct dbox_aio *ctx, uint32_t op, const char *path, uint64_t offset)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;

	request.op = op;
	request.path = path;
	request.offset = offset;
	return slow_request(ctx, &request);
}

int slow_run_child(struct slow *slow, void (*test)(const char *what),
		   const char *what)
{
	const pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(chmod(slow->control, 0666) == 0);
		test(what);
		_exit(0);
	}
	status = host_wait(pid);
	if (status == 77)
		puts("no filter here, or threads are made by clone(2)");
	slow_tell(slow, "resume\n");
	return status;
}

/* The C library has clone3(2) for its threads. */
void slow_refuse_clone(uint32_t backend)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(code) / sizeof(code[0]), .filter = code,
	};
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(77);
	options.backend = backend;
	if (dbox_aio_init(&ctx, &options) == DBOX_AIO_ELIMIT)
		_exit(77);
	host_deinit(&ctx);
}
