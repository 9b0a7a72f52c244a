/* bench.c: what a storage gains by reading in batches */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bench.h"
#include "dboxaio.h"

#define ROUNDS_MAX 99

struct method {
	const char *name;
	size_t batch;		/* 0: one after another, blocking */
	double seconds[ROUNDS_MAX];
	unsigned int rounds;
};

static struct method methods[] = {
	{ "one after another", 0, { 0 }, 0 },
	{ "batches of 10", 10, { 0 }, 0 },
	{ "batches of 100", 100, { 0 }, 0 },
	{ "all at once", SIZE_MAX, { 0 }, 0 }
};
#define METHODS_COUNT (sizeof(methods) / sizeof(methods[0]))

struct bench {
	const char *dir;
	struct dbox_aio *ctx;
	struct bench_sample sample;
	bool json;
	size_t max_messages;
	uint64_t max_bytes;
	unsigned int rounds;
	int cached;		/* the most that was not forgotten, percent */
	size_t failed;
};

/* As a program does that knows of nothing but files: a file that has the next
   message too stays open. */
static bool read_blocking(struct bench *bench)
{
	const struct bench_sample *sample = &bench->sample;
	char *buf = malloc(sample->bytes > 0 ? sample->bytes : 1);
	const char *path = NULL;
	struct stat st;
	size_t i;
	int fd = -1;

	if (buf == NULL)
		tool_die("out of memory");
	for (i = 0; i < sample->count && signals_caught() == 0; i++) {
		const struct bench_message *message = &sample->messages[i];

		if (message->path != path) {
			if (fd >= 0)
				close(fd);
			path = message->path;
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd >= 0 && fstat(fd, &st) < 0)
				bench->failed++;
		}
		if (fd < 0 || pread(fd, buf, message->size,
				    (off_t)message->offset) !=
		    (ssize_t)message->size)
			bench->failed++;
	}
	if (fd >= 0)
		close(fd);
	free(buf);
	return i == sample->count;
}

static void message_read(struct dbox_aio *ctx,
			 const struct dbox_aio_result *result)
{
	struct bench *bench = result->context;

	(void)ctx;
	if (result->status != DBOX_AIO_OK &&
	    result->status != DBOX_AIO_ESHUTDOWN)
		bench->failed++;
}

static bool read_batches(struct bench *bench, size_t batch)
{
	static const struct dbox_aio_request init = DBOX_AIO_REQUEST_INIT;
	const struct bench_sample *sample = &bench->sample;
	struct dbox_aio_request *requests;
	size_t i, n, done;

	if (batch > sample->count)
		batch = sample->count;
	requests = calloc(batch, sizeof(*requests));
	if (requests == NULL)
		tool_die("out of memory");
	for (done = 0; done < sample->count && signals_caught() == 0;
	     done += n) {
		n = sample->count - done < batch ? sample->count - done : batch;
		for (i = 0; i < n; i++) {
			const struct bench_message *message =
				&sample->messages[done + i];

			requests[i] = init;
			requests[i].op = DBOX_AIO_READ;
			requests[i].path = message->path;
			requests[i].offset = message->offset;
			requests[i].size_hint = message->size;
			requests[i].callback = message_read;
			requests[i].context = bench;
		}
		if (dbox_aio_submit(bench->ctx, requests, n, NULL) != (int)n)
			tool_die("the library refused a request");
		/* a signal does not end the wait */
		while (dbox_aio_pending(bench->ctx) > 0 &&
		       signals_caught() == 0)
			(void)dbox_aio_wait(bench->ctx, (unsigned int)n, 200);
	}
	free(requests);
	return done == sample->count && signals_caught() == 0;
}

/* On slow storage one run takes its time. */
static void announce(const struct bench *bench, const struct method *method)
{
	if (terminal_width(stderr) == 0)
		return;
	fprintf(stderr, "\r\033[K%s, run %u of %u", method->name,
		method->rounds + 1, bench->rounds);
	fflush(stderr);
}

