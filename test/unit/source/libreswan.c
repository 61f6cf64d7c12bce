/* SPDX-License-Identifier: Apache-2.0 */
#include "libreswan_facts.h"

#include <errno.h>
#include <netinet/in.h>
#include <time.h>

#define SECOND_NS 1000000000ull

static const struct connection *connection(const char *name)
{
	const struct fact *f = last_of(FACT_CONNECTION, name);

	assert_non_null(f);
	return &f->connection;
}

static const struct connection_child *child_of(const char *name)
{
	const struct fact *f = last_of(FACT_CONNECTION_CHILD, name);

	assert_non_null(f);
	return &f->connection_child;
}

static const struct ike_sa *ike_sa(const char *name)
{
	const struct fact *f = last_of(FACT_IKE_SA, name);

	assert_non_null(f);
	return &f->ike_sa.sa;
}

static const struct child_sa *child_sa(const char *name)
{
	const struct fact *f = last_of(FACT_CHILD_SA, name);

	assert_non_null(f);
	return &f->child_sa.sa;
}

static void connections_of_a_status(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();
	const struct connection *c;
	const struct connection_child *child;

	(void)state;
	feed(l, WHACK_STATUS, "status");
	assert_int_equal(count(FACT_CONNECTION), 8);
	c = connection("psk");
	assert_int_equal(c->service, 7);
	assert_int_equal(c->origin, ORIGIN_LOADED);
	assert_int_equal(c->daemon, DAEMON_LIBRESWAN);
	assert_int_equal(c->version, 2);
	assert_string_equal(c->local, "10.7.0.1");
	assert_string_equal(c->remote, "10.7.0.2");
	assert_string_equal(c->local_id, "@l");
	assert_string_equal(c->remote_id, "@r");
	assert_string_equal(c->local_auth, "psk");
	assert_string_equal(c->remote_auth, "psk");
	assert_string_equal(c->proposals, "AES_CBC_128-HMAC_SHA2_256-MODP2048");
	assert_int_equal(c->rekey_s, 28800 - 540);
	assert_int_equal(c->dpd_s, 0);
	child = child_of("psk");
	assert_string_equal(child->conn, "psk");
	assert_string_equal(child->local_ts, "10.3.0.1/32");
	assert_string_equal(child->remote_ts, "10.4.0.1/32");
	assert_string_equal(child->proposals, "AES_CBC_128-HMAC_SHA2_256_128");
	assert_int_equal(child->mode, IPSEC_TUNNEL);
	assert_int_equal(child->proto, IPPROTO_ESP);
	assert_int_equal(child->intent, INTENT_START);
	assert_int_equal(child->life_s, 28800);
	assert_int_equal(child->life_bytes, 0);

	assert_string_equal(connection("gcm/1x0")->proposals,
		"AES_GCM_16_256-HMAC_SHA2_512-DH21, AES_CBC_256-HMAC_SHA2_512-DH19");
	assert_int_equal(connection("gcm/1x0")->rekey_s, 7200 - 300);
	assert_int_equal(connection("gcm/1x0")->dpd_s, 4);
	assert_int_equal(child_of("gcm/1x0")->intent, INTENT_NONE);
	assert_int_equal(connection("v1")->version, 1);
	assert_int_equal(child_of("ah")->proto, IPPROTO_AH);
	child = child_of("trans");
	assert_int_equal(child->mode, IPSEC_TRANSPORT);
	assert_string_equal(child->local_ts, "10.7.0.1/32[tcp/443]");
	assert_string_equal(child->remote_ts, "10.7.0.2/32[tcp]");
	child = child_of("trap");
	assert_int_equal(child->intent, INTENT_TRAP);
	assert_int_equal(child->mark_in, 5);
	assert_int_equal(child->mark_out, 6);
	assert_int_equal(child->priority, 1234);
	child = child_of("pass");
	assert_int_equal(child->action, ACTION_PASS);
	assert_int_equal(child->proto, 0);
}

