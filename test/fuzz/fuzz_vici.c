/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What charon's control socket says: octets of it, in pieces as long as the first octet tells, to a
 * client that has been answered by them alone. And the same as a record of error-notify.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/strongswan/notify.h"
#include "source/strongswan/strongswan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
}

static void feed(struct strongswan *s, int peer, struct span octets, size_t step)
{
	char request[256];
	uint64_t second = 1000000000;

	while (octets.n > 0 && !strongswan_lost(s)) {
		size_t n = step < octets.n ? step : octets.n;
		ssize_t sent = send(peer, octets.p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0)
			octets = span_of(octets.p + sent, octets.n - (size_t)sent);
		strongswan_ready(s, 0);
		while (recv(peer, request, sizeof(request), MSG_DONTWAIT) > 0)
			;
		strongswan_tick(s, second += 1000000000);
	}
	strongswan_restate(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct source_sink sink = { .emit = check };
	static uint8_t record[NOTIFY_RECORD_SIZE];
	static struct fact f;
	struct strongswan *s = NULL;
	int pair[2];

	if (size == 0)
		return 0;
	memset(record, 0, sizeof(record));
	memcpy(record, data, size < sizeof(record) ? size : sizeof(record));
	if (notify_parse(span_of(record, sizeof(record)), &f) == PARSE_OK)
		check(NULL, &f);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return 0;
	if (strongswan_new(1, 1, pair[1], &sink, &s) == 0)
		feed(s, pair[0], span_of(data + 1, size - 1), data[0] ? data[0] * 16u : 1);
	strongswan_free(s);
	close(pair[0]);
	return 0;
}
