/* mount.c: a store on storage that takes its time, by tests/storage/slowfs. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

#define SLOWFS "build/slowfs"
#define MAX_ARGS 32

struct mount {
	pid_t pid;
	char dir[64], path[80], socket[80];
};

const char *mount_impossible(void)
{
	if (geteuid() != 0)
		return "not root";
	if (access("/dev/fuse", R_OK | W_OK) < 0)
		return "no /dev/fuse";
	return NULL;
}

static void slowfs_exec(const struct mount *mount, const char *source,
			const char *const *options, int fd)
{
	const char *args[MAX_ARGS];
	unsigned int i = 0;

	args[i++] = SLOWFS;
	args[i++] = "-control";
	args[i++] = mount->socket;
	for (; *options != NULL && i < MAX_ARGS - 3; options++)
		args[i++] = *options;
	args[i++] = source;
	args[i++] = mount->path;
	args[i] = NULL;
	dup2(fd, STDOUT_FILENO);
	execv(SLOWFS, (char *const *)args);
	err(1, "%s", SLOWFS);
}

struct mount *mount_start(const char *source, const char *const *options)
{
	struct mount *mount = calloc(1, sizeof(*mount));
	char line[16];
	int fds[2];

	if (mount == NULL)
		err(1, "calloc");
	strcpy(mount->dir, "/tmp/dbox_aio-bench.XXXXXX");
	if (mkdtemp(mount->dir) == NULL)
		err(1, "%s", mount->dir);
	snprintf(mount->path, sizeof(mount->path), "%s/mount", mount->dir);
	snprintf(mount->socket, sizeof(mount->socket), "%s/socket",
		 mount->dir);
	if (mkdir(mount->path, 0700) < 0 || pipe2(fds, O_CLOEXEC) < 0)
		err(1, "%s", mount->path);
	fflush(NULL);
	mount->pid = fork();
	if (mount->pid < 0)
		err(1, "fork");
	if (mount->pid == 0)
		slowfs_exec(mount, source, options, fds[1]);
	close(fds[1]);
	if (read(fds[0], line, sizeof(line)) <= 0)
		errx(1, "%s can't mount", SLOWFS);
	close(fds[0]);
	return mount;
}

const char *mount_path(const struct mount *mount)
{
	return mount->path;
}

void mount_command(struct mount *mount, const char *command)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char reply[256];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, mount->socket);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    dprintf(fd, "%s\n", command) < 0)
		err(1, "%s", mount->socket);
	if (read(fd, reply, sizeof(reply)) < 2 || memcmp(reply, "ok", 2) != 0)
		errx(1, "slowfs does not take %s", command);
	close(fd);
}

void mount_stop(struct mount *mount)
{
	kill(mount->pid, SIGTERM);
	while (waitpid(mount->pid, NULL, 0) < 0 && errno == EINTR)
		;
	unlink(mount->socket);
	rmdir(mount->path);
	rmdir(mount->dir);
	free(mount);
}
