/* SPDX-License-Identifier: Apache-2.0 */
#include "source/strongswan/notify.h"

#include <poll.h>
#include <sched.h>

#include "vicipeer.h"

static struct buf told;

static void note(void *userdata, struct fact *f)
{
	(void)userdata;
	assert_true(f->netns == 7 && f->source == SOURCE_STRONGSWAN);
	assert_int_equal(f->negotiation.service, 42);
	(void)write_fact(f, &told);
	buf_text(&told, "\n");
}

static void wait_for(const struct strongswan_notify *n)
{
	struct pollfd p = { .fd = strongswan_notify_fd(n, 0), .events = POLLIN };

	assert_int_equal(poll(&p, 1, 20000), 1);
}

static struct strongswan_notify *begin(int *ret_peer)
{
	struct source_sink sink = { .emit = note };
	struct strongswan_notify *n = NULL;
	int pair[2];

	buf_clear(&told);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(strongswan_notify_new(42, 7, pair[1], &sink, &n), 0);
	*ret_peer = pair[0];
	return n;
}

/* Records of a real charon: what is no failure is left out. */
static void alerts_are_told(void **state)
{
	struct buf records = { 0 };
	struct strongswan_notify *n;
	int peer;

	(void)state;
	read_fixture("all", &records);
	n = begin(&peer);
	for (size_t at = 0; at < records.n; at += 100) {
		size_t rest = records.n - at;

		assert_true(write(peer, records.p + at, rest < 100 ? rest : 100) > 0);
	}
	close(peer);
	while (!strongswan_notify_lost(n)) {
		wait_for(n);
		strongswan_notify_ready(n, 0);
	}
	strongswan_notify_ready(n, 0);
	assert_string_equal(told.p,
		"failed ike by alert: IKE proposal refused, final, initiator, badike, to "
		"10.9.0.2, ours IKE:AES_CBC_256/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/ECP_521\n"
		"failed ike by alert: IKE proposal, final, responder, to 10.9.0.1, theirs "
		"IKE:AES_CBC_256/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/ECP_521\n"
		"failed child by alert: child proposal, final, badesp, to 10.9.0.2 "
		"badesp-blue@lab\n"
		"failed child by alert: unknown, final, badesp, to 10.9.0.2 badesp-blue@lab\n"
		"failed child by alert: traffic selectors, final, responder, badts, to 10.9.0.1 "
		"badts-red@lab, theirs 10.1.0.1/32 === 10.77.0.0/16\n"
		"failed child by alert: unknown, final, badts, to 10.9.0.1 badts-red@lab\n"
		"failed ike by alert: invalid message, v1, to 10.9.0.2\n"
		"failed ike by alert: invalid message, v1, to 10.9.0.2\n"
		"failed ike by alert: invalid message, v1, to 10.9.0.2\n"
		"failed ike by alert: invalid message, v1, to 10.9.0.2\n"
		"failed ike by alert: timeout, v1, to 10.9.0.2\n"
		"failed ike by alert: timeout, initiator, v1, to 10.9.0.2\n"
		"failed ike by alert: certificate untrusted, evil, to 10.9.0.1 redevil.lab\n"
		"failed ike by alert: authentication failed, final, evil, to 10.9.0.1 "
		"redevil.lab\n"
		"failed child by alert: SA not installed, final, psk, to 10.9.0.1 psk-red@lab\n"
		"failed child by alert: unknown, final, psk, to 10.9.0.1 psk-red@lab\n"
		"failed child by alert: SA not installed, final, psk, to 10.9.0.1 psk-red@lab\n"
		"failed child by alert: unknown, final, psk, to 10.9.0.1 psk-red@lab\n");
	assert_int_equal(strongswan_notify_dropped(n), 0);
	strongswan_notify_free(n);
	buf_done(&records);
}

/* Nobody takes them off the ring: the socket is drained all the same. */
static void a_full_ring_drops_and_counts(void **state)
{
	static uint8_t record[NOTIFY_RECORD_SIZE] = { 0, 0, 0, 18 };
	struct strongswan_notify *n;
	int peer;

	(void)state;
	n = begin(&peer);
	for (unsigned i = 0; i < STRONGSWAN_NOTIFY_RING + 100; i++)
		assert_int_equal(write(peer, record, sizeof(record)), sizeof(record));
	close(peer);
	while (!strongswan_notify_lost(n))
		sched_yield();
	assert_int_equal(strongswan_notify_dropped(n), 100);
	strongswan_notify_ready(n, 0);
	assert_int_equal(told.n,
		STRONGSWAN_NOTIFY_RING * strlen("failed ike by alert: certificate revoked\n"));
	strongswan_notify_free(n);
}

static void it_ends_while_it_waits(void **state)
{
	struct strongswan_notify *n;
	int peer;

	(void)state;
	n = begin(&peer);
	assert_int_equal(strongswan_notify_fd(n, 1), -1);
	strongswan_notify_free(n);
	close(peer);
}

static void texts_need_no_end(void **state)
{
	uint8_t record[NOTIFY_RECORD_SIZE];
	struct fact f;

	(void)state;
	memset(record, 'x', sizeof(record));
	memcpy(record, "\0\0\0\3", 4);
	assert_int_equal(notify_parse(span_of(record, sizeof(record)), &f), PARSE_OK);
	assert_int_equal(strlen(f.negotiation.conn), 64);
	assert_int_equal(strlen(f.negotiation.remote_id), IDENTITY_SIZE - 1);
	record[3] = 33;
	assert_int_equal(notify_parse(span_of(record, sizeof(record)), &f), PARSE_UNKNOWN);
	record[3] = 20;
	assert_int_equal(notify_parse(span_of(record, sizeof(record)), &f), PARSE_NOTHING);
	assert_int_equal(notify_parse(span_of(record, 767), &f), PARSE_TRUNCATED);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alerts_are_told),
		cmocka_unit_test(a_full_ring_drops_and_counts),
		cmocka_unit_test(it_ends_while_it_waits),
		cmocka_unit_test(texts_need_no_end),
	};
	int failed;

	if (argc < 2)
		return 2;
	fixtures = argv[1];
	failed = cmocka_run_group_tests_name("source/notify", tests, NULL, NULL);
	buf_done(&told);
	return failed;
}
