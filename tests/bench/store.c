/* store.c: the messages that are read. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bench.h"

const char *const layout_names[LAYOUT_COUNT] = {
	"sdbox", "mdbox", "shuffled", "large"
};

static char *format(const char *a, const char *b)
{
	char *text;

	if (asprintf(&text, "%s/%s", a, b) < 0)
		err(1, "asprintf");
	return text;
}

/* Returns the file's bytes, or NULL if there is no such file. */
static unsigned char *file_load(const char *path, size_t *size_r)
{
	unsigned char *data;
	struct stat st;
	size_t pos = 0;
	ssize_t ret;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		if (errno == ENOENT)
			return NULL;
		err(1, "%s", path);
	}
	if (fstat(fd, &st) < 0)
		err(1, "%s", path);
	*size_r = (size_t)st.st_size;
	data = malloc(*size_r + 1);
	if (data == NULL)
		err(1, "malloc");
	for (; pos < *size_r; pos += (size_t)ret) {
		ret = read(fd, data + pos, *size_r - pos);
		if (ret <= 0)
			err(1, "%s", path);
	}
	close(fd);
	return data;
}

static struct message *store_add(struct store *store)
{
	struct message *msg;

	if ((store->count & (store->count - 1)) == 0) {
		store->messages = realloc(store->messages,
			(size_t)(store->count * 2 + 1) *
			sizeof(*store->messages));
		if (store->messages == NULL)
			err(1, "realloc");
	}
	msg = &store->messages[store->count];
	memset(msg, 0, sizeof(*msg));
	msg->number = store->count++;
	return msg;
}

static void file_find(struct store *store, const char *name,
		      const unsigned char *data, size_t size)
{
	char *path = format(store->root, name);
	unsigned int message_header_size;
	struct record record;
	struct message *msg;
	size_t pos, first;

	first = pos = file_header_parse(data, size, &message_header_size);
	if (pos == 0)
		errx(1, "%s: no file header", path);
	while (pos < size) {
		if (!record_parse(data + pos, size - pos, message_header_size,
				  &record))
			errx(1, "%s: a record without an end", path);
		msg = store_add(store);
		msg->path = path;
		msg->name = name;
		msg->offset = pos;
		msg->record_size = record.size;
		msg->check = body_check(msg->number, record.body,
					record.body_size);
		pos += record.size;
	}
	/* sdbox: nobody says how large it is */
	if (strncmp(name, "u.", 2) == 0 && size > first) {
		msg->offset = 0;
		msg->record_size = 0;
	}
}

void store_find(struct store *store_r, const char *dir, const char *prefix)
{
	unsigned char *data;
	unsigned int i;
	size_t size;
	char *name, *path;

	memset(store_r, 0, sizeof(*store_r));
	store_r->root = realpath(dir, NULL);
	if (store_r->root == NULL)
		err(1, "%s", dir);
	for (i = 1;; i++) {
		if (asprintf(&name, "%s%u", prefix, i) < 0)
			err(1, "asprintf");
		path = format(store_r->root, name);
		data = file_load(path, &size);
		free(path);
		if (data == NULL)
			break;
		file_find(store_r, name, data, size);
		free(data);
	}
	free(name);
	if (store_r->count == 0)
		errx(1, "%s: no messages in it", dir);
}

void store_shuffle(struct store *store)
{
	struct message swap;
	unsigned int i, j;
	uint64_t random = 1;

	for (i = store->count - 1; i > 0; i--) {
		random = random * 6364136223846793005U + 1442695040888963407U;
		j = (unsigned int)((random >> 33) % (i + 1));
		swap = store->messages[i];
		store->messages[i] = store->messages[j];
		store->messages[j] = swap;
	}
}

void store_move(struct store *store, const char *from, const char *to)
{
	char *base = realpath(from, NULL), *dir;
	const char *name = "", *path = NULL;
	unsigned int i;

	if (base == NULL || strncmp(store->root, base, strlen(base)) != 0)
		errx(1, "%s is not below %s", store->root, from);
	dir = format(to, store->root + strlen(base) + 1);
	for (i = 0; i < store->count; i++) {
		if (store->messages[i].name != name) {
			name = store->messages[i].name;
			path = format(dir, name);
		}
		store->messages[i].path = path;
	}
	free(base);
	free(dir);
}

static void message_make(const char *path, unsigned int number,
			 const char *body, size_t body_size)
{
	FILE *file = fopen(path, "wxe");

	if (file == NULL)
		err(1, "%s", path);
	fprintf(file, "2 M%x C65536f00\n", MESSAGE_HEADER_SIZE);
	fprintf(file, "\001\002N          %016zX\n", body_size);
	fwrite(body, 1, body_size, file);
	fprintf(file, "\n\001\003\nR65536f00\nV%zx\nG%032x\n\n", body_size,
		number);
	if (fclose(file) != 0)
		err(1, "%s", path);
}

void store_make(const char *dir, unsigned int count, size_t body_size)
{
	char *temp, *path, name[32];
	char *body = malloc(body_size);
	unsigned int i;
	size_t j;

	if (access(dir, F_OK) == 0)
		return;
	if (body == NULL || asprintf(&temp, "%s.XXXXXX", dir) < 0 ||
	    mkdtemp(temp) == NULL)
		err(1, "%s", dir);
	for (j = 0; j < body_size; j++)
		body[j] = j % 64 == 63 ? '\n' : (char)('a' + j % 23);
	for (i = 1; i <= count; i++) {
		body[0] = (char)('A' + i % 26);
		snprintf(name, sizeof(name), "u.%u", i);
		path = format(temp, name);
		message_make(path, i, body, body_size);
		free(path);
	}
	if (rename(temp, dir) < 0)
		err(1, "%s", dir);
	free(temp);
	free(body);
}

static int caches_drop(void)
{
	FILE *file = fopen("/proc/sys/vm/drop_caches", "we");
	int ret;

	if (file == NULL)
		return 0;
	ret = fputs("3", file);
	return fclose(file) == 0 && ret >= 0;
}

const char *store_drop(const struct store *store, int all)
{
	static int synced;
	unsigned int i;
	int fd;

	/* what is dirty stays */
	if (!synced)
		sync();
	synced = 1;
	if (all && caches_drop())
		return "drop_caches";
	for (i = 0; i < store->count; i++) {
		if (i > 0 && store->messages[i].path ==
		    store->messages[i - 1].path)
			continue;
		fd = open(store->messages[i].path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			err(1, "%s", store->messages[i].path);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
	}
	return "posix_fadvise(POSIX_FADV_DONTNEED), as this is not root";
}
