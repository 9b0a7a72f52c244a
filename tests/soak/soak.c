/*
 * soak BACKEND SECONDS: three threads read with one context after another, at
 * full load, while the storage fails and hangs, files are replaced, children
 * forked and signals handled. Every request gets its one final callback with a
 * status that it can have, whole messages are right, and at the end neither
 * memory, nor descriptors, nor threads have grown.
 */
#include "soak.h"

#include <sys/stat.h>

#define THREADS 3
#define FIGURES 40

struct soak_files soak_files;
struct slow *soak_mount;
uint32_t soak_backend;
volatile int soak_over;
struct soak_totals soak_totals;

static void append(const char *from, long skip, const char *to)
{
	char command[1200];

	snprintf(command, sizeof(command), "tail -c +%ld '%s' >>'%s'",
		 skip + 1, from, to);
	CHECK_EQ(system(command), 0);
}

static const char *path_of(const char *name)
{
	char path[512];
	const char *copy;

	snprintf(path, sizeof(path), "%s/%s", host_dir(), name);
	copy = strdup(path);
	CHECK(copy != NULL);
	return copy;
}

static void files_make(void)
{
	struct soak_files *files = &soak_files;
	unsigned int i;
	char name[32];

	files->local = calloc(LOCAL_MAILS, sizeof(*files->local));
	CHECK(files->local != NULL);
	for (i = 0; i < LOCAL_MAILS; i++) {
		snprintf(name, sizeof(name), "u.%u", i);
		files->local[i] = host_mail(name, 100 + i * i * 3);
	}
	files->slow = slow_mails(soak_mount, SLOW_MAILS, 9000);

	files->many = path_of("m.1");
	append(files->local[0], 0, files->many);
	for (i = 1; i < MANY_RECORDS; i++)
		append(files->local[i], 16, files->many);
	files->broken = host_mail("broken", 5000);
	CHECK_EQ(truncate(files->broken, 20), 0);
	append(files->local[50], 0, files->broken);
	files->cut = host_mail("cut", 5000);
	CHECK_EQ(truncate(files->cut, 4000), 0);
	files->none = path_of("none");
	files->directory = path_of("directory");
	CHECK_EQ(mkdir(files->directory, 0700), 0);
	files->fifo = path_of("fifo");
	CHECK_EQ(mkfifo(files->fifo, 0600), 0);
}

int main(int argc, char *argv[])
{
	unsigned int seconds, noted = 0, fds, tasks;
	unsigned long long start, now;
	struct dbox_aio *ctx;

	CHECK_EQ(argc, 3);
	load_is_ours = 1;
	soak_backend = host_backend(argc, argv);
	seconds = (unsigned int)atoi(argv[2]);
	CHECK(seconds > 0);
	soak_mount = slow_start("store", "-direct", NULL);
	files_make();

	/* What comes with the first context stays. */
	ctx = host_init(soak_backend);
	host_read_all(ctx, soak_files.local, LOCAL_MAILS);
	host_deinit(&ctx);
	fds = host_count("fd");
	tasks = host_count("task");

	start = host_now_ms();
	disturb_start();
	load_start(THREADS);
	while ((now = host_now_ms() - start) < seconds * 1000ULL) {
		host_sleep_ms(50);
		disturb();
		if (now * FIGURES >= (unsigned long long)noted * seconds *
		    1000) {
			figures_note((unsigned int)(now / 1000));
			noted++;
		}
	}
	soak_over = 1;
	disturb_end();
	load_end();
	figures_note((unsigned int)((host_now_ms() - start) / 1000));

	CHECK_EQ(soak_totals.finals, soak_totals.submitted);
	CHECK(soak_totals.good > 0 && soak_totals.io_errors > 0);
	CHECK(soak_totals.cancelled > 0 && soak_totals.timed_out > 0);
	/* As many as a busy machine lets through: some for each fork. */
	CHECK(soak_totals.forks > 0);
	CHECK(soak_totals.signals > soak_totals.forks);
	figures_check();
	slow_tell(soak_mount, "wait-released\n");
	CHECK_EQ(host_count_settles("fd", fds), fds);
	/* Go keeps some threads that it has once needed. */
	CHECK(host_count_settles("task", tasks + 8) <= tasks + 8);
	return 0;
}
