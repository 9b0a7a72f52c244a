/* verify-scan.c: has every file of a spool scanned, and listens */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dboxaio.h"
#include "spool.h"
#include "verify.h"

/* Files that wait for their second look; then it comes earlier. */
#define LATER_MAX 1024
/* Between the two looks at a file, unless LATER_MAX is reached. */
#define LATER_NS 1000000000U

struct file {
	struct file *next;
	char *path;
	double share;
	uint64_t offset;	/* of the record to look at a second time */
	uint64_t looked;	/* when it was looked at */
	bool second;		/* this is the second look */
	bool again;		/* the first look has to be repeated */
	bool broken;
	struct saving before;
	/* until its end; then they are counted */
	uint64_t records;
};

struct verify verify = { .later_end = &verify.later };

static void later_add(struct file *file)
{
	file->next = NULL;
	*verify.later_end = file;
	verify.later_end = &file->next;
	verify.later_count++;
}

static struct file *later_take(void)
{
	struct file *file = verify.later;

	verify.later = file->next;
	if (verify.later == NULL)
		verify.later_end = &verify.later;
	verify.later_count--;
	return file;
}

static void file_end(struct file *file)
{
	verify.counts.records += file->records;
	verify.counts.broken_files += file->broken;
	verify.done += file->share;
	free(file->path);
	free(file);
}

static void file_broken(struct file *file, const struct dbox_aio_result *result)
{
	struct saving after;

	if (result->status == DBOX_AIO_ETRUNCATED && file->second) {
		saving_look(file->path, &after);
		if (saving_between(&file->before, &after)) {
			verify.counts.unfinished++;
			(void)dbox_aio_cancel(verify.ctx, result->id);
			file->again = true;	/* hear no more of it */
			return;
		}
	}
	file->broken = true;
	verify.counts.broken_records++;
	report_broken(&verify.report, file->path, result);
}

static void file_unreadable(struct file *file,
			    const struct dbox_aio_result *result)
{
	verify.counts.unreadable++;
	report_unreadable(&verify.report, file->path, text_error(result));
}

/* The final result of a file. */
static void file_result(struct file *file, const struct dbox_aio_result *result)
{
	switch (result->status) {
	case DBOX_AIO_OK:
		verify.counts.files++;
		break;
	case DBOX_AIO_ECORRUPT:
	case DBOX_AIO_ETRUNCATED:
	case DBOX_AIO_EVERSION:
	case DBOX_AIO_ENOTFILE:
	case DBOX_AIO_ETOOBIG:
		verify.counts.files++;
		/* that of its first broken record, or of its header */
		if (!file->broken)
			file_broken(file, result);
		break;
	case DBOX_AIO_ENOENT:
		verify.counts.vanished++;
		break;
	case DBOX_AIO_ECANCELED:
	case DBOX_AIO_ESHUTDOWN:
		break;
	default:
		if (result->sys_errno == ESTALE)
			verify.counts.vanished++;
		else
			file_unreadable(file, result);
		break;
	}
}

/* A record that is cut off, or not written yet, may be one that is being
   saved: the file gets a second look later, from there on. */
static bool wants_second_look(const struct file *file,
			      const struct dbox_aio_result *result)
{
	return result->status == DBOX_AIO_ETRUNCATED && !file->second;
}

static void scanned(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	struct file *file = result->context;
	bool more = (result->flags & DBOX_AIO_MORE) != 0;

	if (!file->again && wants_second_look(file, result)) {
		file->again = true;
		file->offset = result->record_offset;
		file->before.device = result->device;
		file->before.inode = result->inode;
		if (more)
			(void)dbox_aio_cancel(ctx, result->id);
	}
	if (file->again) {
		if (more)
			return;
	} else if (more) {
		if (result->status == DBOX_AIO_OK)
			file->records++;
		else
			file_broken(file, result);
		return;
	}
	verify.in_flight--;
	if (result->status == DBOX_AIO_ESHUTDOWN) {
		file_end(file);
	} else if (file->again && !file->second) {
		file->looked = tool_now();
		later_add(file);
	} else {
		if (file->again)
			verify.counts.files++;
		else
			file_result(file, result);
		file_end(file);
	}
}

