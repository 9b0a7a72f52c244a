/* Statuses in words, the last error, the version. */
#include "check.h"

int main(int argc, char **argv)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	int i, j, length, major = -1, minor = -1, patch = -1;
	char text[512], small[5];

	check_begin(argc, argv);
	for (i = 0; i >= DBOX_AIO_EINTERNAL; i--) {
		CHECK(dbox_aio_strerror(i) != NULL);
		CHECK(strlen(dbox_aio_strerror(i)) > 5);
		for (j = 0; j > i; j--)
			CHECK(strcmp(dbox_aio_strerror(i),
				     dbox_aio_strerror(j)) != 0);
	}
	CHECK(dbox_aio_strerror(1) != NULL);
	CHECK(dbox_aio_strerror(-1000) != NULL);
	CHECK(dbox_aio_strerror(INT_MIN) != NULL);

	dbox_aio_version(&major, &minor, &patch);
	CHECK_INT(major, DBOX_AIO_VERSION_MAJOR);
	CHECK_INT(minor, DBOX_AIO_VERSION_MINOR);
	CHECK_INT(patch, DBOX_AIO_VERSION_PATCH);
	dbox_aio_version(NULL, NULL, NULL);
	snprintf(text, sizeof(text), "%d.%d.%d", major, minor, patch);
	CHECK(strcmp(text, DBOX_AIO_VERSION) == 0);

	CHECK_INT(dbox_aio_last_error(NULL, 0), 0);
	CHECK_INT(dbox_aio_last_error(text, sizeof(text)), 0);
	CHECK_INT(text[0], '\0');
	options.stall_us = 1;
	CHECK_STATUS(dbox_aio_init(&ctx, &options), DBOX_AIO_EINVAL);
	length = dbox_aio_last_error(text, sizeof(text));
	CHECK_INT(length, strlen(text));
	CHECK(strstr(text, "stall_us") != NULL);
	CHECK_INT(dbox_aio_last_error(small, sizeof(small)), length);
	CHECK_INT(strlen(small), 4);
	CHECK(strncmp(small, text, 4) == 0);
	CHECK_INT(dbox_aio_last_error(NULL, 0), length);
	CHECK_INT(dbox_aio_last_error(small, 1), length);
	CHECK_INT(small[0], '\0');
	return 0;
}
