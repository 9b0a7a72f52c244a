/* host: what an installed library says of itself. Prints the version of header
   and library, then the files that both of its halves were loaded from. */
#include <stdio.h>
#include <string.h>
#include <dbox_aio.h>

int main(void)
{
	struct dbox_aio *ctx;
	int major, minor, patch;
	char line[4096];
	FILE *maps;

	dbox_aio_version(&major, &minor, &patch);
	printf("header %d.%d.%d\n", DBOX_AIO_VERSION_MAJOR,
	       DBOX_AIO_VERSION_MINOR, DBOX_AIO_VERSION_PATCH);
	printf("library %d.%d.%d\n", major, minor, patch);
	if (dbox_aio_init(&ctx, NULL) < 0) {
		dbox_aio_last_error(line, sizeof(line));
		printf("init: %s\n", line);
		return 1;
	}
	maps = fopen("/proc/self/maps", "r");
	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
		if (strstr(line, "libdbox_aio") != NULL)
			printf("loaded %s", strchr(line, '/'));
	}
	if (maps != NULL)
		fclose(maps);
	return dbox_aio_deinit(&ctx) < 0;
}
