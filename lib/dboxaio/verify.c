/* verify.c: checks every record of a spool */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "dboxaio.h"
#include "spool.h"
#include "verify.h"

/* Files that are read at once. Each takes a chunk of 256 KiB at most. */
#define JOBS_DEFAULT 128
#define JOBS_MAX 4096
/* Files that wait for their second look; then it comes earlier. */
#define LATER_MAX 1024
/* Between the two looks at a file, unless LATER_MAX is reached. */
#define LATER_NS 1000000000U
/* With a rate, what may be read at once, in seconds of it. */
#define BURST_SECONDS 0.25
#define CHUNK (256 << 10)

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

struct verify {
	struct dbox_aio *ctx;
	struct spool *spool;
	struct report report;
	struct verify_counts counts;
	double done;		/* share of all that is done */
	unsigned int jobs, in_flight;
	bool walked;

	/* first in, first out */
	struct file *later, **later_end;
	unsigned int later_count;

	uint64_t rate;		/* bytes a second, or 0 */
	double credit;		/* bytes that may be read now */
	uint64_t filled;	/* when credit was brought up to date */
	uint64_t bytes_read;	/* what credit was charged for */
};

static struct verify verify;

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
	double most = (double)verify.rate * BURST_SECONDS;

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

static void run(void)
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

/* So that a server on the same disk goes first, where the disk's scheduler
   looks at that. Threads inherit it. */
static void be_idle(void)
{
	enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_CLASS_IDLE = 3 << 13 };

	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_IDLE);
	(void)setpriority(PRIO_PROCESS, 0, 10);
}

/* As many files at once as may be open, and as the rate allows. */
static void limit_jobs(void)
{
	uint64_t chunks = (uint64_t)((double)verify.rate * BURST_SECONDS) /
		CHUNK;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur < verify.jobs + 1024) {
		limit.rlim_cur = limit.rlim_max < verify.jobs + 1024 ?
			limit.rlim_max : verify.jobs + 1024;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (verify.rate != 0 && chunks < verify.jobs)
		verify.jobs = chunks < 2 ? 2 : (unsigned int)chunks;
	/* the walk, the library's own descriptors, and some */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur < verify.jobs + 384)
		verify.jobs = limit.rlim_cur > 448 ?
			(unsigned int)limit.rlim_cur - 384 : 64;
}

static void parse(int argc, char **argv, struct dbox_aio_options *options,
		  struct spool_options *spool_options)
{
	enum { RATE = 256, BACKEND, NO_ALT };
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'J' },
		{ "rate", required_argument, NULL, RATE },
		{ "jobs", required_argument, NULL, 'j' },
		{ "backend", required_argument, NULL, BACKEND },
		{ "no-alt", no_argument, NULL, NO_ALT },
		{ "verbose", no_argument, NULL, 'v' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	uint64_t jobs = JOBS_DEFAULT;
	int c;

	while ((c = getopt_long(argc, argv, "j:vq", longs, NULL)) != -1) {
		switch (c) {
		case 'J': verify.report.json = true; break;
		case 'v': verify.report.verbose = true; break;
		case 'q': verify.report.quiet = true; break;
		case NO_ALT: spool_options->alternatives = false; break;
		case 'h': tool_help(&verify_command);
		case 'j':
			if (!text_parse_number(optarg, JOBS_MAX, &jobs) ||
			    jobs == 0)
				tool_usage(&verify_command,
					   "--jobs: 1 to %d", JOBS_MAX);
			break;
		case RATE:
			if (!text_parse_size(optarg, &verify.rate) ||
			    verify.rate == 0)
				tool_usage(&verify_command, "--rate: bytes a "
					   "second, as in 20M");
			break;
		case BACKEND:
			if (!tool_backend(optarg, &options->backend))
				tool_usage(&verify_command, "--backend: auto, "
					   "uring or threads");
			break;
		default: tool_usage(&verify_command, NULL);
		}
	}
	if (optind == argc)
		tool_usage(&verify_command, "which directories?");
	verify.jobs = (unsigned int)jobs;
}

static int verify_run(int argc, char **argv)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct spool_options spool_options = { true, false };
	char backend[16];

	verify.later_end = &verify.later;
	parse(argc, argv, &options, &spool_options);
	limit_jobs();
	options.max_pending = verify.jobs;
	options.max_bytes = 64 << 20;
	be_idle();
	signals_catch();
	/* what is found, somebody reads at once, also through a pipe */
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	verify.ctx = tool_context(&options);
	snprintf(backend, sizeof(backend), "%s", tool_backend_name(verify.ctx));
	report_init(&verify.report);
	verify.filled = verify.report.started;
	spool_options.shares = verify.report.bar;
	verify.spool = spool_start(argv + optind,
				   (unsigned int)(argc - optind),
				   &spool_options);
	if (verify.spool == NULL)
		tool_die("no thread can be created: raise RLIMIT_NPROC");
	run();
	(void)dbox_aio_deinit(&verify.ctx);
	report_summary(&verify.report, &verify.counts, backend,
		       signals_caught() != 0);
	if (verify.counts.broken_records > 0)
		return TOOL_BROKEN;
	return verify.counts.unreadable > 0 ? TOOL_UNREADABLE : TOOL_GOOD;
}

const struct tool_command verify_command = {
	"verify", verify_run,
	"check every record of a mail spool",
	"verify [OPTION...] DIR...",
	"Reads every mail file (u.N and m.N) below the directories and checks each record\n"
	"to its end. Prints one line for each that is broken: file, offset of the record,\n"
	"the rule that it breaks, and at which byte. A store's alternative storage is\n"
	"found by Dovecot's link dbox-alt-root. Says nothing if all is well and stderr is\n"
	"no terminal. Can run beside a live server.\n"
	"\n"
	"      --json             JSON, one object a line, a summary at the end\n"
	"      --rate SIZE        read not more than so many bytes a second (20M)\n"
	"  -j, --jobs N           files that are read at once (128)\n"
	"      --backend NAME     auto, uring or threads (auto)\n"
	"      --no-alt           leave out alternative storages\n"
	"  -v, --verbose          a summary in any case\n"
	"  -q, --quiet            no progress, no summary\n"
	"      --help             this text\n"
	"\n"
	"Exit codes: 0 all is well; 1 something is broken; 2 wrong usage, or it could not\n"
	"be done; 3 nothing is broken, but not all could be read.\n"
};
