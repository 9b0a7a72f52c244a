/*
 * Nothing hostile in the host itself: it is run under limits that must not
 * matter (run.sh), and reads.
 */
#include "host.h"

#define MAILS 200

int main(int argc, char *argv[])
{
	const char **paths = host_mails(MAILS, 9000);
	struct dbox_aio *ctx = host_init(host_backend(argc, argv));
	unsigned int i;

	for (i = 0; i < 5; i++)
		host_read_all(ctx, paths, MAILS);
	host_deinit(&ctx);
	return 0;
}