static void request_init(struct dbox_aio_request *request, struct file *file)
{
	static const struct dbox_aio_request init = DBOX_AIO_REQUEST_INIT;
	struct saving now;

	*request = init;
	request->op = DBOX_AIO_SCAN;
	request->flags = DBOX_AIO_NO_BODY | DBOX_AIO_RESYNC;
	request->priority = 1;
	if (file->again) {
		file->second = true;
		file->again = false;
		saving_look(file->path, &now);
		if (now.inode != file->before.inode ||
		    now.device != file->before.device) {
			/* replaced: another file, looked at as a whole */
			file->offset = 0;
			file->records = 0;
		}
		file->before = now;
	}
	request->offset = file->offset;
	request->path = file->path;
	request->callback = scanned;
	request->context = file;
}

/* The next file to read, or NULL: there is none now. */
static struct file *next_file(void)
{
	struct spool_entry entry;
	struct file *file;
	int ret;

	if (verify.later_count >= LATER_MAX)
		return later_take();
	while (!verify.walked) {
		ret = spool_next(verify.spool, &entry);
		if (ret == 0)
			return NULL;
		if (ret < 0) {
			verify.walked = true;
			break;
		}
		if (entry.error != 0) {
			verify.counts.unreadable++;
			report_unreadable(&verify.report, entry.path,
					  strerror(entry.error));
			verify.done += entry.share;
			free(entry.path);
			continue;
		}
		file = calloc(1, sizeof(*file));
		if (file == NULL)
			tool_die("out of memory");
		file->path = entry.path;
		file->share = entry.share;
		return file;
	}
	if (verify.later != NULL && verify.in_flight == 0 &&
	    tool_now() - verify.later->looked >= LATER_NS)
		return later_take();
	return NULL;
}

static void submit(void)
{
	struct dbox_aio_request requests[64];
	struct file *file;
	unsigned int count = 0;
	int ret;

	while (count < 64 && verify.in_flight + count < verify.jobs &&
	       (file = next_file()) != NULL)
		request_init(&requests[count++], file);
	if (count == 0)
		return;
	verify.in_flight += count;
	ret = dbox_aio_submit(verify.ctx, requests, count, NULL);
	/* max_pending is jobs */
	if (ret != (int)count)
		tool_die("%s", dbox_aio_strerror(ret < 0 ? ret :
						 DBOX_AIO_EBUSY));
}

/* Brings the rate's credit up to date. Returns how long to wait, in ms, until
   anything may be read; 0 if something may. */
static int rate_wait(void)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	uint64_t now = tool_now();
	double most = (double)verify.rate * VERIFY_BURST_SECONDS;

	if (dbox_aio_get_stats(verify.ctx, &stats) < 0)
		return 0;
	verify.counts.bytes = stats.bytes_read;
	if (verify.rate == 0)
		return 0;
	verify.credit += (double)(now - verify.filled) / 1e9 *
		(double)verify.rate;
	verify.filled = now;
	if (verify.credit > most)
		verify.credit = most;
	verify.credit -= (double)(stats.bytes_read - verify.bytes_read);
	verify.bytes_read = stats.bytes_read;
	if (verify.credit >= 0)
		return 0;
	return (int)(-verify.credit / (double)verify.rate * 1000) + 1;
}

/* While the rate is used up nothing is dispatched, and so nothing is begun. */
static void pause_for(int wait_ms)
{
	uint64_t start = tool_now();

	if (verify.report.bar && wait_ms > 100)
		wait_ms = 100;
	(void)signals_poll(NULL, 0, wait_ms);
	verify.counts.paused_ns += tool_now() - start;
}

static void wait_for_events(void)
{
	struct pollfd fds[2] = {
		{ dbox_aio_fd(verify.ctx), POLLIN, 0 },
		{ spool_fd(verify.spool), POLLIN, 0 }
	};
	int timeout = verify.report.bar ? 100 : -1;
	bool full = verify.in_flight >= verify.jobs;

	if (verify.walked && verify.in_flight == 0)
		timeout = 100;	/* for the second looks */
	(void)signals_poll(fds, verify.walked || full ? 1 : 2, timeout);
}

void verify_scan(void)
{
	int wait_ms, ret;

	while (signals_caught() == 0) {
		wait_ms = rate_wait();
		report_progress(&verify.report, &verify.counts, verify.done +
				spool_empty_share(verify.spool));
		if (wait_ms > 0) {
			pause_for(wait_ms);
			continue;
		}
		submit();
		if (verify.walked && verify.in_flight == 0 &&
		    verify.later == NULL)
			break;
		wait_for_events();
		ret = dbox_aio_dispatch(verify.ctx, 0);
		if (ret < 0)
			tool_die("%s", dbox_aio_strerror(ret));
	}
	(void)rate_wait();
}
