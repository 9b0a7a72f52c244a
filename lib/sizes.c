/*
 * sizes.c: structs of older and newer programs.
 */
#include "front.h"

int struct_size_check(const char *name, size_t size, size_t v1)
{
	if (size < v1)
		return error_format(DBOX_AIO_EINVAL,
			"struct_size of %s is %zu, which is less than in "
			"version 1.0 (%zu): set it to sizeof, or use the "
			"initialiser macro", name, size, v1);
	if (size > STRUCT_SIZE_MAX)
		return error_format(DBOX_AIO_EINVAL,
			"struct_size of %s is %zu, which can't be right: set "
			"it to sizeof, or use the initialiser macro",
			name, size);
	return 0;
}

int struct_tail_is_zero(const void *data, size_t size, size_t known)
{
	const unsigned char *bytes = data;
	size_t i;

	for (i = known; i < size; i++) {
		if (bytes[i] != 0)
			return 0;
	}
	return 1;
}
