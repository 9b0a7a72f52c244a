/* verify-report.c: what dboxaio verify prints */
#define _GNU_SOURCE
#include <inttypes.h>
#include <string.h>
#include "dboxaio.h"
#include "verify.h"

#define DRAW_EVERY 100000000	/* ns */

void report_init(struct report *report)
{
	report->started = tool_now();
	report->bar = !report->quiet && terminal_width(stderr) != 0;
}

static double seconds_of(const struct report *report)
{
	double seconds = (double)(tool_now() - report->started) / 1e9;

	return seconds < 0.001 ? 0.001 : seconds;	/* it is divided by */
}

/* A line is going to be printed where the bar is. */
static void bar_clear(struct report *report)
{
	if (!report->bar_drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	report->bar_drawn = false;
	report->drawn = 0;
}

void report_broken(struct report *report, const char *path,
		   const struct dbox_aio_result *result)
{
	const char *rule = text_error(result);

	bar_clear(report);
	if (report->json) {
		fputs("{\"type\":\"broken\"", stdout);
		text_put_json_path(stdout, "file", path);
		printf(",\"record_offset\":%" PRIu64 ",\"error_offset\":%" PRIu64
		       ",\"status\":\"%s\",\"rule\":", result->record_offset,
		       result->error_offset, text_status(result->status));
		text_put_json(stdout, rule, strlen(rule));
		fputs("}\n", stdout);
	} else {
		text_puts(stdout, path);
		printf(":%" PRIu64 ": %s (at byte %" PRIu64 ")\n",
		       result->record_offset, rule, result->error_offset);
	}
}

void report_unreadable(struct report *report, const char *path,
		       const char *error)
{
	bar_clear(report);
	if (report->json) {
		fputs("{\"type\":\"unreadable\"", stdout);
		text_put_json_path(stdout, "file", path);
		fputs(",\"error\":", stdout);
		text_put_json(stdout, error, strlen(error));
		fputs("}\n", stdout);
		return;
	}
	fputs("dboxaio: ", stderr);
	text_puts(stderr, path);
	fprintf(stderr, ": %s\n", error);
}

void report_progress(struct report *report, const struct verify_counts *counts,
		     double share)
{
	uint64_t now = tool_now();
	double seconds = seconds_of(report);
	unsigned int width = terminal_width(stderr);
	bool colour = terminal_colour(stderr);
	char text[128], broken[48], size[16], speed[16];

	if (!report->bar || now - report->drawn < DRAW_EVERY)
		return;
	report->drawn = now;
	share = share < 0 ? 0 : share > 1 ? 1 : share;
	snprintf(text, sizeof(text), "%3.0f%% %" PRIu64 " files, %s, %s/s",
		 share * 100, counts->files, text_size(counts->bytes, size),
		 text_size((uint64_t)((double)counts->bytes / seconds), speed));
	broken[0] = '\0';
	if (counts->broken_records > 0)
		snprintf(broken, sizeof(broken), ", %" PRIu64 " broken",
			 counts->broken_records);
	report->bar_drawn = true;
	fputs("\r\033[K", stderr);
	if (width >= strlen(text) + strlen(broken) + 14) {
		width -= (unsigned int)(strlen(text) + strlen(broken)) + 4;
		fprintf(stderr, "[%s", colour ? COLOUR_GOOD : "");
		terminal_bar(stderr, share, width < 40 ? width : 40, true);
		fprintf(stderr, "%s] ", colour ? COLOUR_OFF : "");
	} else {
		text[width > 1 ? width - 1 : 0] = '\0';
		broken[0] = '\0';
	}
	fputs(text, stderr);
	if (broken[0] != '\0')
		fprintf(stderr, "%s%s%s", colour ? COLOUR_BAD : "", broken,
			colour ? COLOUR_OFF : "");
	fflush(stderr);
}

static void summary_json(const struct report *report,
			 const struct verify_counts *counts,
			 const char *backend, bool interrupted)
{
	printf("{\"type\":\"summary\",\"files\":%" PRIu64
	       ",\"records\":%" PRIu64 ",\"bytes\":%" PRIu64
	       ",\"broken_records\":%" PRIu64 ",\"broken_files\":%" PRIu64
	       ",\"unreadable\":%" PRIu64 ",\"vanished\":%" PRIu64
	       ",\"unfinished\":%" PRIu64 ",\"seconds\":%.3f"
	       ",\"paused_seconds\":%.3f,\"backend\":\"%s\""
	       ",\"interrupted\":%s}\n",
	       counts->files, counts->records, counts->bytes,
	       counts->broken_records, counts->broken_files,
	       counts->unreadable, counts->vanished, counts->unfinished,
	       seconds_of(report),
	       (double)counts->paused_ns / 1e9, backend,
	       interrupted ? "true" : "false");
}

void report_summary(struct report *report, const struct verify_counts *counts,
		    const char *backend, bool interrupted)
{
	double seconds = seconds_of(report);
	char size[16], speed[16];

	bar_clear(report);
	if (report->json) {
		summary_json(report, counts, backend, interrupted);
		return;
	}
	/* A script, or cron, hears nothing as long as all is well. */
	if (report->quiet ||
	    (!report->verbose && !report->bar && !interrupted &&
	     counts->broken_records == 0 && counts->unreadable == 0))
		return;
	fprintf(stderr, "%s%" PRIu64 " files, %" PRIu64 " records, %s in %.1f s"
		" (%s/s)\n", interrupted ? "Interrupted after " : "",
		counts->files, counts->records, text_size(counts->bytes, size),
		seconds,
		text_size((uint64_t)((double)counts->bytes / seconds), speed));
	if (counts->broken_records > 0)
		fprintf(stderr, "%s%" PRIu64 " broken records in %" PRIu64
			" files%s\n", terminal_colour(stderr) ? COLOUR_BAD : "",
			counts->broken_records, counts->broken_files,
			terminal_colour(stderr) ? COLOUR_OFF : "");
	else
		fputs("Nothing is broken\n", stderr);
	if (counts->unreadable > 0)
		fprintf(stderr, "%" PRIu64 " files or directories could not be "
			"read\n", counts->unreadable);
	if (counts->vanished > 0 || counts->unfinished > 0)
		fprintf(stderr, "Beside a running server: %" PRIu64 " files "
			"vanished, %" PRIu64 " were being written\n",
			counts->vanished, counts->unfinished);
	if (report->verbose)
		fprintf(stderr, "Backend %s; paused %.1f s because of the rate\n",
			backend, (double)counts->paused_ns / 1e9);
}
