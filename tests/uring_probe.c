/* uring_probe: exit code 0 if io_uring can be had here, 77 if not. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/io_uring.h>

int main(void)
{
	struct io_uring_params params;

	memset(&params, 0, sizeof(params));
	if (syscall(SYS_io_uring_setup, 4, &params) < 0) {
		printf("no io_uring here: %s\n", strerror(errno));
		return 77;
	}
	return 0;
}