static void measure(struct bench *bench, struct method *method)
{
	uint64_t start;
	int cached = bench_sample_evict(&bench->sample);
	bool whole;

	announce(bench, method);
	if (cached > bench->cached)
		bench->cached = cached;
	start = tool_now();
	whole = method->batch == 0 ? read_blocking(bench) :
		read_batches(bench, method->batch);
	if (whole)
		method->seconds[method->rounds++] =
			(double)(tool_now() - start) / 1e9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Messages a second, by the median of the rounds; 0 if there was none. */
static double rate_of(const struct bench *bench, struct method *method)
{
	if (method->rounds == 0)
		return 0;
	qsort(method->seconds, method->rounds, sizeof(method->seconds[0]),
	      compare);
	return (double)bench->sample.count /
		method->seconds[method->rounds / 2];
}

static void print_json(const struct bench *bench)
{
	double rate, first = rate_of(bench, &methods[0]);
	size_t i;

	fputs("{\"type\":\"sample\"", stdout);
	text_put_json_path(stdout, "dir", bench->dir);
	printf(",\"messages\":%zu,\"files\":%zu,\"bytes\":%" PRIu64
	       ",\"backend\":\"%s\",\"cached_percent\":", bench->sample.count,
	       bench->sample.paths_count, bench->sample.bytes,
	       tool_backend_name(bench->ctx));
	if (bench->cached < 0)
		fputs("null}\n", stdout);
	else
		printf("%d}\n", bench->cached);
	for (i = 0; i < METHODS_COUNT; i++) {
		rate = rate_of(bench, &methods[i]);
		printf("{\"type\":\"method\",\"name\":\"%s\",\"rounds\":%u"
		       ",\"messages_per_second\":%.1f", methods[i].name,
		       methods[i].rounds, rate);
		if (rate > 0 && first > 0)
			printf(",\"gain\":%.2f", rate / first);
		fputs("}\n", stdout);
	}
}

static void print_chart(const struct bench *bench)
{
	unsigned int width = terminal_width(stdout);
	bool colour = terminal_colour(stdout);
	double rate, most = 0, first = rate_of(bench, &methods[0]);
	size_t i;

	width = width == 0 ? 80 : width > 120 ? 120 : width;
	width = width > 52 ? width - 46 : 6;
	for (i = 0; i < METHODS_COUNT; i++) {
		rate = rate_of(bench, &methods[i]);
		most = rate > most ? rate : most;
	}
	for (i = 0; i < METHODS_COUNT && most > 0; i++) {
		rate = rate_of(bench, &methods[i]);
		if (rate == 0)
			continue;
		printf("%-18s %9.0f /s ", methods[i].name, rate);
		if (i > 0 && first > 0)
			printf("%6.1f x  ", rate / first);
		else
			printf("%10s", "");
		fputs(colour && i > 0 ? COLOUR_GOOD : "", stdout);
		terminal_bar(stdout, rate / most, width, false);
		printf("%s\n", colour && i > 0 ? COLOUR_OFF : "");
	}
	if (bench->cached > 20)
		printf("%d%% of it stayed in the page cache: this storage has "
		       "no cold state (tmpfs),\nor the files are in use. The "
		       "figures are of a warm cache.\n", bench->cached);
	else
		printf("Before each run the kernel was told to forget the "
		       "files' content (posix_fadvise);\nnames and inodes, and "
		       "what the disk itself caches, stayed.%s\n",
		       bench->cached < 0 ?
		       " Whether it did can't be told here." : "");
}

static int bench_measure(struct bench *bench)
{
	char size[16];
	unsigned int round;
	size_t i;

	bench_sample_choose(bench->ctx, bench->dir, bench->max_messages,
			    bench->max_bytes, &bench->sample);
	if (bench->sample.count == 0 && signals_caught() == 0) {
		fputs("dboxaio: there are no whole messages below ", stderr);
		text_puts(stderr, bench->dir);
		fputs("\n", stderr);
		return TOOL_TROUBLE;
	}
	if (!bench->json) {
		printf("%zu messages of %zu files, %s; %s; median of %u\n",
		       bench->sample.count, bench->sample.paths_count,
		       text_size(bench->sample.bytes, size),
		       tool_backend_name(bench->ctx), bench->rounds);
		fflush(stdout);
	}
	bench->cached = -1;
	for (round = 0; round < bench->rounds; round++) {
		/* each one first once */
		for (i = 0; i < METHODS_COUNT && signals_caught() == 0; i++)
			measure(bench, &methods[(i + round) % METHODS_COUNT]);
	}
	if (terminal_width(stderr) != 0)
		fputs("\r\033[K", stderr);
	(bench->json ? print_json : print_chart)(bench);
	if (bench->failed > 0) {
		fflush(stdout);
		fprintf(stderr, "dboxaio: %zu reads failed: the files changed "
			"meanwhile\n", bench->failed);
		return TOOL_UNREADABLE;
	}
	return TOOL_GOOD;
}

static int bench_run(int argc, char **argv)
{
	enum { BYTES = 256, ROUNDS, BACKEND };
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'J' },
		{ "messages", required_argument, NULL, 'n' },
		{ "bytes", required_argument, NULL, BYTES },
		{ "rounds", required_argument, NULL, ROUNDS },
		{ "backend", required_argument, NULL, BACKEND },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	uint64_t number;
	struct bench bench;
	int c, code;

	memset(&bench, 0, sizeof(bench));
	bench.max_messages = 1000;
	bench.max_bytes = 64 << 20;
	bench.rounds = 3;
	while ((c = getopt_long(argc, argv, "n:", longs, NULL)) != -1) {
		switch (c) {
		case 'J': bench.json = true; break;
		case 'h': tool_help(&bench_command);
		case 'n':
			if (!text_parse_number(optarg, 65536, &number) ||
			    number == 0)
				tool_usage(&bench_command,
					   "--messages: 1 to 65536");
			bench.max_messages = number;
			break;
		case BYTES:
			if (!text_parse_size(optarg, &bench.max_bytes) ||
			    bench.max_bytes == 0 ||
			    bench.max_bytes > (uint64_t)1 << 30)
				tool_usage(&bench_command, "--bytes: a size up "
					   "to 1G, as in 64M");
			break;
		case ROUNDS:
			if (!text_parse_number(optarg, ROUNDS_MAX, &number) ||
			    number == 0)
				tool_usage(&bench_command, "--rounds: 1 to %d",
					   ROUNDS_MAX);
			bench.rounds = (unsigned int)number;
			break;
		case BACKEND:
			if (!tool_backend(optarg, &options.backend))
				tool_usage(&bench_command, "--backend: auto, "
					   "uring or threads");
			break;
		default: tool_usage(&bench_command, NULL);
		}
	}
	if (argc - optind != 1)
		tool_usage(&bench_command, "which directory?");
	bench.dir = argv[optind];
	signals_catch();
	bench.ctx = tool_context(&options);
	code = bench_measure(&bench);
	(void)dbox_aio_deinit(&bench.ctx);
	return code;
}

const struct tool_command bench_command = {
	"bench", bench_run,
	"measure what a storage gains by reading in batches",
	"bench [OPTION...] DIR",
	"Reads the same messages, chosen at random below the directory, several times:\n"
	"with one blocking call after another, and through the library in batches. Shows\n"
	"messages a second, and how many times as many as with blocking calls. Before\n"
	"each run the page cache is told to forget the files (posix_fadvise DONTNEED),\n"
	"so run it when a live server can bear that.\n"
	"\n"
	"      --json             JSON, one object a line\n"
	"  -n, --messages N       not more than so many messages (1000)\n"
	"      --bytes SIZE       not more than so many bytes (64M)\n"
	"      --rounds N         runs of each, of which the median is shown (3)\n"
	"      --backend NAME     auto, uring or threads (auto)\n"
	"      --help             this text\n"
	"\n"
	"Exit codes: 0; 2 wrong usage, or there is nothing to read; 3 files changed\n"
	"meanwhile.\n"
};
