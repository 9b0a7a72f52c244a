/* main.c: the commands of dboxaio, and what all of them need */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "dboxaio.h"
#include "decompress.h"

static const struct tool_command *const commands[] = {
	&verify_command, &ls_command, &cat_command, &bench_command
};
#define COMMANDS_COUNT (sizeof(commands) / sizeof(commands[0]))

static void usage_print(FILE *out, const struct tool_command *command)
{
	const char *line = command->usage, *end;
	const char *lead = "usage:";

	for (; *line != '\0'; line = *end == '\0' ? end : end + 1) {
		end = strchrnul(line, '\n');
		fprintf(out, "%s dboxaio %.*s\n", lead, (int)(end - line),
			line);
		lead = "      ";
	}
}

static void main_usage(FILE *out)
{
	size_t i;

	fputs("usage: dboxaio COMMAND [OPTION...] ...\n"
	      "\n"
	      "Looks at Dovecot's mail files, sdbox and mdbox.\n"
	      "\n", out);
	for (i = 0; i < COMMANDS_COUNT; i++)
		fprintf(out, "  %-8s %s\n", commands[i]->name,
			commands[i]->summary);
	fputs("\n"
	      "dboxaio COMMAND --help tells about a command, dboxaio(1) about all of it.\n"
	      "dboxaio --version tells its version and the library's.\n", out);
}

/* What was printed must have arrived: a full disk is trouble. */
static int flush(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "dboxaio: standard output: %s\n", strerror(errno));
	return TOOL_TROUBLE;
}

static int version(void)
{
	char decompressors[128];
	int major, minor, patch;

	dbox_aio_version(&major, &minor, &patch);
	printf("dboxaio %s\nlibdbox_aio %d.%d.%d\n", DBOX_AIO_VERSION,
	       major, minor, patch);
	decompress_versions(decompressors, sizeof(decompressors));
	printf("%s\n", decompressors);
	return flush(TOOL_GOOD);
}

void tool_help(const struct tool_command *command)
{
	usage_print(stdout, command);
	printf("\n%s", command->help);
	exit(flush(TOOL_GOOD));
}

void tool_usage(const struct tool_command *command, const char *complaint, ...)
{
	va_list args;

	if (complaint != NULL) {
		fputs("dboxaio: ", stderr);
		va_start(args, complaint);
		vfprintf(stderr, complaint, args);
		va_end(args);
		fputc('\n', stderr);
	}
	usage_print(stderr, command);
	fprintf(stderr, "dboxaio %s --help tells more.\n", command->name);
	exit(TOOL_TROUBLE);
}

void tool_die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("dboxaio: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(TOOL_TROUBLE);
}

struct dbox_aio *tool_context(struct dbox_aio_options *options)
{
	struct dbox_aio *ctx;
	char why[512];

	if (dbox_aio_init(&ctx, options) == 0)
		return ctx;
	dbox_aio_last_error(why, sizeof(why));
	tool_die("%s", why);
}

bool tool_backend(const char *name, uint32_t *backend_r)
{
	if (strcmp(name, "auto") == 0)
		*backend_r = DBOX_AIO_BACKEND_AUTO;
	else if (strcmp(name, "uring") == 0)
		*backend_r = DBOX_AIO_BACKEND_URING;
	else if (strcmp(name, "threads") == 0)
		*backend_r = DBOX_AIO_BACKEND_THREADS;
	else
		return false;
	return true;
}

const char *tool_backend_name(const struct dbox_aio *ctx)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;

	if (dbox_aio_get_stats(ctx, &stats) == 0 &&
	    stats.backend == DBOX_AIO_BACKEND_URING)
		return "uring";
	return "threads";
}

uint64_t tool_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
		main_usage(stdout);
		return flush(TOOL_GOOD);
	}
	if (argc >= 2 && strcmp(argv[1], "--version") == 0)
		return version();
	for (i = 0; argc >= 2 && i < COMMANDS_COUNT; i++) {
		if (strcmp(argv[1], commands[i]->name) == 0) {
			int code = commands[i]->run(argc - 1, argv + 1);

			code = flush(code);
			signals_die();
			return code;
		}
	}
	if (argc >= 2) {
		fputs("dboxaio: there is no command ", stderr);
		text_puts(stderr, argv[1]);
		fputs("\n", stderr);
	}
	main_usage(stderr);
	return TOOL_TROUBLE;
}