static void sas_of_a_status(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();
	const struct ike_sa *ike;
	const struct child_sa *child;

	(void)state;
	feed(l, WHACK_STATUS, "status");
	assert_int_equal(said[n_said - 1].source_change.state, SOURCE_IN_STEP);
	assert_int_equal(count(FACT_IKE_SA), 4);
	assert_int_equal(count(FACT_CHILD_SA), 4);
	assert_int_equal(last_of(FACT_IKE_SA, "psk")->ike_sa.op, IKE_OP_LISTED);
	assert_int_equal(last_of(FACT_IKE_SA, "psk")->netns, 42);
	ike = ike_sa("psk");
	assert_int_equal(ike->unique, 1);
	assert_int_equal(ike->state, IKE_ESTABLISHED);
	assert_int_equal(ike->version, 2);
	assert_false(ike->role_known);
	assert_int_equal(ike->remote_port, 500);
	assert_string_equal(ike->remote_id, "@r");
	assert_string_equal(ike->encryption, "AES_CBC");
	assert_int_equal(ike->encryption_bits, 128);
	assert_string_equal(ike->prf, "HMAC_SHA2_256");
	assert_string_equal(ike->integrity, "HMAC_SHA2_256");
	assert_string_equal(ike->dh, "MODP2048");
	assert_int_not_equal(ike->rekey_us, 0);
	ike = ike_sa("v1");
	assert_true(ike->role_known && ike->initiator);
	assert_int_equal(ike->version, 1);
	ike = ike_sa("rw"); /* no line tells of its connection here */
	assert_int_equal(ike->local.family, 0);

	child = child_sa("psk");
	assert_int_equal(child->unique, 2);
	assert_int_equal(child->ike_unique, 1);
	assert_string_equal(child->ike_name, "psk");
	assert_int_equal(child->state, CHILD_INSTALLED);
	assert_int_equal(child->mode, IPSEC_TUNNEL);
	assert_int_equal(child->proto, IPPROTO_ESP);
	assert_int_equal(child->spi_out, 0x2a9d1c4e);
	assert_int_equal(child->spi_in, 0x9daaf85d);
	assert_string_equal(child->encryption, "AES_CBC");
	assert_string_equal(child->integrity, "HMAC_SHA2_256_128");
	assert_string_equal(child->local_ts, "10.3.0.1/32");
	assert_false(child->counted);
	child = child_sa("trans");
	assert_int_equal(child->mode, IPSEC_TRANSPORT);
	assert_int_equal(child->ike_unique, 1); /* psk's */
	assert_string_equal(child->ike_name, "trans");
	assert_string_equal(child->encryption, "AES_GCM_16");
	assert_int_equal(child->encryption_bits, 256);
	assert_string_equal(child->integrity, "");

	feed(l, WHACK_TRAFFICSTATUS, "trafficstatus");
	assert_int_equal(count(FACT_CHILD_SA), 4);
	child = child_sa("psk");
	assert_true(child->counted && child->octets_only);
	assert_int_equal(child->bytes_in, 936);
	assert_int_equal(child->bytes_out, 3840);
	assert_true(child->installed_us == 1795645266000000u);
	assert_int_equal(last_of(FACT_CHILD_SA, "psk")->child_sa.op, IKE_OP_CHANGED);
	feed(l, WHACK_TRAFFICSTATUS, "trafficstatus");
	assert_int_equal(n_said, 0); /* nothing is new */
}

static void instance_has_its_templates_name(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();
	char text[ADDR_TEXT_SIZE];

	(void)state;
	feed(l, WHACK_STATUS, "status-road");
	assert_int_equal(count(FACT_CONNECTION), 2);
	assert_string_equal(connection("rw")->remote, "%any");
	assert_string_equal(child_of("rw")->remote_ts, "10.3.0.5/32");
	assert_int_equal(ike_sa("rw")->unique, 9);
	assert_string_equal(addr_format(&ike_sa("rw")->remote, text), "10.7.0.1");
	assert_string_equal(addr_format(&ike_sa("rw")->local, text), "10.7.0.2");
	assert_string_equal(ike_sa("rw")->remote_id, "@road");
	assert_string_equal(ike_sa("rw")->encryption, "AES_GCM_16");
	assert_string_equal(ike_sa("rw")->integrity, "");
}

