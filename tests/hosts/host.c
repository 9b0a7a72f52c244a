#include "host.h"
#include <dirent.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

static char dir[256];
static pid_t dir_owner;

void host_failed(const char *file, int line, const char *what)
{
	char text[512] = "";
	int error = errno;

	dbox_aio_last_error(text, sizeof(text));
	fprintf(stderr, "%s:%d: not so: %s (errno: %s; library: %s)\n", file,
		line, what, strerror(error), text);
	exit(1);
}

void host_check_eq(const char *file, int line, const char *what,
		   long long a, long long b)
{
	char text[256];

	if (a == b)
		return;
	snprintf(text, sizeof(text), "%s: %lld and %lld", what, a, b);
	host_failed(file, line, text);
}

void host_skip(const char *reason)
{
	puts(reason);
	exit(77);
}

uint32_t host_backend(int argc, char *argv[])
{
	if (argc < 2 || strcmp(argv[1], "auto") == 0)
		return DBOX_AIO_BACKEND_AUTO;
	return strcmp(argv[1], "uring") == 0 ? DBOX_AIO_BACKEND_URING :
		DBOX_AIO_BACKEND_THREADS;
}

struct dbox_aio *host_init(uint32_t backend)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	int ret;

	options.backend = backend;
	ret = dbox_aio_init(&ctx, &options);
	if (ret == DBOX_AIO_ENOTSUP)
		host_skip("this backend can't be had here");
	CHECK_EQ(ret, 0);
	return ctx;
}

void host_deinit(struct dbox_aio **ctx)
{
	CHECK_EQ(dbox_aio_deinit(ctx), 0);
	CHECK(*ctx == NULL);
}

/*
 * Files
 */

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	(void)remove(path);
	return 0;
}

static void remove_dir(void)
{
	/* children that exit() have inherited this */
	if (getpid() == dir_owner)
		nftw(dir, remove_one, 20, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

const char *host_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	if (dir[0] != '\0')
		return dir;
	snprintf(dir, sizeof(dir), "%s/dbox_aio_host.XXXXXX",
		 tmp == NULL ? "/tmp" : tmp);
	CHECK(mkdtemp(dir) != NULL);
	CHECK(chmod(dir, 0755) == 0);
	dir_owner = getpid();
	CHECK(atexit(remove_dir) == 0);
	return dir;
}

/* Each name has a text of its own. */
static char body_byte(const char *name, size_t i)
{
	return "abcdefghijklmnopqrstuvwxyz\n"[(i * 7 + i / 100 +
					       strlen(name) * 3 +
					       name[strlen(name) - 1]) % 27];
}

const char *host_mail(const char *name, size_t body_size)
{
	char path[512];
	const char *result;
	FILE *f;
	size_t i;

	snprintf(path, sizeof(path), "%s/%s", host_dir(), name);
	f = fopen(path, "wbe");
	CHECK(f != NULL);
	fprintf(f, "2 M1e C5f000000\n\001\002N          %016zX\n", body_size);
	for (i = 0; i < body_size; i++)
		putc_unlocked(body_byte(name, i), f);
	fprintf(f, "\n\001\003\nR5f000000\nV%zx\nG%s\n\n", body_size, name);
	CHECK(fclose(f) == 0);
	CHECK(chmod(path, 0644) == 0);
	result = strdup(path);
	CHECK(result != NULL);
	return result;
}

const char **host_mails(unsigned int count, size_t body_size)
{
	const char **paths = calloc(count, sizeof(*paths));
	char name[32];
	unsigned int i;

	CHECK(paths != NULL);
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "u.%u", i + 1);
		paths[i] = host_mail(name, body_size);
	}
	return paths;
}

void host_make_cold(const char *const *paths, unsigned int count)
{
	unsigned int i;
	int fd;

	for (i = 0; i < count; i++) {
		fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		CHECK(fd != -1);
		/* only what is on the disk can leave the cache */
		CHECK(fdatasync(fd) == 0);
		CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
		close(fd);
	}
	/* Names and inodes too, where that is allowed: only then does an open
	   have to wait. */
	sync();
	fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
	if (fd != -1) {
		CHECK_EQ(write(fd, "3", 1), 1);
		close(fd);
	}
}

/*
 * Requests
 */

int host_message_is_right(const struct dbox_aio_message *message)
{
	const char *name = dbox_aio_message_metadata(message, 'G', NULL);
	const unsigned char *body;
	size_t i, size;

	body = dbox_aio_message_body(message, &size);
	if (name == NULL || body == NULL ||
	    size != dbox_aio_message_body_size(message))
		return 0;
	for (i = 0; i < size; i++) {
		if (body[i] != (unsigned char)body_byte(name, i))
			return 0;
	}
	return 1;
}

