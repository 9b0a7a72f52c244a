/* special_flat.c: resident memory while millions of messages are read. */
#include <err.h>
#include "library.h"

#define SAMPLES 20
#define BATCH 100

struct flat {
	const struct peer *peer;
	const struct store *store;
	unsigned int requests;
};

struct flat_result {
	uint64_t samples[SAMPLES];
};

static void flat_run(const void *arg, void *data)
{
	static const struct peer_setup setup = { .remote = 0 };
	const struct flat *flat = arg;
	struct flat_result *result = data;
	struct order order = { .passes = 1, .batch = BATCH };
	struct outcome outcome;
	unsigned int i;

	flat->peer->init(&setup);
	order.messages = flat->requests / SAMPLES;
	for (i = 0; i < SAMPLES; i++) {
		round_run(flat->peer, flat->store, &order, &outcome);
		if (outcome.wrong)
			errx(1, "something else was delivered");
		result->samples[i] = memory_resident();
	}
}

static void flat_measure(const struct run *run, const struct store *store,
			 const struct peer *peer, unsigned int requests)
{
	struct flat flat = {
		.peer = peer, .store = store, .requests = requests
	};
	struct flat_result result;
	unsigned int i;

	child_call(flat_run, &flat, &result, sizeof(result));
	special_row(run, "flat_requests", peer->name, 0, requests);
	for (i = 0; i < SAMPLES; i++)
		special_row(run, "flat_memory_kb", peer->name, i + 1,
			    (double)(result.samples[i] >> 10));
}

void special_flat(const struct run *run)
{
	struct store store;

	store_small(run, &store);
	store.count = 1000;
	flat_measure(run, &store, &peer_library,
		     run->quick ? 500000 : 10000000);
	if (!run->quick)
		flat_measure(run, &store, &peer_library_threads, 1000000);
}