static void rekeyed_child_follows_another(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();
	const struct fact *f;

	(void)state;
	feed(l, WHACK_STATUS, "status");
	feed(l, WHACK_SHOWSTATES, "showstates");
	assert_int_equal(n_said, 0);
	feed(l, WHACK_SHOWSTATES, "showstates-rekeyed");
	f = last_of(FACT_CHILD_SA, "psk");
	assert_non_null(f);
	assert_int_equal(f->child_sa.op, IKE_OP_REKEYED);
	assert_int_equal(f->child_sa.sa.unique, 11);
	assert_int_equal(f->child_sa.replaces, 2);
	assert_int_equal(f->child_sa.sa.spi_in, 0x742b8718);
	f = last_of(FACT_CHILD_SA_GONE, "psk");
	assert_non_null(f);
	assert_int_equal(f->child_sa_gone.how, IKE_GONE_REPLACED);
	assert_int_equal(f->child_sa_gone.sa.unique, 2);
	assert_int_equal(count(FACT_CHILD_SA_GONE), 1);
	assert_int_equal(count(FACT_IKE_SA_GONE), 0);

	feed(l, WHACK_SHOWSTATES, "showstates-half-open");
	f = last_of(FACT_IKE_SA, "badpsk1");
	assert_non_null(f);
	assert_int_equal(f->ike_sa.sa.state, IKE_CONNECTING);
	assert_true(f->ike_sa.sa.initiator);
	assert_int_equal(f->ike_sa.sa.children_queued, 1);
	assert_int_equal(f->ike_sa.op, IKE_OP_CHANGED);

	feed(l, WHACK_SHOWSTATES, "showstates-down");
	f = last_of(FACT_CHILD_SA_GONE, "psk");
	assert_non_null(f);
	assert_int_equal(f->child_sa_gone.how, IKE_GONE_DOWN);
	f = last_of(FACT_IKE_SA_GONE, "badpsk1");
	assert_non_null(f);
	assert_int_equal(f->ike_sa_gone.how, IKE_GONE_FAILED);
}

static void say(struct libreswan *l, enum whack_list list, const char *text)
{
	forget_facts();
	libreswan_output(l, list, span_text(text), 0);
}

#define IKE_1 "000 #1: \"a\":500 STATE_V2_ESTABLISHED_IKE_SA (established IKE SA); REKEY in 9s;\n"
#define IKE_5 "000 #5: \"a\":500 STATE_V2_ESTABLISHED_IKE_SA (established IKE SA); REKEY in 9s;\n"
#define CHILD_OF(ike) \
	"000 #2: \"a\":500 STATE_V2_ESTABLISHED_CHILD_SA (established Child SA); IKE SA #" ike \
	"; idle;\n"

static void ike_sa_that_came_up_anew_replaces_none(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();

	(void)state;
	say(l, WHACK_SHOWSTATES, IKE_1 CHILD_OF("1"));
	say(l, WHACK_SHOWSTATES, IKE_5); /* its child went too: not a rekey */
	assert_int_equal(last_of(FACT_IKE_SA, "a")->ike_sa.op, IKE_OP_UP);
	assert_int_equal(last_of(FACT_IKE_SA, "a")->ike_sa.replaces, 0);
	assert_int_equal(last_of(FACT_IKE_SA_GONE, "a")->ike_sa_gone.how, IKE_GONE_DOWN);
}

