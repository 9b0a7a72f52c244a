/*
 * Several threads with several contexts each read the same files, cancel, close
 * handles and take contexts down, and drop each other's messages: nothing of
 * one is disturbed by another.
 */
#include "check.h"

#include <pthread.h>

#define THREADS 4
#define CONTEXTS 2
#define ROUNDS 6
#define REQUESTS 40
#define FILES 5
#define SHELF 64

static const char *paths[FILES];
static char bodies[FILES][2000];

/* Messages that wait for whichever thread comes by. */
static pthread_mutex_t shelf_lock = PTHREAD_MUTEX_INITIALIZER;
static struct dbox_aio_message *shelf[SHELF];

struct read {
	struct outcome outcome;
	int file;
};

static void shelf_exchange(unsigned int place, struct dbox_aio_message *message)
{
	struct dbox_aio_message *old;

	pthread_mutex_lock(&shelf_lock);
	old = shelf[place % SHELF];
	shelf[place % SHELF] = message;
	pthread_mutex_unlock(&shelf_lock);
	dbox_aio_message_unref(&old);
}

static void reads_submit(struct dbox_aio *ctx, struct dbox_aio_file *file,
			 struct read *reads, unsigned int *seed)
{
	struct dbox_aio_request requests[REQUESTS];
	uint64_t ids[REQUESTS];
	int i;

	for (i = 0; i < REQUESTS; i++) {
		memset(&reads[i], 0, sizeof(reads[i]));
		reads[i].file = (int)(rand_r(seed) % FILES);
		requests[i] = request_make(DBOX_AIO_READ,
					   paths[reads[i].file],
					   &reads[i].outcome);
		requests[i].stream = (uint64_t)(i % 3);
		requests[i].flags = i % 4 == 0 ? DBOX_AIO_WANT_FD : 0;
		if (i % 5 == 0) {
			requests[i].path = NULL;
			requests[i].file = file;
			reads[i].file = 0;
		}
	}
	CHECK_STATUS(dbox_aio_submit(ctx, requests, REQUESTS, ids), REQUESTS);
	for (i = 0; i < REQUESTS; i++)
		reads[i].outcome.id = ids[i];
}

static void reads_check(struct read *reads, unsigned int *seed, int shut_down)
{
	struct outcome *outcome;
	int i;

	for (i = 0; i < REQUESTS; i++) {
		outcome = &reads[i].outcome;
		CHECK_INT(outcome->finals, 1);
		if (outcome->result.status == DBOX_AIO_OK) {
			body_check(outcome->message, bodies[reads[i].file]);
			if (i % 8 == 0)
				close(dbox_aio_message_take_fd(
						outcome->message));
			shelf_exchange((unsigned int)rand_r(seed),
				       outcome->message);
			continue;
		}
		CHECK(outcome->message == NULL);
		CHECK(outcome->result.status == DBOX_AIO_ECANCELED ||
		      (shut_down &&
		       outcome->result.status == DBOX_AIO_ESHUTDOWN));
	}
}

static void *thread_run(void *arg)
{
	unsigned int seed = *(unsigned int *)arg;
	struct dbox_aio *contexts[CONTEXTS];
	struct dbox_aio_file *files[CONTEXTS];
	struct read reads[CONTEXTS][REQUESTS];
	int i, round, ret, shut_down;

	for (round = 0; round < ROUNDS; round++) {
		shut_down = round % 2;
		for (i = 0; i < CONTEXTS; i++) {
			contexts[i] = context_open(NULL);
			CHECK_STATUS(dbox_aio_file_open(contexts[i], paths[0],
							NULL, &files[i]), 0);
			reads_submit(contexts[i], files[i], reads[i], &seed);
		}
		for (i = 0; i < CONTEXTS; i++) {
			CHECK(dbox_aio_cancel_stream(contexts[i], 1) >= 0);
			ret = dbox_aio_wait_request(contexts[i],
					reads[i][5].outcome.id, -1);
			CHECK(ret == 0 || ret == DBOX_AIO_ENOENT);
			CHECK_STATUS(dbox_aio_file_close(contexts[i],
							 &files[i]), 0);
			while (!shut_down && dbox_aio_pending(contexts[i]) > 0)
				CHECK(dbox_aio_wait(contexts[i], 1, -1) >= 0);
			CHECK_STATUS(dbox_aio_deinit(&contexts[i]), 0);
			reads_check(reads[i], &seed, shut_down);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	unsigned int seeds[THREADS], i;
	char name[16];

	check_begin(argc, argv);
	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "u.%u", i);
		paths[i] = strdup(check_path(name));
		memset(bodies[i], 'a' + (int)i, sizeof(bodies[i]) - 1 - i);
		sdbox_write(paths[i], bodies[i]);
	}
	for (i = 0; i < THREADS; i++) {
		seeds[i] = i + 1;
		CHECK_INT(pthread_create(&threads[i], NULL, thread_run,
					 &seeds[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < SHELF; i++)
		dbox_aio_message_unref(&shelf[i]);
	for (i = 0; i < FILES; i++)
		free((char *)(uintptr_t)paths[i]);
	/* A worker may still be closing one. */
	for (i = 0; i < 1000 && mail_fds_open() > 0; i++)
		usleep(10000);
	CHECK_INT(mail_fds_open(), 0);
	return 0;
}
