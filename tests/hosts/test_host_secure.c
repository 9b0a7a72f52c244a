/*
 * test_host_secure BACKEND DIRECTORY: a setuid program, started by somebody who
 * has put cores of his own into DIRECTORY, where he is, and into the
 * environment: none of them is loaded.
 *
 * It copies itself, makes the copy setuid root, and runs that as another user.
 */
#include "host.h"
#include <link.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#define NOBODY 65534

static int cores, wrong_cores;

static int look(struct dl_phdr_info *info, size_t size, void *directory)
{
	(void)size;
	if (strstr(info->dlpi_name, "libdbox_aio_core") != NULL)
		cores++;
	if (strncmp(info->dlpi_name, directory, strlen(directory)) == 0)
		wrong_cores++;
	return 0;
}

/* The setuid program. */
static int secure(char *argv[])
{
	const char *path;
	struct dbox_aio *ctx;

	if (getauxval(AT_SECURE) == 0)
		host_skip("no setuid programs on this file system");
	CHECK_EQ(getuid(), NOBODY);
	CHECK_EQ(geteuid(), 0);
	ctx = host_init(host_backend(2, argv));
	path = host_mail("u.1", 5000);
	host_read_all(ctx, &path, 1);
	host_deinit(&ctx);
	dl_iterate_phdr(look, argv[2]);
	CHECK_EQ(cores, 1);
	CHECK_EQ(wrong_cores, 0);
	return 0;
}

static void copy_self(const char *to)
{
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	char buf[65536];
	ssize_t n;

	CHECK(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		CHECK_EQ(write(out, buf, n), n);
	CHECK_EQ(fchmod(out, 04755), 0);
	close(in);
	close(out);
}

int main(int argc, char *argv[])
{
	char copy[300];
	pid_t pid;

	CHECK(argc == 3 || argc == 4);
	if (argc == 4)
		return secure(argv);
	if (getuid() != 0)
		host_skip("only root makes a program of root's");
	snprintf(copy, sizeof(copy), "%s/program", host_dir());
	copy_self(copy);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK_EQ(chdir(argv[2]), 0);
		CHECK_EQ(setenv("LD_LIBRARY_PATH", argv[2], 1), 0);
		CHECK_EQ(unsetenv("TMPDIR"), 0);
		CHECK_EQ(setresgid(NOBODY, NOBODY, NOBODY), 0);
		CHECK_EQ(setresuid(NOBODY, NOBODY, NOBODY), 0);
		execl(copy, copy, argv[1], argv[2], "secure", (char *)NULL);
		_exit(127);
	}
	return host_wait(pid);
}