static void rekeyed_ike_sa_keeps_its_children(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();

	(void)state;
	say(l, WHACK_SHOWSTATES, IKE_1 CHILD_OF("1"));
	say(l, WHACK_SHOWSTATES, CHILD_OF("5") IKE_5);
	assert_int_equal(last_of(FACT_IKE_SA, "a")->ike_sa.op, IKE_OP_REKEYED);
	assert_int_equal(last_of(FACT_IKE_SA, "a")->ike_sa.replaces, 1);
	assert_int_equal(last_of(FACT_IKE_SA_GONE, "a")->ike_sa_gone.how, IKE_GONE_REPLACED);
	assert_int_equal(child_sa("a")->ike_unique, 5);
}

static void replaced_sa_that_lingers_is_rekeyed(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();
	bool old = false;

	(void)state;
	say(l, WHACK_SHOWSTATES, IKE_1);
	say(l, WHACK_SHOWSTATES, IKE_1 IKE_5);
	for (size_t i = 0; i < n_said; i++)
		old |= said[i].type == FACT_IKE_SA && said[i].ike_sa.sa.unique == 1 &&
		       said[i].ike_sa.sa.state == IKE_REKEYED;
	assert_true(old);
	assert_int_equal(last_of(FACT_IKE_SA, "a")->ike_sa.op, IKE_OP_REKEYED);
}

static void states_of_version_5_are_known_by_their_story(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();
	const struct child_sa *c;

	(void)state;
	say(l, WHACK_SHOWSTATES,
		"#1: \"a\"[2] 2001:db8::2:4500(tcp) established IKE SA; REKEY in 27s; newest;\n"
		"#2: \"a\"[2] 2001:db8::2:4500 established Child SA; REKEY in 9s; newest; "
		"IKE SA #1; idle;\n"
		"#2: \"a\"[2] 2001:db8::2 used 5s ago; esp:1a2b3c4d@2001:db8::2 "
		"esp:5@2001:db8::1 tun:0@2001:db8::2 tun:0@2001:db8::1 Traffic: ESPin=0B "
		"ESPout=0B ESPmax=2^63B username=carol\n"
		"#3: \"b\":500 sent IKE_AUTH request; RETRANSMIT in 0s; idle;\n"
		"#4: \"b\":500 sent an owl; idle;\n");
	assert_int_equal(ike_sa("a")->remote.family, AF_INET6);
	assert_int_equal(ike_sa("a")->remote_port, 4500);
	c = child_sa("a");
	assert_int_equal(c->spi_out, 0x1a2b3c4d);
	assert_int_equal(c->spi_in, 5);
	assert_int_equal(c->mode, IPSEC_TUNNEL);
	assert_int_equal(ike_sa("b")->state, IKE_CONNECTING);
	assert_int_equal(count(FACT_IKE_SA), 2);
	libreswan_restate(l);
	assert_int_equal(last_of(FACT_SOURCE, NULL)->source_change.losses, 1); /* the owl */
}

static void counters_are_told_when_they_move(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();
	const struct fact *f;

	(void)state;
	feed(l, WHACK_GLOBALSTATUS, "globalstatus-idle");
	assert_int_equal(said[0].type, FACT_IKE_DUMP);
	assert_int_equal(said[0].ike_dump.list, IKE_LIST_COUNTERS);
	assert_int_equal(count(FACT_IKE_COUNTER), 338);
	feed(l, WHACK_GLOBALSTATUS, "globalstatus");
	f = last_of(FACT_IKE_COUNTER, "total.ikev2.ike.finished.auth-failed");
	assert_non_null(f);
	assert_int_equal(f->ike_counter.value, 5);
	assert_false(f->ike_counter.gauge);
	f = last_of(FACT_IKE_COUNTER, "current.states.iketype.open");
	assert_non_null(f);
	assert_true(f->ike_counter.gauge);
	assert_null(last_of(FACT_IKE_COUNTER, "total.ike.ikev2.redirect.failed"));
	feed(l, WHACK_GLOBALSTATUS, "globalstatus");
	assert_int_equal(count(FACT_IKE_COUNTER), 0);
}

