/* dboxaio.h: what the parts of the tool share. It uses nothing of the library
   but dbox_aio.h. */
#ifndef DBOXAIO_H
#define DBOXAIO_H

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <dbox_aio.h>

/* What the tool returns. Those of a signal are the shell's: 128 + signal. */
enum tool_exit {
	TOOL_GOOD = 0,
	TOOL_BROKEN = 1,	/* something breaks a rule of the format */
	TOOL_TROUBLE = 2,	/* wrong usage, or it could not do its work */
	TOOL_UNREADABLE = 3	/* nothing broken, but not all could be read */
};

struct tool_command {
	const char *name;
	/* argv[0] is the command's name. Returns enum tool_exit. */
	int (*run)(int argc, char **argv);
	const char *summary;
	const char *usage;	/* one line a form, without "usage: " */
	const char *help;	/* its options and what it is to be used for */
};
extern const struct tool_command verify_command, ls_command, cat_command,
	bench_command;

/*
 * main.c
 */

/* Prints how the command is used and exits: with --help to stdout and 0,
   otherwise, after a complaint, to stderr and TOOL_TROUBLE. */
void tool_help(const struct tool_command *command) __attribute__((noreturn));
void tool_usage(const struct tool_command *command, const char *complaint, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* Ends the process, after a line about what failed. */
void tool_die(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* Makes a context, or dies. */
struct dbox_aio *tool_context(struct dbox_aio_options *options);
/* The number of a backend's name; false if there is none. */
bool tool_backend(const char *name, uint32_t *backend_r);
const char *tool_backend_name(const struct dbox_aio *ctx);

/* Monotonic time in nanoseconds. */
uint64_t tool_now(void);

/*
 * text.c: names of files can have any bytes, and so can what is in them.
 */

/* Writes text so that it does nothing to a terminal and stays on its line:
   control characters, backslashes and what is not UTF-8 as \xHH. */
void text_put(FILE *out, const char *text, size_t size);
void text_puts(FILE *out, const char *text);
/* Writes a JSON string. What is not UTF-8 becomes U+FFFD. */
void text_put_json(FILE *out, const char *text, size_t size);
/* Writes ,"KEY":"PATH", and KEY_hex with all its bytes if it is not UTF-8. */
void text_put_json_path(FILE *out, const char *key, const char *path);

/* Parses bytes with one of K, M, G, T (powers of 1024) behind them. */
bool text_parse_size(const char *text, uint64_t *size_r);
bool text_parse_number(const char *text, uint64_t max, uint64_t *number_r);
/* "1.4 GiB" */
const char *text_size(uint64_t size, char buf[static 16]);
/* "2026-01-31T12:00:00Z" */
const char *text_time(int64_t seconds, char buf[static 32]);
/* "corrupt" for DBOX_AIO_ECORRUPT, and so on. */
const char *text_status(int status);
/* What went wrong with a request, as an administrator wants to read it. */
const char *text_error(const struct dbox_aio_result *result);

/*
 * signals.c
 */

/* SIGINT, SIGTERM and SIGHUP are noted from now on; the second one kills. */
void signals_catch(void);
/* The signal that came, or 0. */
int signals_caught(void);
/* As poll(), but ends when a signal is or has been noted. */
int signals_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
/* Dies of the signal that came, as the shell expects it. */
void signals_die(void);

/*
 * terminal.c
 */

/* Columns of the terminal that a stream is; 0 if it is none that moves its
   cursor. */
unsigned int terminal_width(FILE *stream);
/* Colours are wanted there: it is a terminal, and NO_COLOR is not set. */
bool terminal_colour(FILE *stream);
/* Draws share (0 to 1) of a bar that is width columns long. */
void terminal_bar(FILE *stream, double share, unsigned int width, bool rest);

#define COLOUR_GOOD "\033[32m"
#define COLOUR_BAD "\033[31m"
#define COLOUR_OFF "\033[0m"

#endif