void host_count_result(struct dbox_aio *ctx,
		       const struct dbox_aio_result *result)
{
	struct host_results *results = result->context;

	(void)ctx;
	if (results->thread != 0)
		CHECK_EQ(results->thread, syscall(SYS_gettid));
	results->done++;
	if (result->status == 0) {
		CHECK(host_message_is_right(result->message));
		results->good++;
	} else {
		results->status = result->status;
		results->sys_errno = result->sys_errno;
	}
}

void host_submit(struct dbox_aio *ctx, const char *const *paths,
		 unsigned int count, struct host_results *results)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	unsigned int i;

	request.op = DBOX_AIO_READ;
	request.callback = host_count_result;
	request.context = results;
	for (i = 0; i < count; i++) {
		request.path = paths[i];
		CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	}
}

void host_loop(struct dbox_aio *ctx, struct host_results *results,
	       unsigned int count)
{
	struct pollfd pfd;
	int ret;

	pfd.fd = dbox_aio_fd(ctx);
	pfd.events = POLLIN;
	CHECK(pfd.fd >= 0);
	while (results->done < count) {
		ret = poll(&pfd, 1, 20000);
		if (ret < 0) {
			/* of the host's own signals */
			CHECK(errno == EINTR);
			continue;
		}
		CHECK_EQ(ret, 1);
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
	CHECK_EQ(results->done, count);
}

void host_read_all(struct dbox_aio *ctx, const char *const *paths,
		   unsigned int count)
{
	struct host_results results;

	memset(&results, 0, sizeof(results));
	results.thread = syscall(SYS_gettid);
	host_submit(ctx, paths, count, &results);
	host_loop(ctx, &results, count);
	CHECK_EQ(results.status, 0);
	CHECK_EQ(results.good, count);
}

int host_read(struct dbox_aio *ctx, const char *path)
{
	struct host_results results;

	memset(&results, 0, sizeof(results));
	host_submit(ctx, &path, 1, &results);
	host_loop(ctx, &results, 1);
	return results.status;
}

/*
 * Processes
 */

int host_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		CHECK(errno == EINTR);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
		WEXITSTATUS(status);
}

unsigned int host_count(const char *name)
{
	char path[64];
	unsigned int count = 0;
	struct dirent *d;
	DIR *dirp;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	dirp = opendir(path);
	CHECK(dirp != NULL);
	while ((d = readdir(dirp)) != NULL) {
		if (d->d_name[0] != '.' && atoi(d->d_name) != dirfd(dirp))
			count++;
	}
	closedir(dirp);
	return count;
}

unsigned int host_count_settles(const char *name, unsigned int limit)
{
	unsigned long long end = host_now_ms() + 5000;

	while (host_count(name) > limit && host_now_ms() < end)
		host_sleep_ms(10);
	return host_count(name);
}

unsigned long long host_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

void host_sleep_ms(unsigned int ms)
{
	unsigned long long now, end = host_now_ms() + ms;
	struct timespec ts;

	while ((now = host_now_ms()) < end) {
		ts.tv_sec = (end - now) / 1000;
		ts.tv_nsec = (end - now) % 1000 * 1000000;
		nanosleep(&ts, NULL);
	}
}

void host_open_files_become(struct dbox_aio *ctx, uint32_t count)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct pollfd pfd;

	pfd.fd = dbox_aio_fd(ctx);
	pfd.events = POLLIN;
	CHECK_EQ(dbox_aio_get_stats(ctx, &stats), 0);
	while (stats.open_files != count) {
		CHECK(poll(&pfd, 1, -1) == 1);
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
		CHECK_EQ(dbox_aio_get_stats(ctx, &stats), 0);
	}
}

struct intercept {
	int fd;
	int (*ask)(const struct seccomp_notif *call);
};

static void *intercept_main(void *context)
{
	const struct intercept *intercept = context;
	struct seccomp_notif_resp answer;
	struct seccomp_notif call;

	for (;;) {
		memset(&call, 0, sizeof(call));
		if (ioctl(intercept->fd, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
			continue;
		memset(&answer, 0, sizeof(answer));
		answer.error = -intercept->ask(&call);
		answer.id = call.id;
		if (answer.error == 0)
			answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		/* not if a signal has ended the call meanwhile */
		(void)ioctl(intercept->fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	return NULL;
}

int host_intercept(long number, int (*ask)(const struct seccomp_notif *call))
{
	static struct intercept intercept;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {
		.len = sizeof(code) / sizeof(code[0]), .filter = code,
	};
	pthread_t thread;

	intercept.ask = ask;
	intercept.fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				    SECCOMP_FILTER_FLAG_NEW_LISTENER |
				    SECCOMP_FILTER_FLAG_TSYNC |
				    SECCOMP_FILTER_FLAG_TSYNC_ESRCH, &program);
	if (intercept.fd < 0)
		return -1;
	CHECK_EQ(pthread_create(&thread, NULL, intercept_main, &intercept), 0);
	return 0;
}
