/*
 * fuzz_file.c: any bytes as a mail file, read through the C ABI with all
 * flags, by a batch to each backend. What oracle.c finds in them must be what
 * comes, and nothing may be left.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTEXTS 3
#define JOBS 256
/* Records of a file that are read by themselves. */
#define OFFSETS 4
/* Larger files are not tried: a record must fit into the smallest budget. */
#define FILE_MAX 20000

struct job {
	struct dbox_aio_request request;
	int finals;
	/* SCAN */
	size_t next;                    /* where it has to go on */
	int broken;                     /* of the first broken record */
	unsigned int calls;
};

int fuzz_all_contexts;

static struct dbox_aio *contexts[CONTEXTS];
static struct oracle_file file;
static int file_is_good;
static char path[64];
static struct job jobs[JOBS];
static unsigned int jobs_count;
static const struct job *job_checked;
static const struct dbox_aio_result *result_checked;

void must_failed(const char *source, int line, const char *what)
{
	const struct job *job = job_checked;
	char text[512] = "";

	dbox_aio_last_error(text, sizeof(text));
	fprintf(stderr, "%s:%d: not so: %s\n", source, line, what);
	if (job != NULL)
		fprintf(stderr, "op %u flags 0x%x offset %llu hint %llu "
			"window %llu %llu\n", job->request.op,
			job->request.flags,
			(unsigned long long)job->request.offset,
			(unsigned long long)job->request.size_hint,
			(unsigned long long)job->request.body_offset,
			(unsigned long long)job->request.body_limit);
	if (result_checked != NULL)
		fprintf(stderr, "status %d (%s) at %llu\n",
			result_checked->status, result_checked->detail == NULL ?
			"no detail" : result_checked->detail,
			(unsigned long long)result_checked->error_offset);
	fprintf(stderr, "last error of the library: %s\n", text);
	abort();
}

/*
 * Results
 */

static void broken_check(const struct dbox_aio_result *result)
{
	MUST(result->status == DBOX_AIO_ECORRUPT ||
	     result->status == DBOX_AIO_ETRUNCATED ||
	     (result->status == DBOX_AIO_EVERSION && !file_is_good));
	MUST(result->message == NULL);
	MUST(result->detail != NULL && result->detail[0] != '\0');
	/* or where the request looks, behind the end */
	MUST(result->error_offset <= file.size ||
	     result->error_offset == job_checked->request.offset);
}

static void read_check(const struct job *job,
		       const struct dbox_aio_result *result)
{
	const struct dbox_aio_request *request = &job->request;
	const enum oracle_whole needed =
		(request->flags & DBOX_AIO_NO_METADATA) != 0 ?
		ORACLE_BODY : ORACLE_RECORD;
	struct oracle_record record;
	enum oracle_whole whole = ORACLE_NOTHING;

	if (file_is_good)
		whole = oracle_record(&file, request->offset == 0 ?
				      file.header_size :
				      (size_t)request->offset, &record);
	if (result->status == DBOX_AIO_OK) {
		MUST(whole >= needed);
		message_check(&file, &record, request, result);
	} else {
		MUST(whole < needed);
		broken_check(result);
	}
}

static int is_zero(size_t from)
{
	for (; from < file.size; from++) {
		if (file.data[from] != 0)
			return 0;
	}
	return 1;
}

/* One record, or one gap. */
static void scan_check_more(struct job *job,
			    const struct dbox_aio_result *result)
{
	struct oracle_record record;
	enum oracle_whole whole;

	MUST(file_is_good);
	MUST(++job->calls <= file.size);
	MUST(result->record_offset >= job->next);
	MUST(result->record_offset < file.size);
	whole = oracle_record(&file, (size_t)result->record_offset, &record);
	if (result->status != DBOX_AIO_OK) {
		MUST((job->request.flags & DBOX_AIO_RESYNC) != 0);
		MUST(result->record_offset == job->next);
		MUST(whole != ORACLE_RECORD ||
		     oracle_is_unended(&file, &record));
		broken_check(result);
		if (job->broken == 0)
			job->broken = result->status;
		job->next++;
		return;
	}
	/* Nothing is left out but behind a broken record. */
	MUST(result->record_offset == job->next || job->broken != 0);
	MUST(whole == ORACLE_RECORD && !oracle_is_unended(&file, &record));
	message_check(&file, &record, &job->request, result);
	job->next = record.metadata + record.metadata_size;
}

