/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include "../source/vicipeer.h"
#include "catalog/catalog.h"
#include "core/negotiations.h"
#include "source/strongswan/notify.h"

/*
 * What real charons said of each failure, VICI with and without error-notify, from the frames to
 * the events: exactly one of each occurrence, on both sides. Arguments: the folders of frames and
 * of records.
 */

static const char *records;

struct recorded {
	const char *name;
	unsigned failures, established, rekeyed, ike_deleted, child_deleted;
	uint32_t id;
	uint8_t cause;
	const char *role; /* NULL: nobody tells */
};

static const struct recorded all[] = {
	{ "badpsk.red", 1, 0, 0, 0, 0, EVENT_AUTHENTICATION_FAILED, CAUSE_AUTH_REFUSED,
		"initiator" },
	{ "badpsk.blue", 1, 0, 0, 0, 0, EVENT_AUTHENTICATION_FAILED, CAUSE_AUTH_FAILED,
		"responder" },
	{ "noconf.blue", 1, 0, 0, 0, 0, EVENT_AUTHENTICATION_FAILED, CAUSE_NO_PEER_CONFIG,
		"responder" },
	{ "evil-ca.blue", 1, 0, 0, 0, 0, EVENT_AUTHENTICATION_FAILED, CAUSE_CERT_UNTRUSTED,
		"responder" },
	{ "expired-cert.blue", 1, 0, 0, 0, 0, EVENT_AUTHENTICATION_FAILED, CAUSE_CERT_EXPIRED,
		"responder" },
	{ "revoked-cert.blue", 1, 0, 0, 0, 0, EVENT_AUTHENTICATION_FAILED, CAUSE_CERT_REVOKED,
		"responder" },
	{ "badike.red", 1, 0, 0, 0, 0, EVENT_NEGOTIATION_FAILED, CAUSE_IKE_PROPOSAL_REFUSED,
		"initiator" },
	{ "badike.blue", 1, 0, 0, 0, 0, EVENT_PROPOSAL_INVALID, CAUSE_IKE_PROPOSAL, "responder" },
	{ "v1-badike.red", 1, 0, 0, 0, 0, EVENT_NEGOTIATION_FAILED, CAUSE_IKE_PROPOSAL_REFUSED,
		"initiator" },
	{ "v1-badike.blue", 1, 0, 0, 0, 0, EVENT_PROPOSAL_INVALID, CAUSE_IKE_PROPOSAL,
		"responder" },
	{ "v1-badpsk.red", 1, 0, 0, 0, 0, EVENT_NEGOTIATION_FAILED, CAUSE_DECRYPT, "initiator" },
	{ "v1-badpsk.blue", 1, 0, 0, 0, 0, EVENT_NEGOTIATION_FAILED, CAUSE_DECRYPT, "responder" },
	{ "badesp.red", 1, 1, 0, 0, 0, EVENT_NEGOTIATION_FAILED, CAUSE_CHILD_PROPOSAL_REFUSED,
		"initiator" },
	{ "badesp.blue", 1, 1, 0, 0, 0, EVENT_PROPOSAL_INVALID, CAUSE_CHILD_PROPOSAL, NULL },
	{ "badts.red", 1, 1, 0, 0, 0, EVENT_NEGOTIATION_FAILED, CAUSE_TS_REFUSED, "initiator" },
	{ "badts.blue", 1, 1, 0, 0, 0, EVENT_NEGOTIATION_FAILED, CAUSE_TS, "responder" },
	{ "unreach-host.red", 1, 0, 0, 0, 0, EVENT_NEGOTIATION_FAILED, CAUSE_TIMEOUT, "initiator" },
	/* Three IKE SAs of the same dead host, one of them with a child. */
	{ "dpd-timeout.red", 3, 2, 0, 3, 1, EVENT_NEGOTIATION_FAILED, CAUSE_DPD, NULL },
	{ "kernel-netlink.red", 1, 1, 0, 1, 0, EVENT_NEGOTIATION_FAILED,
		CAUSE_CHILD_PROPOSAL_REFUSED, "initiator" },
	{ "kernel-netlink.blue", 1, 1, 0, 1, 0, EVENT_NEGOTIATION_FAILED, CAUSE_SA_INSTALL, NULL },
	{ "v2-psk-ok.red", 0, 3, 3, 1, 2, 0, 0, NULL },
	{ "v1-main-ok.red", 0, 2, 2, 1, 1, 0, 0, NULL },
};

