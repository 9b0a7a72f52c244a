/* store.c: finds the messages of a Dovecot store, without the library */
#define _GNU_SOURCE
#include <ctype.h>
#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "demo.h"

#define RECORD_HEADER_MIN 30
#define RECORD_SIZE_AT 13	/* 16 hex digits */

static struct demo_store *finding;	/* nftw() has no context */

uint64_t demo_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t demo_checksum(const unsigned char *data, size_t size)
{
	uint64_t sum = size, word;

	for (; size >= sizeof(word); size -= sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		sum = (sum ^ word) * 0x9e3779b97f4a7c15U;
		sum ^= sum >> 32;
		data += sizeof(word);
	}
	for (; size > 0; size--)
		sum = (sum ^ *data++) * 0x100000001b3U;
	return sum;
}

static void *grow(void *array, size_t count, size_t element_size)
{
	/* the array doubles whenever count is a power of two */
	if ((count & (count - 1)) != 0)
		return array;
	array = realloc(array, (count == 0 ? 1 : count * 2) * element_size);
	if (array == NULL)
		err(1, "realloc");
	return array;
}

size_t file_header(const unsigned char *data, size_t size,
		   unsigned int *header_size_r)
{
	const unsigned char *end = memchr(data, '\n', size < 512 ? size : 512);
	char line[512], *key;

	if (end == NULL)
		return 0;
	memcpy(line, data, (size_t)(end - data));
	line[end - data] = '\0';
	key = strstr(line, " M");
	if ((line[0] != '1' && line[0] != '2') || line[1] != ' ' || key == NULL)
		return 0;
	*header_size_r = (unsigned int)strtoul(key + 2, NULL, 16);
	if (*header_size_r < RECORD_HEADER_MIN || *header_size_r > 4096)
		return 0;
	return (size_t)(end - data) + 1;
}

int record_body(const unsigned char *data, size_t size,
		unsigned int header_size, const unsigned char **body_r,
		uint64_t *body_size_r)
{
	char hex[17], *end;

	if (size < header_size || data[0] != 1 || data[1] != 2 ||
	    data[header_size - 1] != '\n')
		return -1;
	memcpy(hex, data + RECORD_SIZE_AT, 16);
	hex[16] = '\0';
	*body_size_r = strtoull(hex, &end, 16);
	if (end != hex + 16 || *body_size_r > size - header_size)
		return -1;
	*body_r = data + header_size;
	return 0;
}

/* Size of the record at data with its metadata, or 0. */
static size_t record_size(const unsigned char *data, size_t size,
			  const unsigned char *body, uint64_t body_size)
{
	const unsigned char *meta = body + body_size, *end = data + size;

	if (end - meta < 5 || memcmp(meta, "\n\001\003\n", 4) != 0)
		return 0;
	/* its empty line ends it */
	meta = memmem(meta + 3, (size_t)(end - meta) - 3, "\n\n", 2);
	return meta == NULL ? 0 : (size_t)(meta + 2 - data);
}

static void store_add_file(struct demo_store *store, const char *path,
			   size_t max)
{
	const unsigned char *data, *body;
	int single = strrchr(path, '/')[1] == 'u';
	unsigned int header_size;
	struct demo_message *msg;
	uint64_t body_size;
	struct stat st;
	size_t pos, size;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0) {
		if (fd >= 0)
			close(fd);
		store->broken_count++;
		return;
	}
	size = (size_t)st.st_size;
	data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		err(1, "mmap(%s)", path);

	pos = file_header(data, size, &header_size);
	if (pos == 0)
		store->broken_count++;
	while (pos != 0 && pos < size && data[pos] != 0 && store->count < max) {
		size_t length = 0;

		if (record_body(data + pos, size - pos, header_size,
				&body, &body_size) == 0)
			length = record_size(data + pos, size - pos,
					     body, body_size);
		if (length == 0) {
			store->broken_count++;
			break;
		}
		store->messages = grow(store->messages, store->count,
				       sizeof(*store->messages));
		msg = &store->messages[store->count++];
		msg->path = path;
		msg->offset = single ? 0 : pos;
		msg->record_size = single ? 0 : length;
		msg->header_size = header_size;
		msg->body_size = body_size;
		msg->checksum = demo_checksum(body, body_size);
		store->bytes += body_size;
		store->single_count += single ? 1 : 0;
		if (single)
			break;
		pos += length;
	}
	munmap((void *)data, size);
}

/* Is path a mail file, by its name and its directory's? */
static int is_mail_file(const char *path, int base)
{
	const char *name = path + base, *p;
	const char *dir = name[0] == 'u' ? "/dbox-Mails/" : "/storage/";
	size_t dir_length = strlen(dir);

	if ((name[0] != 'u' && name[0] != 'm') || name[1] != '.')
		return 0;
	for (p = name + 2; isdigit((unsigned char)*p); p++) ;
	if (p == name + 2 || *p != '\0')
		return 0;
	return (size_t)base >= dir_length &&
		strncmp(name - dir_length, dir, dir_length) == 0;
}

static int found(const char *path, const struct stat *st, int type,
		 struct FTW *ftw)
{
	(void)st;
	if (type != FTW_F || !is_mail_file(path, ftw->base))
		return 0;
	finding->paths = grow(finding->paths, finding->paths_count,
			      sizeof(*finding->paths));
	finding->paths[finding->paths_count] = strdup(path);
	if (finding->paths[finding->paths_count++] == NULL)
		err(1, "strdup");
	return 0;
}

static int path_cmp(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

void store_find(struct demo_store *store, const char *root, size_t max)
{
	size_t i;

	memset(store, 0, sizeof(*store));
	finding = store;
	if (nftw(root, found, 64, FTW_PHYS) < 0)
		err(1, "%s", root);
	if (store->paths_count == 0)
		return;
	qsort(store->paths, store->paths_count, sizeof(*store->paths),
	      path_cmp);
	for (i = 0; i < store->paths_count && store->count < max; i++)
		store_add_file(store, store->paths[i], max);
	store->paths_count = i;
}

void store_move(struct demo_store *store, const char *root, const char *to)
{
	size_t i, j = 0;
	char *path;

	for (i = 0; i < store->paths_count; i++) {
		if (asprintf(&path, "%s/%s", to,
			     store->paths[i] + strlen(root)) < 0)
			err(1, "asprintf");
		/* messages are in the order of the paths */
		for (; j < store->count &&
		     store->messages[j].path == store->paths[i]; j++)
			store->messages[j].path = path;
		free(store->paths[i]);
		store->paths[i] = path;
	}
}

static void advise_file(const char *path, int advice)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (advice == POSIX_FADV_DONTNEED)
		(void)fdatasync(fd);	/* dirty pages stay */
	(void)posix_fadvise(fd, 0, 0, advice);
	close(fd);
}

void store_evict(const struct demo_store *store)
{
	size_t i;

	for (i = 0; i < store->paths_count; i++)
		advise_file(store->paths[i], POSIX_FADV_DONTNEED);
}

void store_warm(const struct demo_store *store)
{
	char buf[65536];
	size_t i;
	int fd;

	for (i = 0; i < store->paths_count; i++) {
		fd = open(store->paths[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		while (read(fd, buf, sizeof(buf)) > 0) ;
		close(fd);
	}
}
