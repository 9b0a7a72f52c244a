/*
 * A host forks and execs other programs, by fork(), vfork() and posix_spawn()
 * in turn, while requests are in flight: these inherit no descriptor, and no
 * request is lost.
 */
#include "host.h"
#include <dirent.h>
#include <spawn.h>

#define MAILS 100
#define ROUNDS 20

/* What is run: complains about every descriptor but 0, 1, 2. */
static int list_descriptors(void)
{
	char path[64], target[512];
	struct dirent *d;
	ssize_t size;
	int bad = 0, fd;
	DIR *dirp = opendir("/proc/self/fd");

	CHECK(dirp != NULL);
	while ((d = readdir(dirp)) != NULL) {
		fd = atoi(d->d_name);
		if (fd <= 2 || fd == dirfd(dirp))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		size = readlink(path, target, sizeof(target) - 1);
		target[size < 0 ? 0 : size] = '\0';
		fprintf(stderr, "inherited: %d is %s\n", fd, target);
		bad = 1;
	}
	return bad;
}

static pid_t list_by_fork(char *const args[])
{
	pid_t pid = fork();

	if (pid == 0) {
		execv("/proc/self/exe", args);
		_exit(127);
	}
	return pid;
}

/* Its child has the memory of the parent, which waits meanwhile. */
static pid_t list_by_vfork(char *const args[])
{
	pid_t pid = vfork();

	if (pid == 0) {
		execv("/proc/self/exe", args);
		_exit(127);
	}
	return pid;
}

static pid_t list_by_spawn(char *const args[])
{
	pid_t pid;

	CHECK_EQ(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, args,
			     environ), 0);
	return pid;
}

int main(int argc, char *argv[])
{
	static pid_t (*const ways[])(char *const args[]) = {
		list_by_fork, list_by_vfork, list_by_spawn
	};
	char list[] = "list-descriptors";
	char *args[] = { argv[0], list, NULL };
	struct host_results results;
	struct dbox_aio_file *file;
	struct dbox_aio *ctx;
	const char **paths;
	unsigned int i;
	pid_t pid;
	int fd;

	if (argc > 1 && strcmp(argv[1], "list-descriptors") == 0)
		return list_descriptors();
	/* what this process inherited is not the library's fault */
	for (fd = 3; fd < 1024; fd++)
		close(fd);

	paths = host_mails(MAILS, 20000);
	ctx = host_init(host_backend(argc, argv));
	/* a handle keeps its file open */
	CHECK_EQ(dbox_aio_file_open(ctx, paths[0], NULL, &file), 0);
	for (i = 0; i < ROUNDS; i++) {
		struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;

		memset(&results, 0, sizeof(results));
		host_make_cold(paths, MAILS);
		host_submit(ctx, paths, MAILS, &results);
		request.op = DBOX_AIO_READ;
		request.file = file;
		request.callback = host_count_result;
		request.context = &results;
		CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);

		pid = ways[i % 3](args);
		CHECK(pid > 0);
		host_loop(ctx, &results, MAILS + 1);
		CHECK_EQ(results.status, 0);
		CHECK_EQ(results.good, MAILS + 1);
		CHECK_EQ(host_wait(pid), 0);
	}
	CHECK_EQ(dbox_aio_file_close(ctx, &file), 0);
	host_deinit(&ctx);
	return 0;
}
