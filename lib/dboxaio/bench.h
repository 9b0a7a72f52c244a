/* bench.h: what the parts of dboxaio bench share */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <dbox_aio.h>

struct bench_message {
	const char *path;	/* the same pointer for the same file */
	uint64_t offset, size;
};

struct bench_sample {
	char **paths;
	size_t paths_count;
	struct bench_message *messages;
	size_t count;
	uint64_t bytes;
};

/* Chooses messages of the mail files below dir, at random but the same ones
   each time, not more than so many messages and bytes. */
void bench_sample_choose(struct dbox_aio *ctx, const char *dir,
			 size_t max_messages, uint64_t max_bytes,
			 struct bench_sample *sample_r);
/* Asks the kernel to forget what it has cached of the sample's files. Returns
   the percentage of messages of which the first byte is cached all the same,
   -1 if that can't be told here. */
int bench_sample_evict(const struct bench_sample *sample);

#endif