static void to_core(void *userdata, struct fact *f)
{
	struct fact copy = *f;

	bench_feed(userdata, &copy, NS_A);
}

static void play(struct bench *b, const char *name)
{
	struct source_sink sink = { .userdata = b, .emit = to_core };
	struct buf frames = { 0 };
	struct peer p = { 0 };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	p.fd = pair[0];
	assert_int_equal(strongswan_new(42, NS_A, pair[1], &sink, &p.client), 0);
	serve(&p);
	read_fixture(name, &frames);
	say(&p, &frames);
	buf_done(&frames);
	peer_end(&p);
}

/* False: error-notify had nothing to say there. */
static bool play_alerts(struct bench *b, const char *name)
{
	const char *vici = fixtures;
	struct buf octets = { 0 };
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", records, name);
	if (access(path, R_OK) != 0)
		return false;
	fixtures = records;
	read_fixture(name, &octets);
	fixtures = vici;
	for (size_t at = 0; at < octets.n; at += NOTIFY_RECORD_SIZE) {
		struct fact f;

		if (notify_parse(span_of(octets.p + at, octets.n - at), &f) != PARSE_OK)
			continue;
		f.source = SOURCE_STRONGSWAN;
		f.negotiation.service = 42;
		bench_feed(b, &f, NS_A);
	}
	buf_done(&octets);
	return true;
}

static void told_as(struct bench *b, const struct recorded *r, const char *how)
{
	const struct event *e = NULL;
	char cause[80], role[40];
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		if (b->events[i].id < EVENT_AUTHENTICATION_FAILED ||
			b->events[i].id > EVENT_NEGOTIATION_FAILED)
			continue;
		n++;
		e = &b->events[i];
		(void)snprintf(cause, sizeof(cause), "\"cause\":\"%s\"", ike_cause_name(r->cause));
		(void)snprintf(role, sizeof(role), "\"role\":\"%s\"", r->role ? r->role : "");
		if (e->id != r->id || !strstr(e->detail, cause) ||
			(r->role && !strstr(e->detail, role)))
			fail_msg("%s, %s: %u %s %s", r->name, how, e->id, e->message, e->detail);
	}
	if (n != r->failures || bench_count_id(b, EVENT_SA_REKEYED) != r->rekeyed ||
		bench_count_id(b, EVENT_SA_ESTABLISHED) != r->established ||
		bench_count_id(b, EVENT_IKE_SA_DELETED) != r->ike_deleted ||
		bench_count_id(b, EVENT_IPSEC_SA_DELETED) != r->child_deleted)
		fail_msg("%s, %s: %zu failures, %zu established, %zu IKE SAs and %zu IPsec SAs "
			 "deleted; %s",
			r->name, how, n, bench_count_id(b, EVENT_SA_ESTABLISHED),
			bench_count_id(b, EVENT_IKE_SA_DELETED),
			bench_count_id(b, EVENT_IPSEC_SA_DELETED), e ? e->message : "");
	if (e)
		print_message("# %s, %s: %u %s\n", r->name, how, e->id, e->message);
}

static void each_failure_is_one_event(void **state)
{
	static const char *const hows[] = { "without error-notify", "error-notify after it",
		"error-notify before it" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		for (size_t how = 0; how < ARRAY_LEN(hows); how++) {
			struct bench *b = bench_new(0);
			bool more = how == 0;

			bench_live(b);
			if (how == 2)
				more = play_alerts(b, all[i].name);
			play(b, all[i].name);
			if (how == 1)
				more = play_alerts(b, all[i].name);
			bench_settle(b);
			if (more)
				told_as(b, &all[i], hows[how]);
			bench_free(b);
		}
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failure_is_one_event),
	};

	if (argc != 3)
		return 2;
	fixtures = argv[1];
	records = argv[2];
	return cmocka_run_group_tests_name("core/recorded", tests, NULL, NULL);
}
