/* verify.c: the command that checks every record of a spool */
#define _GNU_SOURCE
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
#define CHUNK (256 << 10)

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
	uint64_t chunks = (uint64_t)((double)verify.rate * VERIFY_BURST_SECONDS) /
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
	verify_scan();
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
