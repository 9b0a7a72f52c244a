/* terminal.c: what a terminal can show and a file should not have in it */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "dboxaio.h"

unsigned int terminal_width(FILE *stream)
{
	const char *term = getenv("TERM");
	struct winsize size;

	if (!isatty(fileno(stream)) || term == NULL ||
	    strcmp(term, "dumb") == 0)
		return 0;
	if (ioctl(fileno(stream), TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

bool terminal_colour(FILE *stream)
{
	const char *no = getenv("NO_COLOR");

	return (no == NULL || *no == '\0') && terminal_width(stream) != 0;
}

void terminal_bar(FILE *stream, double share, unsigned int width, bool rest)
{
	unsigned int i, filled;

	share = share < 0 ? 0 : share > 1 ? 1 : share;
	filled = (unsigned int)(share * width + 0.5);
	for (i = 0; i < width; i++) {
		if (i < filled)
			fputc('#', stream);
		else if (rest)
			fputc('-', stream);
	}
}