static void scan_check_final(const struct job *job,
			     const struct dbox_aio_result *result)
{
	struct oracle_record record;

	MUST(result->message == NULL);
	if (!file_is_good) {
		broken_check(result);
		return;
	}
	if (job->broken != 0) {
		MUST(result->status == job->broken);
	} else if (result->status == DBOX_AIO_OK) {
		MUST(job->next >= file.size || is_zero(job->next));
	} else {
		MUST((job->request.flags & DBOX_AIO_RESYNC) == 0);
		MUST(result->record_offset == job->next);
		MUST(oracle_record(&file, job->next, &record) !=
		     ORACLE_RECORD || oracle_is_unended(&file, &record));
		broken_check(result);
	}
}

static void job_done(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	struct job *job = result->context;

	(void)ctx;
	job_checked = job;
	result_checked = result;
	MUST(job->finals == 0);
	if ((result->flags & DBOX_AIO_MORE) != 0) {
		MUST(job->request.op == DBOX_AIO_SCAN);
		scan_check_more(job, result);
		return;
	}
	job->finals++;
	switch (job->request.op) {
	case DBOX_AIO_READ:
		read_check(job, result);
		break;
	case DBOX_AIO_SCAN:
		scan_check_final(job, result);
		break;
	case DBOX_AIO_OPEN:
		MUST((result->status == DBOX_AIO_OK) == file_is_good);
		if (!file_is_good)
			broken_check(result);
		break;
	default:
		MUST(result->status == DBOX_AIO_OK);
		MUST(result->file_size == file.size);
		break;
	}
	job_checked = NULL;
	result_checked = NULL;
}

/*
 * Requests
 */

static struct dbox_aio_request *job_add(uint32_t op, uint32_t flags,
					size_t offset)
{
	const struct dbox_aio_request init = DBOX_AIO_REQUEST_INIT;
	struct job *job = &jobs[jobs_count++];

	MUST(jobs_count <= JOBS);
	memset(job, 0, sizeof(*job));
	job->request = init;
	job->request.op = op;
	job->request.flags = flags;
	job->request.offset = offset;
	job->request.path = path;
	job->request.stream = jobs_count % 3;
	job->request.callback = job_done;
	job->request.context = job;
	job->next = offset != 0 ? offset : file.header_size;
	return &job->request;
}

static void windows_add(size_t offset, size_t body_size)
{
	const uint64_t windows[][2] = {
		{ 0, 1 }, { 1, 0 }, { body_size / 2, 5 }, { body_size, 3 },
		{ body_size, 0 }, { UINT64_MAX, 1 }, { 1, UINT64_MAX },
		{ 0, body_size }
	};
	struct dbox_aio_request *request;
	size_t i;

	for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		request = job_add(DBOX_AIO_READ, i % 2 == 0 ? 0 :
				  DBOX_AIO_NO_METADATA, offset);
		request->body_offset = windows[i][0];
		request->body_limit = windows[i][1];
	}
	request = job_add(DBOX_AIO_SCAN, 0, 0);
	request->body_offset = body_size / 2;
	request->body_limit = 7;
}

/* All ways to read at an offset; those with the same hint are neighbours. */
static void reads_add(size_t offset, size_t body_size)
{
	const uint64_t hints[] = { 0, 1, body_size + 60, 1 << 20 };
	uint32_t flags;

	for (flags = 0; flags < 0x10; flags++)
		job_add(DBOX_AIO_READ, flags, offset)->size_hint =
			hints[(flags + offset) % 4];
}

