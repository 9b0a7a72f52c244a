/*
 * dbox-read.c: the same daemon twice, once with blocking calls and once with
 * libdbox_aio, under the load of many clients. Prints what they got.
 */
#define _GNU_SOURCE
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "demo.h"

enum state { STATE_COLD, STATE_WARM, STATE_SLOW };

static const char *const state_names[] = { "cold", "warm", "slow" };
static const char *const state_titles[] = {
	"Local disk, nothing in the page cache",
	"Local disk, all of it in the page cache",
	"Slow storage"
};

struct outcome {
	struct load_result load;
	struct server_result server;
};

struct demo {
	struct demo_store store;
	struct load_options load;
	const char *backend, *mount, *title, *tsv_path;
	int failed;
};

static char temp_dir[64], socket_path[96];
static pid_t temp_owner;

/*
 * Running
 */

static int listen_on(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, 4096) < 0)
		err(1, "listen(%s)", path);
	return fd;
}

/* Forks; the child goes on with 0 and writes its result to *fd_r, which the
   parent reads it from. */
static pid_t child_start(int *fd_r)
{
	int fds[2];
	pid_t pid;

	fflush(NULL);
	if (pipe(fds) < 0 || (pid = fork()) < 0)
		err(1, "fork");
	*fd_r = fds[pid == 0];
	close(fds[pid != 0]);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void child_end(int fd, const void *result, size_t size)
{
	if (write(fd, result, size) != (ssize_t)size)
		_exit(1);
	_exit(0);
}

static void child_wait(const char *name, pid_t pid, int fd,
		       void *result, size_t size)
{
	ssize_t ret = read(fd, result, size);
	int status;

	close(fd);
	if (waitpid(pid, &status, 0) < 0 || status != 0 ||
	    ret != (ssize_t)size)
		errx(1, "the %s failed (wait status %d)", name, status);
}

static void run(struct demo *demo, const struct reader *reader,
		struct outcome *outcome_r)
{
	int listen_fd = listen_on(socket_path);
	int server_fd, load_fd;
	pid_t server, load;

	server = child_start(&server_fd);
	if (server == 0) {
		server_run(reader, demo->backend, &demo->store, listen_fd,
			   &outcome_r->server);
		child_end(server_fd, &outcome_r->server,
			  sizeof(outcome_r->server));
	}
	close(listen_fd);
	load = child_start(&load_fd);
	if (load == 0) {
		load_run(&demo->store, socket_path, &demo->load,
			 &outcome_r->load);
		child_end(load_fd, &outcome_r->load, sizeof(outcome_r->load));
	}
	child_wait("load", load, load_fd, &outcome_r->load,
		   sizeof(outcome_r->load));
	child_wait("daemon", server, server_fd, &outcome_r->server,
		   sizeof(outcome_r->server));
	unlink(socket_path);
	if (outcome_r->load.wrong > 0 || outcome_r->load.refused > 0)
		demo->failed = 1;
}

/*
 * Telling
 */

static double rate(const struct outcome *outcome)
{
	return (double)outcome->load.messages * 1e9 /
		(double)(outcome->load.elapsed + 1);
}

static void row(const char *what, const char *format, double a, double b,
		const char *note)
{
	char left[32], right[32];

	snprintf(left, sizeof(left), format, a);
	snprintf(right, sizeof(right), format, b);
	printf("  %-32s %14s %14s   %s\n", what, left, right, note);
}

static void tell_more(const struct outcome *a, const struct outcome *b)
{
	char note[32];

	snprintf(note, sizeof(note), "%.1f times", rate(b) / rate(a));
	row("messages per second", "%.0f", rate(a), rate(b), note);
	row("loop stood still, longest", "%.1f ms",
	    (double)a->server.longest_stall / 1e6,
	    (double)b->server.longest_stall / 1e6, "");
	row("reply to a batch, median", "%.1f ms",
	    (double)a->load.median / 1e6, (double)b->load.median / 1e6, "");
	row("reply to a batch, slowest", "%.1f ms",
	    (double)a->load.slowest / 1e6, (double)b->load.slowest / 1e6, "");
	row("threads", "%.0f", a->server.threads, b->server.threads, "");
	row("memory, peak", "%.1f MB", (double)a->server.memory / 1e6,
	    (double)b->server.memory / 1e6, "");
	row("messages read and checked", "%.0f", (double)a->load.messages,
	    (double)b->load.messages, "");
	if (a->load.wrong + b->load.wrong > 0)
		row("WRONG", "%.0f", (double)a->load.wrong,
		    (double)b->load.wrong, "");
	if (a->load.refused + b->load.refused > 0)
		row("NOT READ", "%.0f", (double)a->load.refused,
		    (double)b->load.refused, "");
}

static void tell_tsv(const char *path, enum state state,
		     const struct reader *reader, const struct outcome *outcome)
{
	FILE *file;

	if (path == NULL)
		return;
	file = fopen(path, "ae");
	if (file == NULL)
		err(1, "%s", path);
	fprintf(file, "%s\t%s\t%.0f\t%.1f\t%.1f\t%.1f\t%u\t%.1f\n",
		state_names[state], reader->name, rate(outcome),
		(double)outcome->server.longest_stall / 1e6,
		(double)outcome->load.median / 1e6,
		(double)outcome->load.slowest / 1e6,
		outcome->server.threads, (double)outcome->server.memory / 1e6);
	if (fclose(file) != 0)
		err(1, "%s", path);
}

static void compare(struct demo *demo, enum state state)
{
	static const struct reader *const readers[] = {
		&reader_blocking, &reader_library
	};
	struct outcome outcomes[2];
	unsigned int i;

	printf("%s\n  %-32s %14s %14s\n", demo->title != NULL ? demo->title :
	       state_titles[state], "", readers[0]->name, readers[1]->name);
	demo->load.once = state == STATE_COLD;
	for (i = 0; i < 2; i++) {
		if (state == STATE_COLD)
			store_evict(&demo->store);
		else if (state == STATE_WARM)
			store_warm(&demo->store);
		run(demo, readers[i], &outcomes[i]);
		tell_tsv(demo->tsv_path, state, readers[i], &outcomes[i]);
	}
	tell_more(&outcomes[0], &outcomes[1]);
	printf("  (%s; %s)\n\n", outcomes[0].server.how,
	       outcomes[1].server.how);
}

/*
 * Starting
 */

static void usage(void)
{
	fprintf(stderr,
"usage: dbox-read [options] STORE\n"
"  STORE       a Dovecot mail directory (sdbox, mdbox), or one above several\n"
"  -m MOUNT    read the same files below MOUNT, a slower way to STORE\n"
"  -T TITLE    what to call MOUNT in the table\n"
"  -c CLIENTS  default 200          -b BATCH     messages, default 5\n"
"  -t SECONDS  default 5            -n MESSAGES  at most, default 20000\n"
"  -B BACKEND  auto, uring, threads -o FILE      append the figures, as TSV\n");
	exit(2);
}

static unsigned int number(const char *arg, unsigned int max)
{
	char *end;
	unsigned long value = strtoul(arg, &end, 10);

	if (*end != '\0' || value == 0 || value > max)
		errx(2, "%s: not a number from 1 to %u", arg, max);
	return (unsigned int)value;
}

static const char *options(struct demo *demo, int argc, char **argv,
			   size_t *max_r)
{
	int c;

	while ((c = getopt(argc, argv, "m:T:c:b:t:n:B:o:")) != -1) {
		switch (c) {
		case 'm': demo->mount = optarg; break;
		case 'T': demo->title = optarg; break;
		case 'c': demo->load.clients = number(optarg, 10000); break;
		case 'b':
			demo->load.batch = number(optarg, DEMO_MAX_BATCH);
			break;
		case 't': demo->load.seconds = number(optarg, 3600); break;
		case 'n': *max_r = number(optarg, 10000000); break;
		case 'B': demo->backend = optarg; break;
		case 'o': demo->tsv_path = optarg; break;
		default: usage();
		}
	}
	if (optind + 1 != argc)
		usage();
	return argv[optind];
}

static void temp_dir_remove(void)
{
	if (getpid() != temp_owner)
		return;
	unlink(socket_path);
	rmdir(temp_dir);
}

/* A place for the socket, whose path must be short. */
static void temp_dir_make(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(temp_dir, sizeof(temp_dir), "%s/dbox-read.XXXXXX",
		 tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
	if (mkdtemp(temp_dir) == NULL)
		err(1, "%s", temp_dir);
	snprintf(socket_path, sizeof(socket_path), "%s/socket", temp_dir);
	temp_owner = getpid();
	atexit(temp_dir_remove);
}

int main(int argc, char **argv)
{
	struct demo demo = {
		.load = { .clients = 200, .batch = 5, .seconds = 5 },
		.backend = "auto",
	};
	size_t max = 20000;
	const char *root = options(&demo, argc, argv, &max);

	setlinebuf(stdout);
	store_find(&demo.store, root, max);
	if (demo.store.count == 0)
		errx(1, "%s: no dbox messages found in it", root);
	printf("%zu messages, %.1f MB: %zu in sdbox files, "
	       "%zu in mdbox files\n",
	       demo.store.count, (double)demo.store.bytes / 1e6,
	       demo.store.single_count,
	       demo.store.count - demo.store.single_count);
	if (demo.store.broken_count > 0)
		printf("%zu files have something that is no whole record\n",
		       demo.store.broken_count);
	printf("%u clients, each asks for batches of %u of them, "
	       "from a daemon with one loop\n\n",
	       demo.load.clients, demo.load.batch);

	temp_dir_make();
	if (demo.mount != NULL) {
		store_move(&demo.store, root, demo.mount);
		compare(&demo, STATE_SLOW);
	} else {
		compare(&demo, STATE_COLD);
		compare(&demo, STATE_WARM);
	}
	printf("%s\n", demo.failed != 0 ? "FAILED: see above" :
	       "Length and checksum of every message were right.");
	return demo.failed;
}
