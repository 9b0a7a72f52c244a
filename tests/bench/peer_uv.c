/* peer_uv.c: libuv with the four threads that it has if nobody says otherwise.
   Each message is one piece of work, not four, to spare it three hops. */
#define _GNU_SOURCE
#include <err.h>
#include <stdlib.h>
#include <uv.h>
#include "job.h"

struct work {
	uv_work_t uv;
	struct job *job;
	struct work *next;
};

static uv_loop_t *uv;
static uv_prepare_t prepare;
static uv_check_t check;
static struct work *unused;

static void sleeps(uv_prepare_t *handle)
{
	(void)handle;
	loop_sleeps();
}

static void wakes(uv_check_t *handle)
{
	(void)handle;
	loop_wakes();
}

static void work_run(uv_work_t *handle)
{
	job_read(((struct work *)handle->data)->job);
}

static void work_done(uv_work_t *handle, int status)
{
	struct work *work = handle->data;

	if (status < 0)
		errx(1, "libuv: %s", uv_strerror(status));
	job_deliver(work->job);
	work->next = unused;
	unused = work;
}

static struct work *work_new(void)
{
	struct work *work = unused;

	if (work != NULL) {
		unused = work->next;
		return work;
	}
	work = calloc(1, sizeof(*work));
	if (work == NULL)
		err(1, "calloc");
	work->uv.data = work;
	return work;
}

static void uv_peer_init(const struct peer_setup *setup)
{
	(void)setup;
	unsetenv("UV_THREADPOOL_SIZE");
	uv = uv_default_loop();
	if (uv == NULL)
		errx(1, "libuv has no loop");
	uv_prepare_init(uv, &prepare);
	uv_prepare_start(&prepare, sleeps);
	uv_unref((uv_handle_t *)&prepare);
	uv_check_init(uv, &check);
	uv_check_start(&check, wakes);
	uv_unref((uv_handle_t *)&check);
}

static void uv_peer_submit(const struct message *const *messages,
			   unsigned int count)
{
	struct work *work;
	unsigned int i;

	for (i = 0; i < count; i++) {
		work = work_new();
		work->job = job_new(messages[i]);
		if (uv_queue_work(uv, &work->uv, work_run, work_done) < 0)
			errx(1, "uv_queue_work");
	}
}

static void uv_peer_turn(void)
{
	uv_run(uv, UV_RUN_ONCE);
}

const struct peer peer_uv = {
	"V", "libuv, 4 threads", NULL,
	uv_peer_init, uv_peer_submit, NULL, uv_peer_turn
};