static void jobs_make(void)
{
	struct oracle_record record = { 0 };
	size_t offset = 0, next = file.header_size;
	uint32_t flags;
	int i;

	jobs_count = 0;
	job_add(DBOX_AIO_OPEN, 0, 0);
	job_add(DBOX_AIO_STAT, 0, 0);
	for (i = 0; i < OFFSETS; i++) {
		if (!file_is_good ||
		    oracle_record(&file, next, &record) != ORACLE_RECORD)
			break;
		reads_add(offset, record.body_size);
		if (i == 0)
			windows_add(0, record.body_size);
		offset = next = record.metadata + record.metadata_size;
	}
	/* Where the last one ends, or what is broken begins. */
	reads_add(offset, 0);
	job_add(DBOX_AIO_READ, 0, file.size);
	job_add(DBOX_AIO_READ, 0, file.size / 2 + 1);
	job_add(DBOX_AIO_READ, DBOX_AIO_NO_METADATA, 17);
	for (flags = 0; flags < 0x20; flags++)
		job_add(DBOX_AIO_SCAN, flags, 0);
	job_add(DBOX_AIO_SCAN, DBOX_AIO_RESYNC, file.size / 2 + 1)->priority = 1;
	if (offset != 0)
		job_add(DBOX_AIO_SCAN, 0, offset);
}

static void jobs_run(struct dbox_aio *ctx)
{
	struct dbox_aio_request requests[JOBS];
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	unsigned int i;

	for (i = 0; i < jobs_count; i++)
		requests[i] = jobs[i].request;
	MUST(dbox_aio_submit(ctx, requests, jobs_count, NULL) ==
	     (int)jobs_count);
	while (dbox_aio_pending(ctx) > 0)
		MUST(dbox_aio_wait(ctx, jobs_count, 20000) > 0);
	for (i = 0; i < jobs_count; i++) {
		job_checked = &jobs[i];
		MUST(jobs[i].finals == 1);
	}
	job_checked = NULL;
	MUST(dbox_aio_get_stats(ctx, &stats) == 0);
	MUST(stats.bytes_held == 0);
	MUST(stats.pending == 0);
}

static void file_write(const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	MUST(fd >= 0);
	MUST(write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void file_remove(void)
{
	unlink(path);
}

/* All ways to have a context: both backends, and one with little of all. */
static void contexts_make(void)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	int ret;

	options.backend = DBOX_AIO_BACKEND_THREADS;
	MUST(dbox_aio_init(&contexts[0], &options) == 0);
	options.max_bytes = 128 * 1024;
	options.queue_depth = 3;
	options.max_workers = 2;
	MUST(dbox_aio_init(&contexts[1], &options) == 0);
	memset(&options, 0, sizeof(options));
	options.struct_size = sizeof(options);
	options.backend = DBOX_AIO_BACKEND_URING;
	ret = dbox_aio_init(&contexts[2], &options);
	MUST(ret == 0 || ret == DBOX_AIO_ENOTSUP);
	/* In memory, where there is such a file system. */
	snprintf(path, sizeof(path), "%s/dbox-aio-fuzz-%d",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
		 (int)getpid());
	MUST(atexit(file_remove) == 0);
}

/* The fuzzer, which has no time to lose, tries a file in one context: always
   the same for the same bytes. */
static int context_is_wanted(int i, const uint8_t *data, size_t size)
{
	unsigned int sum = 0;
	size_t at;

	for (at = 0; at < size; at++)
		sum += data[at];
	return fuzz_all_contexts || sum % CONTEXTS == (unsigned int)i;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int i;

	if (contexts[0] == NULL)
		contexts_make();
	if (size > FILE_MAX)
		return 0;
	file_is_good = oracle_header(data, size, &file);
	file_write(data, size);
	for (i = 0; i < CONTEXTS; i++) {
		if (contexts[i] == NULL || !context_is_wanted(i, data, size))
			continue;
		jobs_make();
		jobs_run(contexts[i]);
	}
	return 0;
}
