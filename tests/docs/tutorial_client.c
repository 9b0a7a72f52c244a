/*
 * tutorial_client.c: asks a server of docs/tutorial.md for mails and compares
 * them with the files. Usage: tutorial_client STEP SOCKET DIRECTORY COUNT
 *
 *   step 1: every number is refused
 *   step 2: one mail after another; one that is not there; clients that leave
 *   step 3: the same with all numbers at once, and a client that asks for much
 *           and takes nothing while others go on
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *socket_path, *directory;
static unsigned int count;

static FILE *server_connect(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), i;
	FILE *stream;

	strncpy(addr.sun_path, socket_path, sizeof(addr.sun_path) - 1);
	/* It has just been started. */
	for (i = 0; connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0;
	     i++) {
		if (i == 1000)
			err(1, "%s", socket_path);
		usleep(10000);
	}
	stream = fdopen(fd, "r+");
	if (stream == NULL)
		err(1, "fdopen");
	setvbuf(stream, NULL, _IONBF, 0);
	return stream;
}

/* The body is what its record header, the second line, says. */
static void check_body(unsigned int number, const char *body, size_t size)
{
	char path[4096], line[256], *data = malloc(size + 1);
	unsigned long long body_size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/u.%u", directory, number);
	file = fopen(path, "r");
	if (data == NULL || file == NULL ||
	    fgets(line, sizeof(line), file) == NULL ||
	    fread(line, 1, 30, file) != 30)
		err(1, "%s", path);
	line[30] = '\0';
	body_size = strtoull(line + 13, NULL, 16);
	if (body_size != size)
		errx(1, "%s: %zu bytes, not %llu", path, size, body_size);
	if (fread(data, 1, size, file) != size ||
	    memcmp(data, body, size) != 0)
		errx(1, "%s: wrong bytes", path);
	fclose(file);
	free(data);
}

/* Reads one reply. Returns its number, negative if it was refused. */
static int reply_read(FILE *stream)
{
	char line[256], *body;
	unsigned int number;
	size_t size;

	if (fgets(line, sizeof(line), stream) == NULL)
		errx(1, "the server has closed the connection");
	if (sscanf(line, "-%u ", &number) == 1)
		return -(int)number;
	if (sscanf(line, "+%u %zu", &number, &size) != 2)
		errx(1, "what is this? %s", line);
	body = malloc(size + 1);
	if (body == NULL || fread(body, 1, size, stream) != size)
		errx(1, "mail %u is cut", number);
	check_body(number, body, size);
	free(body);
	return (int)number;
}

/* Asks for so many mails, from the first on, in one write: it would fill the
   socket otherwise. */
static void ask_many(FILE *stream, unsigned int total)
{
	char *lines = malloc(total * 12 + 1), *end = lines;
	unsigned int i;

	if (lines == NULL)
		err(1, "malloc");
	for (i = 0; i < total; i++)
		end += sprintf(end, "%u\n", i % count + 1);
	if (fwrite(lines, 1, (size_t)(end - lines), stream) !=
	    (size_t)(end - lines))
		err(1, "write");
	free(lines);
}

static void ask(FILE *stream, unsigned int number)
{
	if (fprintf(stream, "%u\n", number) < 0)
		err(1, "write");
}

static void expect(int reply, int expected)
{
	if (reply != expected)
		errx(1, "reply is %d, not %d", reply, expected);
}

/* Step 1 */
static void test_refused(void)
{
	FILE *stream = server_connect();

	ask(stream, 7);
	expect(reply_read(stream), -7);
	fclose(stream);
}

static void test_one_by_one(void)
{
	FILE *stream = server_connect();
	unsigned int i;

	for (i = 1; i <= count; i++) {
		ask(stream, i);
		expect(reply_read(stream), (int)i);
	}
	ask(stream, count + 1);
	expect(reply_read(stream), -(int)(count + 1));
	fclose(stream);
}

/* The server survives, and serves others. */
static void test_leaving(void)
{
	FILE *stream;
	unsigned int round;

	for (round = 0; round < 20; round++) {
		stream = server_connect();
		ask_many(stream, 10);
		if (round % 2 == 1)
			(void)reply_read(stream);
		fclose(stream);
	}
	test_one_by_one();
}

static void test_all_at_once(FILE *stream)
{
	int *seen = calloc(count + 1, sizeof(*seen)), reply;
	unsigned int i;

	if (seen == NULL)
		err(1, "calloc");
	ask_many(stream, count);
	for (i = 1; i <= count; i++) {
		reply = reply_read(stream);
		if (reply <= 0 || reply > (int)count || seen[reply]++ > 0)
			errx(1, "reply %d", reply);
	}
	free(seen);
}

/* Much is asked for, and nothing read, as long as others are served. */
static void test_slow(void)
{
	FILE *slow = server_connect(), *stream;
	unsigned int i, round;

	ask_many(slow, 500);
	for (round = 0; round < 3; round++) {
		stream = server_connect();
		test_all_at_once(stream);
		fclose(stream);
	}
	for (i = 1; i <= 500; i++) {
		if (reply_read(slow) <= 0)
			errx(1, "the slow client was refused");
	}
	test_all_at_once(slow);
	fclose(slow);
}

/* No more requests come, but all replies are wanted. */
static void test_half_closed(void)
{
	FILE *stream = server_connect();
	unsigned int i;

	ask_many(stream, 100);
	if (shutdown(fileno(stream), SHUT_WR) < 0)
		err(1, "shutdown");
	for (i = 1; i <= 100; i++) {
		if (reply_read(stream) <= 0)
			errx(1, "refused");
	}
	if (fgetc(stream) != EOF)
		errx(1, "more than was asked for");
	fclose(stream);
}

int main(int argc, char **argv)
{
	int step;

	if (argc != 5)
		errx(2, "usage: %s STEP SOCKET DIRECTORY COUNT", argv[0]);
	step = atoi(argv[1]);
	socket_path = argv[2];
	directory = argv[3];
	count = (unsigned int)atoi(argv[4]);
	if (step == 1) {
		test_refused();
		return 0;
	}
	test_one_by_one();
	test_leaving();
	if (step == 3) {
		test_slow();
		test_half_closed();
	}
	return 0;
}
