/*
 * error.c: statuses in words, and the last error of each thread.
 */
#include "front.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Text of the last error: static, or in error_buffer. */
static __thread const char *error_text;
static __thread char error_buffer[512];

int error_set(int status, const char *text)
{
	error_text = text;
	return status;
}

int error_format(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(error_buffer, sizeof(error_buffer), format, args);
	va_end(args);
	return error_set(status, error_buffer);
}

int dbox_aio_last_error(char *buf, size_t size)
{
	const char *text = error_text != NULL ? error_text : "";
	size_t length = strlen(text), copied;

	if (buf != NULL && size > 0) {
		copied = length < size ? length : size - 1;
		memcpy(buf, text, copied);
		buf[copied] = '\0';
	}
	return (int)length;
}

const char *dbox_aio_strerror(int status)
{
	switch (status) {
	case DBOX_AIO_OK:
		return "Success";
	case DBOX_AIO_EINVAL:
		return "Invalid argument";
	case DBOX_AIO_ENOMEM:
		return "Out of memory";
	case DBOX_AIO_EBUSY:
		return "Too many requests are pending";
	case DBOX_AIO_ENOENT:
		return "No such file, request or metadata";
	case DBOX_AIO_EACCES:
		return "Permission to read the file denied";
	case DBOX_AIO_EIO:
		return "Input/output error";
	case DBOX_AIO_EMFILE:
		return "Too many open files";
	case DBOX_AIO_ECORRUPT:
		return "The file breaks a rule of the dbox format";
	case DBOX_AIO_ETRUNCATED:
		return "The file ends inside the record";
	case DBOX_AIO_EVERSION:
		return "The file has an unknown dbox version";
	case DBOX_AIO_ETOOBIG:
		return "The record is larger than a configured limit";
	case DBOX_AIO_ENOTFILE:
		return "Not a regular file";
	case DBOX_AIO_ECANCELED:
		return "The request was cancelled";
	case DBOX_AIO_ETIMEDOUT:
		return "The time allowed is over";
	case DBOX_AIO_ESHUTDOWN:
		return "The context is being shut down";
	case DBOX_AIO_EALREADY:
		return "It is done already";
	case DBOX_AIO_EDEADLK:
		return "Not allowed inside a callback";
	case DBOX_AIO_ETHREAD:
		return "The context belongs to another thread";
	case DBOX_AIO_EFORKED:
		return "The context or the core belongs to the parent process";
	case DBOX_AIO_ENOCORE:
		return "The core library could not be loaded";
	case DBOX_AIO_ELIMIT:
		return "A resource limit of the process is too low";
	case DBOX_AIO_ENOTSUP:
		return "The backend is not available on this system";
	case DBOX_AIO_EINTERNAL:
		return "Internal error, the context is dead";
	}
	return "Unknown status";
}
