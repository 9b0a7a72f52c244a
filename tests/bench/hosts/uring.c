/* uring.c: a host that is linked to liburing, has a ring with an eventfd, and
   waits. Argument: seconds. */
#include <err.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include "idle.h"

int main(int argc, char **argv)
{
	struct io_uring_params params;
	struct io_uring ring;

	if (argc < 2)
		return 2;
	memset(&params, 0, sizeof(params));
	params.flags = IORING_SETUP_SINGLE_ISSUER |
		IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
	if (io_uring_queue_init_params(128, &ring, &params) < 0 ||
	    io_uring_register_eventfd(&ring, eventfd(0, EFD_CLOEXEC)) < 0)
		errx(1, "io_uring");
	idle_memory();
	idle_wakeups((unsigned int)atoi(argv[1]));
	return 0;
}