static void shunts(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();

	(void)state;
	feed(l, WHACK_SHUNTSTATUS, "shuntstatus");
	assert_int_equal(count(FACT_SHUNT), 0);
	say(l, WHACK_SHUNTSTATUS,
		"000 Bare Shunt list:\n000  \n"
		"000 10.3.0.1/32:0 -0-> 10.4.0.9/32:0 => %pass 0    oe-failing\n"
		"000 10.3.0.1/32:22 -6-> 10.4.0.9/32:0 => %hold 0    acquire\n");
	assert_int_equal(count(FACT_IKE_DUMP), 2);
	assert_int_equal(count(FACT_SHUNT), 2);
	assert_int_equal(said[1].shunt.action, ACTION_PASS);
	assert_true(said[1].shunt.negotiated);
	assert_string_equal(said[1].shunt.local_ts, "10.3.0.1/32");
	assert_int_equal(said[2].shunt.action, ACTION_DROP);
	assert_string_equal(said[2].shunt.local_ts, "10.3.0.1/32[tcp/22]");
	assert_string_equal(said[2].shunt.remote_ts, "10.4.0.9/32[tcp]");
	say(l, WHACK_SHUNTSTATUS,
		"Bare Shunt list:\n\n10.3.0.1/32:0 -0-> 10.4.0.9/32:0 => %pass    oe-failing\n");
	assert_int_equal(count(FACT_SHUNT), 1); /* 5.x; and one is gone */
}

static void connection_that_is_gone(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();

	(void)state;
	feed(l, WHACK_STATUS, "status");
	say(l, WHACK_CONNECTIONSTATUS,
		"000 \"psk\": 10.3.0.1/32===10.7.0.1[@l]...10.7.0.2[@r]===10.4.0.1/32; erouted;\n"
		"000 Total IPsec connections: loaded 1, active 1\n");
	assert_int_equal(said[0].type, FACT_IKE_DUMP);
	assert_int_equal(count(FACT_CONNECTION), 1);
}

static void failures_are_told_in_words(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();
	const struct fact *f;

	(void)state;
	forget_facts();
	libreswan_output(l, WHACK_STATUS, file("not-running"), 33 << 8);
	f = last_of(FACT_SOURCE, NULL);
	assert_int_equal(f->source_change.state, SOURCE_ABSENT);
	assert_int_equal(f->source_change.losses, 0);
	assert_non_null(strstr(f->source_change.reason, "Pluto is not running"));
	feed(l, WHACK_STATUS, "status");
	assert_int_equal(last_of(FACT_SOURCE, NULL)->source_change.state, SOURCE_IN_STEP);
	libreswan_output(l, WHACK_STATUS, span_of(NULL, 0), -ETIMEDOUT);
	f = last_of(FACT_SOURCE, NULL);
	assert_int_equal(f->source_change.state, SOURCE_LOST);
	assert_int_equal(f->source_change.losses, 0); /* that it is lost says it */
	assert_non_null(strstr(f->source_change.reason, "no answer in time"));
	libreswan_output(l, WHACK_STATUS,
		span_text("003 ignoring message from whack with bad magic 1869114188; should be "
			  "1869114189; Mismatched versions of userland tools.\n"),
		1 << 8);
	assert_non_null(
		strstr(last_of(FACT_SOURCE, NULL)->source_change.reason, "of different versions"));
	libreswan_output(l, WHACK_STATUS, span_of(NULL, 0), -ENOENT);
	libreswan_output(l, WHACK_STATUS, span_of(NULL, 0), 9);
	assert_non_null(strstr(last_of(FACT_SOURCE, NULL)->source_change.reason, "signal 9"));
}

static void cut_text_changes_nothing(void **state)
{
	(void)state;
	for (size_t n = 0, whole = 1; n < whole; n += 97) {
		CLEANUP(libreswan) struct libreswan *l = fresh();
		struct span text;

		feed(l, WHACK_STATUS, "status");
		text = file("status");
		whole = text.n;
		forget_facts();
		libreswan_output(l, WHACK_STATUS, span_of(text.p, n), 0);
		assert_int_equal(count(FACT_CONNECTION), 0);
		if (n > 0 && text.p[n - 1] != '\n')
			assert_int_equal(count(FACT_IKE_SA_GONE) + count(FACT_CHILD_SA_GONE), 0);
	}
}

