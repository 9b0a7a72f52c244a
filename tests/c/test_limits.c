/* Limits that the core would die of are errors of init, which say what to
   do; a later init succeeds. */
#include "check.h"

#include <grp.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const char *path;

static void init_refused(const char *word)
{
	struct dbox_aio *ctx;
	char text[512];

	CHECK_STATUS(dbox_aio_init(&ctx, NULL), DBOX_AIO_ELIMIT);
	CHECK(ctx == NULL);
	CHECK(dbox_aio_last_error(text, sizeof(text)) > 0);
	if (strstr(text, word) == NULL)
		FAIL("%s is not in: %s", word, text);
}

static void read_once(void)
{
	struct outcome outcome = { 0 };
	struct dbox_aio *ctx = context_open(NULL);

	CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	outcome_clear(&outcome);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
}

static void test_address_space(void)
{
	struct rlimit limit, old;

	CHECK_INT(getrlimit(RLIMIT_AS, &old), 0);
	limit = old;
	for (limit.rlim_cur = 256 << 20; limit.rlim_cur <= 1024 << 20;
	     limit.rlim_cur += 256 << 20) {
		CHECK_INT(setrlimit(RLIMIT_AS, &limit), 0);
		init_refused("RLIMIT_AS");
		init_refused("vsz_limit");
	}
	CHECK_INT(setrlimit(RLIMIT_AS, &old), 0);
	read_once();
}

static void test_threads(void)
{
	struct rlimit limit = { 1, RLIM_INFINITY };

	/* Root has no limit of processes. */
	if (geteuid() == 0) {
		CHECK_INT(chmod(check_dir, 0755), 0);
		CHECK_INT(chmod(path, 0644), 0);
		CHECK_INT(setgroups(0, NULL), 0);
		CHECK_INT(setuid(54321), 0);
	}
	getrlimit(RLIMIT_NPROC, &limit);
	limit.rlim_cur = 4;
	CHECK_INT(setrlimit(RLIMIT_NPROC, &limit), 0);
	init_refused("RLIMIT_NPROC");
	limit.rlim_cur = limit.rlim_max;
	CHECK_INT(setrlimit(RLIMIT_NPROC, &limit), 0);
	read_once();
}

static void run_in_child(void (*test)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		test();
		exit(0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0)
		exit(WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	check_begin(argc, argv);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	run_in_child(test_address_space);
	run_in_child(test_threads);
	return 0;
}
