/* bench-sample.c: the messages that dboxaio bench reads */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "bench.h"
#include "dboxaio.h"
#include "spool.h"

/* So many files of the spool are looked at, and of an mdbox file so many of
   its messages. */
#define LOOKED_AT_MAX 100000
#define OF_ONE_FILE_MAX 16

struct collection {
	struct bench_sample *sample;
	const char *path;
	size_t max_messages, of_this;
	uint64_t max_bytes;
};

static void *need(void *memory)
{
	if (memory == NULL)
		tool_die("out of memory");
	return memory;
}

/* The same numbers each time (xorshift64*). */
static size_t random_below(size_t n)
{
	static uint64_t state = 0x9e3779b97f4a7c15U;

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (size_t)((state * 0x2545f4914f6cdd1dU) >> 33) % n;
}

/* Each file found has the same chance to be among max. */
static void choose_files(struct spool *spool, struct bench_sample *sample,
			 size_t max)
{
	struct pollfd pollfd = { spool_fd(spool), POLLIN, 0 };
	struct spool_entry entry;
	size_t found = 0, i;
	int ret;

	sample->paths = need(calloc(max, sizeof(*sample->paths)));
	while (found < LOOKED_AT_MAX && signals_caught() == 0 &&
	       (ret = spool_next(spool, &entry)) >= 0) {
		if (ret == 0) {
			(void)signals_poll(&pollfd, 1, -1);
			continue;
		}
		if (entry.error != 0) {
			fputs("dboxaio: ", stderr);
			text_puts(stderr, entry.path);
			fprintf(stderr, ": %s\n", strerror(entry.error));
			free(entry.path);
			continue;
		}
		i = sample->paths_count < max ? sample->paths_count++ :
			random_below(found + 1);
		found++;
		if (i >= max) {
			free(entry.path);
			continue;
		}
		free(sample->paths[i]);
		sample->paths[i] = entry.path;
	}
	for (i = sample->paths_count; i > 1; i--) {
		size_t j = random_below(i);
		char *path = sample->paths[i - 1];

		sample->paths[i - 1] = sample->paths[j];
		sample->paths[j] = path;
	}
}

static void record_found(struct dbox_aio *ctx,
			 const struct dbox_aio_result *result)
{
	struct collection *c = result->context;
	struct bench_sample *sample = c->sample;
	struct bench_message *message;
	uint64_t size;

	if ((result->flags & DBOX_AIO_MORE) == 0 ||
	    result->status != DBOX_AIO_OK)
		return;
	size = dbox_aio_message_record_size(result->message);
	if (c->of_this == OF_ONE_FILE_MAX ||
	    sample->count == c->max_messages ||
	    sample->bytes + size > c->max_bytes) {
		(void)dbox_aio_cancel(ctx, result->id);
		return;
	}
	c->of_this++;
	message = &sample->messages[sample->count++];
	message->path = c->path;
	message->offset = result->record_offset;
	message->size = size;
	sample->bytes += size;
}

void bench_sample_choose(struct dbox_aio *ctx, const char *dir,
			 size_t max_messages, uint64_t max_bytes,
			 struct bench_sample *sample_r)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct spool_options options = { true, false };
	struct collection c = { sample_r, NULL, max_messages, 0, max_bytes };
	char *roots[] = { (char *)(uintptr_t)dir };
	struct spool *spool = spool_start(roots, 1, &options);
	size_t i;

	if (spool == NULL)
		tool_die("no thread can be created: raise RLIMIT_NPROC");
	memset(sample_r, 0, sizeof(*sample_r));
	choose_files(spool, sample_r, max_messages);
	sample_r->messages = need(calloc(max_messages,
					 sizeof(*sample_r->messages)));
	request.op = DBOX_AIO_SCAN;
	request.flags = DBOX_AIO_NO_BODY;
	request.callback = record_found;
	request.context = &c;
	for (i = 0; i < sample_r->paths_count && signals_caught() == 0 &&
	     sample_r->count < max_messages &&
	     sample_r->bytes < max_bytes; i++) {
		request.path = c.path = sample_r->paths[i];
		c.of_this = 0;
		if (dbox_aio_submit(ctx, &request, 1, NULL) != 1 ||
		    dbox_aio_wait(ctx, 1, -1) < 0)
			tool_die("the library refused a request");
	}
	/* of these nothing is read */
	while (sample_r->paths_count > i)
		free(sample_r->paths[--sample_r->paths_count]);
}

/* Returns 1 if the page at offset is in the page cache, 0 if it is not, -1 if
   that can't be told. Reading without waiting would tell too, but also begin
   to read ahead. */
static int is_cached(int fd, uint64_t offset)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char resident;
	void *map;
	int ret;

	map = mmap(NULL, page, PROT_READ, MAP_SHARED, fd,
		   (off_t)(offset - offset % page));
	if (map == MAP_FAILED)
		return -1;
	ret = mincore(map, page, &resident) < 0 ? -1 : resident & 1;
	munmap(map, page);
	return ret;
}

int bench_sample_evict(const struct bench_sample *sample)
{
	size_t i, told = 0, cached = 0;
	const char *path = NULL;
	int fd = -1, ret;

	for (i = 0; i < sample->count; i++) {
		const struct bench_message *message = &sample->messages[i];

		if (message->path != path) {
			if (fd >= 0)
				close(fd);
			path = message->path;
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				continue;
			(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		}
		ret = is_cached(fd, message->offset);
		told += ret >= 0;
		cached += ret > 0;
	}
	if (fd >= 0)
		close(fd);
	return told == 0 ? -1 : (int)(cached * 100 / told);
}