/* Processor time that a status of n connections takes, with an SA pair each. */
static double seconds_for(unsigned n)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();
	CLEANUP_BUF struct buf text = { 0 };
	clock_t begin;

	for (unsigned i = 0; i < n; i++) {
		buf_printf(&text,
			"000 \"c%u\": 10.3.0.1/32===10.7.0.1[@l]...10.7.0.2[@r]===10.4.0.1/32; "
			"erouted; eroute owner: #2\n",
			i);
		for (unsigned k = 0; k < 20; k++)
			buf_printf(&text,
				"000 \"c%u\":   conn_prio: 32,32; interface: vl; metric: %u; mtu: "
				"unset; sa_prio:auto; sa_tfc:none;\n",
				i, k);
	}
	buf_text(&text, "000 Total IPsec connections: loaded 1, active 1\n");
	for (unsigned i = 0; i < n; i++)
		buf_printf(&text,
			"000 #%u: \"c%u\":500 STATE_V2_ESTABLISHED_IKE_SA (established IKE SA); "
			"newest;\n000 #%u: \"c%u\":500 STATE_V2_ESTABLISHED_CHILD_SA "
			"(established Child SA); newest; IKE SA #%u; idle;\n",
			2 * i + 1, i, 2 * i + 2, i, 2 * i + 1);
	assert_false(text.failed);
	begin = clock();
	libreswan_output(l, WHACK_STATUS, buf_span(&text), 0);
	assert_int_equal(count(FACT_CONNECTION), n);
	assert_int_equal(count(FACT_CHILD_SA), n);
	return (double)(clock() - begin) / CLOCKS_PER_SEC;
}

/* Sixteen times as much takes some sixteen times as long; of quadratic work it would be 256. */
static void time_grows_as_the_text(void **state)
{
	double few = 0, many = 0;

	(void)state;
	for (unsigned try = 0; try < 5; try++) {
		few = seconds_for(250);
		many = seconds_for(4000);
		if (many < 64 * few)
			return;
	}
	fail_msg("250 connections took %f s, 4000 took %f s", few, many);
}

static void what_is_known_is_said_again(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();

	(void)state;
	feed(l, WHACK_STATUS, "status");
	feed(l, WHACK_GLOBALSTATUS, "globalstatus");
	feed(l, WHACK_SHUNTSTATUS, "shuntstatus");
	forget_facts();
	libreswan_restate(l);
	assert_int_equal(count(FACT_SOURCE), 1);
	assert_int_equal(count(FACT_CONNECTION), 8);
	assert_int_equal(count(FACT_IKE_SA), 4);
	assert_int_equal(count(FACT_CHILD_SA), 4);
	assert_int_equal(count(FACT_IKE_COUNTER), 344);
	assert_int_equal(count(FACT_IKE_DUMP), 8);
	assert_int_equal(last_of(FACT_IKE_SA, "psk")->ike_sa.op, IKE_OP_LISTED);
}

static const char *answer_to(enum whack_list list, const char *states)
{
	switch (list) {
	case WHACK_STATUS:
		return "status";
	case WHACK_SHOWSTATES:
		return states;
	case WHACK_SHUNTSTATUS:
		return "shuntstatus";
	case WHACK_GLOBALSTATUS:
		return "globalstatus";
	default:
		return "trafficstatus";
	}
}

/* How many requests ten minutes hold in their busiest one, when each is answered at once. */
static unsigned most_in_a_minute(struct libreswan *l, const char *states, int status)
{
	uint64_t asked[1000];
	unsigned n = 0, most = 0;
	enum whack_list list;

	for (uint64_t now = SECOND_NS; now < 600 * SECOND_NS; now += SECOND_NS / 4) {
		while (libreswan_due(l, now, &list)) {
			assert_in_range(n, 0, 999);
			asked[n++] = now;
			libreswan_output(l, list, file(answer_to(list, states)), status);
		}
	}
	for (unsigned i = 0, from = 0; i < n; i++) {
		while (asked[i] - asked[from] >= 60 * SECOND_NS)
			from++;
		most = i - from + 1 > most ? i - from + 1 : most;
	}
	return most;
}

