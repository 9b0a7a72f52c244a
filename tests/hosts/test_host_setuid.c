/*
 * A host gives up its privileges after init: soon all threads have the new ids,
 * later requests are made with them, and what they may read they can. The same
 * for chroot.
 */
#include "host.h"
#include <dirent.h>
#include <grp.h>
#include <sys/stat.h>

#define MAILS 100
#define NEW_ID 61001

/* The number of threads that have other ids. */
static unsigned int ids_wrong(void)
{
	char path[600], line[256], wanted[2][64];
	unsigned int count = 0, wrong = 0;
	struct dirent *d;
	FILE *f;
	DIR *dirp = opendir("/proc/self/task");

	CHECK(dirp != NULL);
	snprintf(wanted[0], sizeof(wanted[0]), "Uid:\t%d\t%d\t%d\t%d\n",
		 NEW_ID, NEW_ID, NEW_ID, NEW_ID);
	snprintf(wanted[1], sizeof(wanted[1]), "Gid:\t%d\t%d\t%d\t%d\n",
		 NEW_ID, NEW_ID, NEW_ID, NEW_ID);
	while ((d = readdir(dirp)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status",
			 d->d_name);
		f = fopen(path, "re");
		if (f == NULL)
			continue;
		while (fgets(line, sizeof(line), f) != NULL) {
			if (strncmp(line, "Uid:", 4) == 0)
				wrong += strcmp(line, wanted[0]) != 0;
			if (strncmp(line, "Gid:", 4) == 0)
				wrong += strcmp(line, wanted[1]) != 0;
		}
		fclose(f);
		count++;
	}
	closedir(dirp);
	CHECK(count > 0);
	return wrong;
}

/* All ids in all threads, once workers that nobody needs have ended. */
static void check_ids(void)
{
	unsigned long long end = host_now_ms() + 5000;

	while (ids_wrong() > 0 && host_now_ms() < end)
		host_sleep_ms(10);
	CHECK_EQ(ids_wrong(), 0);
}

static int set_ids(uint32_t backend)
{
	const char **paths = host_mails(MAILS, 9000);
	const char *secret = host_mail("u.9999", 5000);
	struct dbox_aio *ctx = host_init(backend);
	struct host_results results;

	CHECK(chmod(secret, 0600) == 0);
	host_make_cold(paths, MAILS);
	host_read_all(ctx, paths, MAILS);
	CHECK_EQ(host_read(ctx, secret), 0);

	/* with requests in flight: they keep the old ids, or get the new ones */
	host_make_cold(paths, MAILS);
	memset(&results, 0, sizeof(results));
	host_submit(ctx, paths, MAILS, &results);
	CHECK(setgroups(0, NULL) == 0);
	CHECK(setgid(NEW_ID) == 0);
	CHECK(setuid(NEW_ID) == 0);
	host_loop(ctx, &results, MAILS);
	CHECK_EQ(results.good, MAILS);

	check_ids();
	host_make_cold(paths, MAILS);
	host_read_all(ctx, paths, MAILS);
	CHECK_EQ(host_read(ctx, secret), DBOX_AIO_EACCES);
	host_make_cold(&paths[1], 1);
	CHECK_EQ(host_read(ctx, secret), DBOX_AIO_EACCES);
	check_ids();
	host_deinit(&ctx);
	return 0;
}

static int change_root(uint32_t backend)
{
	const char **paths = host_mails(MAILS, 9000);
	struct dbox_aio *ctx = host_init(backend);
	const char *inside = "/u.7";
	unsigned int i;

	host_make_cold(paths, MAILS);
	host_read_all(ctx, paths, MAILS);
	CHECK(chroot(host_dir()) == 0 && chdir("/") == 0);
	for (i = 0; i < 20; i++) {
		CHECK_EQ(host_read(ctx, inside), 0);
		CHECK_EQ(host_read(ctx, paths[i]), DBOX_AIO_ENOENT);
		host_make_cold(&inside, 1);
	}
	host_deinit(&ctx);
	return 0;
}

int main(int argc, char *argv[])
{
	static int (*const tests[])(uint32_t) = { set_ids, change_root };
	uint32_t backend = host_backend(argc, argv);
	unsigned int i;
	int status;
	pid_t pid;

	if (getuid() != 0)
		host_skip("needs root, who can become somebody else");
	host_dir();
	for (i = 0; i < 2; i++) {
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0)
			exit(tests[i](backend));
		status = host_wait(pid);
		if (status != 0)
			return status;
	}
	return 0;
}
