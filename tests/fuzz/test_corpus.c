/*
 * test_corpus FILE...: the fuzz target on files, by any compiler.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

static void file_try(const char *path)
{
	static uint8_t data[1 << 16];
	size_t size;
	FILE *f = fopen(path, "rbe");

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	printf("%s\n", path);   /* the last one if it aborts */
	fflush(stdout);
	(void)LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char *argv[])
{
	int i;

	if (argc < 2) {
		fputs("usage: test_corpus FILE...\n", stderr);
		return 2;
	}
	fuzz_all_contexts = 1;
	for (i = 1; i < argc; i++)
		file_try(argv[i]);
	return 0;
}
