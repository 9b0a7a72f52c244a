/*
 * deny EPERM|ENOSYS CALL... -- COMMAND...: runs a command that can't have these
 * system calls, of those below. EPERM is what a container's seccomp profile says
 * that does not know a call, ENOSYS what an old kernel does.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLS_MAX 16

static const struct {
	const char *name;
	unsigned int number;
} calls[] = {
	{ "openat2", SYS_openat2 },
	{ "preadv2", SYS_preadv2 },
	{ "statx", SYS_statx },
	{ "io_uring_enter", SYS_io_uring_enter },
	{ "epoll_create1", SYS_epoll_create1 },
	{ "sigaltstack", SYS_sigaltstack },
};

static unsigned int number_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].number;
	}
	fprintf(stderr, "deny: %s is none of its calls\n", name);
	exit(2);
}

int main(int argc, char *argv[])
{
	struct sock_filter code[2 * CALLS_MAX + 2];
	struct sock_fprog program = { .len = 0, .filter = code };
	unsigned int denied;
	int i;

	if (argc < 5 || argc > CALLS_MAX)
		goto usage;
	denied = SECCOMP_RET_ERRNO |
		(strcmp(argv[1], "ENOSYS") == 0 ? ENOSYS : EPERM);
	code[program.len++] = (struct sock_filter)
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr));
	for (i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
		code[program.len++] = (struct sock_filter)
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
				 number_of(argv[i]), 0, 1);
		code[program.len++] = (struct sock_filter)
			BPF_STMT(BPF_RET | BPF_K, denied);
	}
	if (i + 1 >= argc)
		goto usage;
	code[program.len++] = (struct sock_filter)
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		printf("no seccomp filter here: %s\n", strerror(errno));
		return 77;
	}
	execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 127;
usage:
	fputs("usage: deny EPERM|ENOSYS CALL... -- COMMAND...\n", stderr);
	return 2;
}
