/*
 * no_uring EPERM|ENOSYS COMMAND...: runs a command that can't have io_uring.
 * EPERM is what a container's seccomp profile says, ENOSYS what an old kernel
 * does.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The same numbers on every architecture. */
#define IO_URING_SETUP 425
#define IO_URING_REGISTER 427

int main(int argc, char *argv[])
{
	unsigned int denied = SECCOMP_RET_ERRNO |
		(argc > 1 && strcmp(argv[1], "ENOSYS") == 0 ? ENOSYS : EPERM);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, IO_URING_SETUP, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, IO_URING_REGISTER, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, denied),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(code) / sizeof(code[0]), .filter = code,
	};

	if (argc < 3 || (strcmp(argv[1], "EPERM") != 0 &&
			 strcmp(argv[1], "ENOSYS") != 0)) {
		fputs("usage: no_uring EPERM|ENOSYS COMMAND...\n", stderr);
		return 2;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		printf("no seccomp filter here: %s\n", strerror(errno));
		return 77;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
