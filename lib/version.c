/*
 * version.c: the version of the library.
 */
#include "front.h"

void dbox_aio_version(int *major_r, int *minor_r, int *patch_r)
{
	if (major_r != NULL)
		*major_r = DBOX_AIO_VERSION_MAJOR;
	if (minor_r != NULL)
		*minor_r = DBOX_AIO_VERSION_MINOR;
	if (patch_r != NULL)
		*patch_r = DBOX_AIO_VERSION_PATCH;
}
