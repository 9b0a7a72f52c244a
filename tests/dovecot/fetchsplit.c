/*
 * fetchsplit: takes apart what Dovecot itself says about a mail store, so that
 * it can be compared with what readstore wrote.
 *
 *	doveadm -f pager fetch 'guid date.received.unixtime size.virtual
 *		size.physical text' all | fetchsplit OUTPUT-DIR
 *
 * The text of each message goes to OUTPUT-DIR/<guid>, and one line to stdout:
 *
 *	<guid> <received> <virtual size> <physical size>
 *
 * Texts hold any bytes, form feeds too: size.physical, which comes before the
 * text, says where one ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mail {
	char guid[256], received[64], virtual_size[64], physical_size[64];
};

static void die(const char *what)
{
	fprintf(stderr, "fetchsplit: %s: %s\n", what,
		errno == 0 ? "not what doveadm prints" : strerror(errno));
	exit(1);
}

/* 1 if line is "<name>: <value>", with the value in value then. */
static int field(const char *line, const char *name, char *value, size_t size)
{
	size_t length = strlen(name);

	if (strncmp(line, name, length) != 0 || line[length] != ':' ||
	    line[length + 1] != ' ')
		return 0;
	if (strlen(line + length + 2) >= size)
		die(line);
	strcpy(value, line + length + 2);
	value[strcspn(value, "\n")] = '\0';
	return 1;
}

static void copy_text(const struct mail *mail, const char *dir)
{
	char path[4096], buf[16384];
	unsigned long long left = strtoull(mail->physical_size, NULL, 10);
	size_t n;
	FILE *out;

	if (mail->guid[0] == '\0' || strchr(mail->guid, '/') != NULL)
		die("guid");
	snprintf(path, sizeof(path), "%s/%s", dir, mail->guid);
	out = fopen(path, "wb");
	if (out == NULL)
		die(path);
	while (left > 0) {
		n = left < sizeof(buf) ? left : sizeof(buf);
		if (fread(buf, 1, n, stdin) != n)
			die(path);
		if (fwrite(buf, 1, n, out) != n)
			die(path);
		left -= n;
	}
	if (fclose(out) != 0)
		die(path);
}

int main(int argc, char *argv[])
{
	struct mail mail;
	char line[1024];

	if (argc != 2) {
		fputs("usage: fetchsplit OUTPUT-DIR < doveadm's output\n",
		      stderr);
		return 2;
	}
	memset(&mail, 0, sizeof(mail));
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (field(line, "guid", mail.guid, sizeof(mail.guid)) ||
		    field(line, "date.received.unixtime", mail.received,
			  sizeof(mail.received)) ||
		    field(line, "size.virtual", mail.virtual_size,
			  sizeof(mail.virtual_size)) ||
		    field(line, "size.physical", mail.physical_size,
			  sizeof(mail.physical_size)))
			continue;
		if (strcmp(line, "text:\n") == 0) {
			copy_text(&mail, argv[1]);
			printf("%s %s %s %s\n", mail.guid, mail.received,
			       mail.virtual_size, mail.physical_size);
			memset(&mail, 0, sizeof(mail));
		} else if (strcmp(line, "\n") != 0 &&
			   strcmp(line, "\f\n") != 0)
			die(line);
	}
	return ferror(stdin) ? 1 : 0;
}
