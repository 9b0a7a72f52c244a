/* peer_pool.c: a pool of 64 threads, which make the blocking calls; an eventfd
   tells the loop. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "job.h"

#define THREADS 64
#define STACK_SIZE (256 << 10)

struct queue {
	struct job *head, **tail;
};

static pthread_mutex_t todo_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t todo_cond = PTHREAD_COND_INITIALIZER;
static struct queue todo = { NULL, &todo.head };
static unsigned int idle;

static pthread_mutex_t done_lock = PTHREAD_MUTEX_INITIALIZER;
static struct queue done = { NULL, &done.head };
static int done_fd;

static void queue_push(struct queue *queue, struct job *job)
{
	job->next = NULL;
	*queue->tail = job;
	queue->tail = &job->next;
}

static struct job *queue_take_all(struct queue *queue)
{
	struct job *job = queue->head;

	queue->head = NULL;
	queue->tail = &queue->head;
	return job;
}

static struct job *queue_take(struct queue *queue)
{
	struct job *job = queue->head;

	queue->head = job->next;
	if (queue->head == NULL)
		queue->tail = &queue->head;
	return job;
}

static void job_done(struct job *job)
{
	const uint64_t one = 1;
	int was_empty;

	pthread_mutex_lock(&done_lock);
	was_empty = done.head == NULL;
	queue_push(&done, job);
	pthread_mutex_unlock(&done_lock);
	if (was_empty && write(done_fd, &one, sizeof(one)) < 0)
		err(1, "eventfd");
}

static void *thread_run(void *arg)
{
	struct job *job;

	(void)arg;
	for (;;) {
		pthread_mutex_lock(&todo_lock);
		while (todo.head == NULL) {
			idle++;
			pthread_cond_wait(&todo_cond, &todo_lock);
			idle--;
		}
		job = queue_take(&todo);
		pthread_mutex_unlock(&todo_lock);
		job_read(job);
		job_done(job);
	}
	return NULL;
}

static void pool_init(const struct peer_setup *setup)
{
	pthread_attr_t attr;
	pthread_t thread;
	int i;

	(void)setup;
	done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (done_fd < 0)
		err(1, "eventfd");
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (i = 0; i < THREADS; i++) {
		errno = pthread_create(&thread, &attr, thread_run, NULL);
		if (errno != 0)
			err(1, "pthread_create");
	}
	loop_init(done_fd, 1);
}

static void pool_submit(const struct message *const *messages,
			unsigned int count)
{
	unsigned int i, wake;

	pthread_mutex_lock(&todo_lock);
	for (i = 0; i < count; i++)
		queue_push(&todo, job_new(messages[i]));
	wake = idle < count ? idle : count;
	pthread_mutex_unlock(&todo_lock);
	for (i = 0; i < wake; i++)
		pthread_cond_signal(&todo_cond);
}

static void pool_turn(void)
{
	struct job *job, *next;

	loop_wait();
	pthread_mutex_lock(&done_lock);
	job = queue_take_all(&done);
	pthread_mutex_unlock(&done_lock);
	for (; job != NULL; job = next) {
		next = job->next;
		job_deliver(job);
	}
}

const struct peer peer_pool = {
	"P", "64 threads", NULL, pool_init, pool_submit, NULL, pool_turn
};
