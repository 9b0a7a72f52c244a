/*
 * test_host_no_memory uring|threads: malloc() gives nothing to one call of
 * init, or to that one and all later ones, for each that there is, on whatever
 * thread. Init says so, and the process lives on; once there is memory again
 * init works, unless the dynamic linker has left the core half loaded.
 */
#include "host.h"

#include <pthread.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
int main(void)
{
	host_skip("the sanitizer has a malloc() of its own");
}
#else

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static int armed, for_ever;
static long calls, fails_at;

static int fails(void)
{
	long call;

	if (!__atomic_load_n(&armed, __ATOMIC_ACQUIRE))
		return 0;
	call = __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
	if (call != fails_at && !(for_ever && call > fails_at))
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	return fails() ? NULL : __libc_realloc(memory, size);
}

/* 0: a context was made although malloc() failed, or before it would have. */
static int init_without(uint32_t backend, struct dbox_aio **ctx_r)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	char text[512];
	int ret;

	options.backend = backend;
	calls = 0;
	__atomic_store_n(&armed, 1, __ATOMIC_RELEASE);
	ret = dbox_aio_init(ctx_r, &options);
	__atomic_store_n(&armed, 0, __ATOMIC_RELEASE);
	if (ret == 0)
		return 0;
	CHECK(*ctx_r == NULL);
	/* The dynamic linker takes one of them for a file that is not there. */
	CHECK(ret == DBOX_AIO_ENOMEM || ret == DBOX_AIO_ELIMIT ||
	      ret == DBOX_AIO_ENOCORE);
	CHECK(dbox_aio_last_error(text, sizeof(text)) > 0);
	return ret;
}

struct second {
	uint32_t backend;
	const char *path;
};

/* The core is there, this thread is new to it. */
static void *second_thread(void *context)
{
	struct second *second = context;
	struct dbox_aio *ctx;

	if (init_without(second->backend, &ctx) < 0)
		ctx = host_init(second->backend);
	CHECK_EQ(host_read(ctx, second->path), 0);
	host_deinit(&ctx);
	return NULL;
}

static void child(uint32_t backend, const char *path)
{
	struct second second = { backend, path };
	struct dbox_aio *ctx;
	pthread_t thread;
	char text[512];
	int ret;

	if (init_without(backend, &ctx) < 0) {
		struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;

		options.backend = backend;
		ret = dbox_aio_init(&ctx, &options);
		if (ret == DBOX_AIO_ENOMEM) {
			CHECK(dbox_aio_last_error(text, sizeof(text)) > 0);
			CHECK(strstr(text, "half loaded") != NULL);
			return;
		}
		CHECK_EQ(ret, 0);
	}
	CHECK_EQ(host_read(ctx, path), 0);
	host_deinit(&ctx);
	if (fails_at < 20) {
		CHECK_EQ(pthread_create(&thread, NULL, second_thread, &second),
			 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
	}
}

int main(int argc, char *argv[])
{
	const uint32_t backend = host_backend(argc, argv);
	const char *path = host_mail("u.1", 5000);
	int last, status, pipes[2];
	pid_t pid;

	/* A failure is that of the very call, for each a process; the last one
	   is that in which nothing fails any more. */
	for (for_ever = 0; for_ever < 2; for_ever++) {
		last = 0;
		for (fails_at = 0; !last; fails_at++) {
			CHECK_EQ(pipe(pipes), 0);
			pid = fork();
			CHECK(pid >= 0);
			if (pid == 0) {
				child(backend, path);
				/* of init, or of the second thread's */
				CHECK_EQ(write(pipes[1], &calls, sizeof(calls)),
					 sizeof(calls));
				_exit(0);
			}
			(void)close(pipes[1]);
			if (read(pipes[0], &calls, sizeof(calls)) !=
			    sizeof(calls))
				calls = -1;
			(void)close(pipes[0]);
			status = host_wait(pid);
			if (status != 0)
				fprintf(stderr, "call %ld%s fails: %d\n",
					fails_at, for_ever ? " and more" : "",
					status);
			CHECK_EQ(status, 0);
			last = fails_at > 30 && calls <= fails_at;
		}
	}
	return 0;
}
#endif
