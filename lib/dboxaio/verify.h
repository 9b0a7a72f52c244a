/* verify.h: what the parts of dboxaio verify share */
#ifndef VERIFY_H
#define VERIFY_H

/* With a rate, what may be read at once, in seconds of it. */
#define VERIFY_BURST_SECONDS 0.25

#include <stdbool.h>
#include <stdint.h>
#include <dbox_aio.h>

/* What was seen so far. */
struct verify_counts {
	uint64_t files, records, bytes;
	uint64_t broken_records, broken_files;
	uint64_t unreadable;	/* files and directories */
	uint64_t vanished;	/* between being found and being read */
	uint64_t unfinished;	/* a server was still saving into them */
	uint64_t paused_ns;	/* because of the rate */
};

/*
 * verify-report.c: to stdout what is wrong, to stderr how it goes.
 */
struct report {
	bool json, quiet, verbose;
	bool bar;		/* one is shown */
	bool bar_drawn;
	uint64_t started, drawn;
};

void report_init(struct report *report);
void report_broken(struct report *report, const char *path,
		   const struct dbox_aio_result *result);
void report_unreadable(struct report *report, const char *path,
		       const char *error);
/* Draws the bar, not too often. */
void report_progress(struct report *report, const struct verify_counts *counts,
		     double share);
void report_summary(struct report *report, const struct verify_counts *counts,
		    const char *backend, bool interrupted);

/*
 * verify-saving.c: whether a server is still saving into a file whose last
 * record is not whole.
 */
struct saving {
	bool open;
	bool locked;		/* Dovecot locks what it appends to */
	uint64_t device, inode, size;
	int64_t mtime, mtime_nsec;
};

/* Looks at a file, without changing it. */
void saving_look(const char *path, struct saving *saving_r);
/* Whether the file was being written at one of two looks, or between. */
bool saving_between(const struct saving *before, const struct saving *after);

/*
 * verify-scan.c
 */

struct file;
struct spool;

/* There is one, as a process does nothing else. */
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
extern struct verify verify;

/* Checks all that the spool finds, until a signal comes. */
void verify_scan(void);

#endif