static void one_request_at_a_time(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();
	enum whack_list list;

	(void)state;
	assert_true(libreswan_due(l, 5, &list));
	assert_int_equal(list, WHACK_STATUS);
	assert_false(libreswan_due(l, 30 * SECOND_NS, &list));
	/* An answer that never came. */
	assert_false(libreswan_due(l, 61 * SECOND_NS, &list));
	assert_int_equal(last_of(FACT_SOURCE, NULL)->source_change.state, SOURCE_ABSENT);
	assert_true(libreswan_due(l, 80 * SECOND_NS, &list));
}

static void what_never_answered_is_asked_soon_again(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();
	uint64_t now = SECOND_NS, asked = 0;
	enum whack_list list;

	(void)state;
	for (unsigned n = 0; n < 12; now += SECOND_NS) {
		if (!libreswan_due(l, now, &list))
			continue;
		assert_int_equal(list, WHACK_STATUS);
		if (n > 0)
			assert_int_equal((now - asked) / SECOND_NS, n < 9 ? 1u << n : 320);
		asked = now;
		libreswan_output(l, list, file("not-running"), 33 << 8);
		n++;
	}
	assert_true(libreswan_due(l, now + 320 * SECOND_NS, &list));
	feed(l, WHACK_STATUS, "status");
	assert_true(libreswan_due(l, now + 331 * SECOND_NS, &list));
	libreswan_output(l, list, span_of(NULL, 0), -ETIMEDOUT);
	assert_false(libreswan_due(l, now + 340 * SECOND_NS, &list));
	assert_true(libreswan_due(l, now + 341 * SECOND_NS, &list));
}

static void requests_are_bounded(void **state)
{
	struct libreswan *l = fresh();

	(void)state;
	assert_in_range(most_in_a_minute(l, "showstates", 0), 14, LIBRESWAN_REQUESTS_PER_MINUTE);
	libreswan_free(l);
	l = fresh(); /* a connection that is not known is in each list */
	assert_in_range(
		most_in_a_minute(l, "showstates-half-open", 0), 14, LIBRESWAN_REQUESTS_PER_MINUTE);
	libreswan_free(l);
	l = fresh();
	assert_in_range(most_in_a_minute(l, "showstates", 256), 1, 5);
	libreswan_free(l);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_of_a_status),
		cmocka_unit_test(sas_of_a_status),
		cmocka_unit_test(instance_has_its_templates_name),
		cmocka_unit_test(rekeyed_child_follows_another),
		cmocka_unit_test(ike_sa_that_came_up_anew_replaces_none),
		cmocka_unit_test(rekeyed_ike_sa_keeps_its_children),
		cmocka_unit_test(replaced_sa_that_lingers_is_rekeyed),
		cmocka_unit_test(states_of_version_5_are_known_by_their_story),
		cmocka_unit_test(counters_are_told_when_they_move),
		cmocka_unit_test(shunts),
		cmocka_unit_test(connection_that_is_gone),
		cmocka_unit_test(failures_are_told_in_words),
		cmocka_unit_test(cut_text_changes_nothing),
		cmocka_unit_test(time_grows_as_the_text),
		cmocka_unit_test(what_is_known_is_said_again),
		cmocka_unit_test(one_request_at_a_time),
		cmocka_unit_test(what_never_answered_is_asked_soon_again),
		cmocka_unit_test(requests_are_bounded),
	};
	int r;

	if (argc != 2)
		return 2;
	texts = argv[1];
	r = cmocka_run_group_tests_name("source/libreswan", tests, NULL, NULL);
	forget_facts();
	return r;
}
