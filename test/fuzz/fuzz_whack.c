/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of whack, each list as every list, and pluto's log in pieces; all that is said must be
 * fit for a fact file, and its texts clean.
 */
#include <stdlib.h>
#include <string.h>

#include "source/libreswan/libreswan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	if (n == size)
		abort();
	for (size_t i = 0; i < n; i++) {
		if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
			abort();
	}
}

static void check(void *userdata, struct fact *f)
{
	static struct fact again;
	struct buf octets = { 0 };
	size_t used;

	(void)userdata;
	fact_encode(f, &octets);
	if (!octets.failed && fact_decode(buf_span(&octets), &again, &used) != FACT_OK)
		abort();
	buf_done(&octets);
	if (f->type == FACT_CONNECTION)
		check_text(f->connection.remote_id, sizeof(f->connection.remote_id));
	if (f->type == FACT_CONNECTION_CHILD)
		check_text(f->connection_child.local_ts, sizeof(f->connection_child.local_ts));
	if (f->type == FACT_NEGOTIATION)
		check_text(f->negotiation.words, sizeof(f->negotiation.words));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct source_sink sink = { .emit = check };
	struct libreswan *l = NULL;
	uint8_t *copy = malloc(size ? size : 1);
	struct span text = span_of(copy, size);

	if (!copy || libreswan_new(1, 2, &sink, &l)) {
		free(copy);
		return 0;
	}
	if (size)
		memcpy(copy, data, size);
	for (unsigned i = 0; i < WHACK_LISTS_N; i++)
		libreswan_output(l, (enum whack_list)i, text, 0);
	libreswan_output(l, WHACK_SHOWSTATES, span_of(text.p, size / 2), 0);
	libreswan_log(l, span_of(text.p, size / 3));
	libreswan_log(l, span_of(text.p + size / 3, size - size / 3));
	libreswan_output(l, WHACK_SHOWSTATES, text, 0);
	libreswan_restate(l);
	libreswan_free(l);
	free(copy);
	return 0;
}
