/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>

#include "vicipeer.h"

#define SECOND_NS 1000000000ull

static void begin_quietly(struct peer *p)
{
	peer_begin(p);
	buf_clear(&p->told);
}

static void begin_with_all(struct peer *p)
{
	read_fixture("list-sas", &p->sas);
	read_fixture("list-conns", &p->conns);
	read_fixture("list-certs", &p->certs);
	read_fixture("stats", &p->stats);
	read_fixture("counters", &p->counters);
	peer_begin(p);
}

static void replay(struct peer *p, const char *name)
{
	struct buf frames = { 0 };

	read_fixture(name, &frames);
	say(p, &frames);
	buf_done(&frames);
}

static void told_is_as_in(struct peer *p, const char *name)
{
	struct buf expected = { 0 };
	char file[64];

	(void)snprintf(file, sizeof(file), "%s.facts", name);
	read_fixture(file, &expected);
	told_is(p, expected.p ? expected.p : "");
	buf_done(&expected);
}

static void put_mark(struct buf *message, uint8_t element, const char *name)
{
	buf_u8(message, element);
	if (name) {
		buf_u8(message, (uint8_t)strlen(name));
		buf_text(message, name);
	}
}

#define SECTION(message, name) put_mark(message, 1, name)
#define END(message) put_mark(message, 2, NULL)

static void put_item(struct buf *message, const char *list, const char *value)
{
	put_mark(message, 4, list);
	buf_u8(message, 5);
	buf_u8(message, 0);
	buf_u8(message, (uint8_t)strlen(value));
	buf_text(message, value);
	put_mark(message, 6, NULL);
}

static void say_log(struct peer *p, const char *unique, const char *text)
{
	struct buf message = { 0 };

	vici_put_value(&message, "group", "IKE");
	vici_put_value(&message, "level", "1");
	if (unique) {
		vici_put_value(&message, "ikesa-name", "conn");
		vici_put_value(&message, "ikesa-uniqueid", unique);
	}
	vici_put_value(&message, "msg", text);
	say_packet(p, VICI_EVENT, "log", &message);
	buf_done(&message);
}

static void begin_ike(struct buf *message, const char *unique, const char *state)
{
	SECTION(message, "conn");
	vici_put_value(message, "uniqueid", unique);
	vici_put_value(message, "version", "2");
	vici_put_value(message, "state", state);
	vici_put_value(message, "remote-host", "192.0.2.1");
	vici_put_value(message, "a key of another version", "x");
}

static void say_ike(struct peer *p, const char *event, const char *unique, const char *state,
	const char *const more[][2])
{
	struct buf message = { 0 };

	for (; more && (*more)[0]; more++)
		vici_put_value(&message, (*more)[0], (*more)[1]);
	begin_ike(&message, unique, state);
	END(&message);
	say_packet(p, VICI_EVENT, event, &message);
	buf_done(&message);
}

static const char *const up[][2] = { { "up", "yes" }, { NULL, NULL } };

static void the_start_tells_all(void **state)
{
	struct peer p = { 0 };

	(void)state;
	begin_with_all(&p);
	told_is_as_in(&p, "start");
	assert_string_equal(strongswan_version(p.client), "5.9.8");
	assert_false(strongswan_lost(p.client));
	peer_end(&p);
}

/* What real daemons sent, for a rekey and for each failure, on both sides. */
static void recordings(void **state)
{
	static const char *const all[] = { "v2-psk-ok.red", "v1-main-ok.red", "badpsk.red",
		"badpsk.blue", "badike.red", "badike.blue", "badesp.red", "badesp.blue",
		"badts.red", "badts.blue", "evil-ca.blue", "expired-cert.blue", "revoked-cert.blue",
		"noconf.blue", "v1-badike.red", "v1-badike.blue", "v1-badpsk.red", "v1-badpsk.blue",
		"unreach-host.red", "dpd-timeout.red", "kernel-netlink.red",
		"kernel-netlink.blue" };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct peer p = { 0 };

		begin_quietly(&p);
		replay(&p, all[i]);
		told_is_as_in(&p, all[i]);
		assert_false(strongswan_lost(p.client));
		peer_end(&p);
	}
}

/* The socket is a stream: frames may come octet by octet. */
static void fragments(void **state)
{
	struct peer p = { .step = 1 };

	(void)state;
	begin_with_all(&p);
	told_is_as_in(&p, "start");
	peer_end(&p);
	p.step = 1;
	begin_quietly(&p);
	replay(&p, "badts.blue");
	told_is_as_in(&p, "badts.blue");
	peer_end(&p);
}

static void breaks(const void *octets, size_t n, const char *why)
{
	struct peer p = { 0 };
	struct buf frames = { 0 };

	begin_quietly(&p);
	buf_append(&frames, octets, n);
	say(&p, &frames);
	assert_true(strongswan_lost(p.client));
	told_is(&p, why);
	/* Whatever comes now is not read any more. */
	say(&p, &frames);
	strongswan_tick(p.client, SECOND_NS);
	told_is(&p, "");
	buf_done(&frames);
	peer_end(&p);
}

static void what_is_no_vici_ends_it(void **state)
{
	struct peer p = { 0 };

	(void)state;
	breaks("\xff\xff\xff\xff", 4, "source lost\n");
	breaks("\0\x08\0\1", 4, "source lost\n"); /* one octet too long */
	breaks("\0\0\0\0", 4, "source lost\n");
	breaks("\0\0\0\1\x08", 5, "source lost\n"); /* no such type */
	breaks("\0\0\0\1\1", 5, "source lost\n"); /* not asked for */
	breaks("\0\0\0\1\5", 5, "source lost\n");
	breaks("\0\0\0\6\7\3log\2", 10, "source lost\n"); /* ends what was not begun */
	begin_quietly(&p);
	close(p.fd);
	strongswan_ready(p.client, 0);
	assert_true(strongswan_lost(p.client));
	told_is(&p, "source lost\n");
	p.fd = -1;
	peer_end(&p);
}

static void a_silent_daemon_is_lost(void **state)
{
	struct peer p = { 0 };

	(void)state;
	begin_quietly(&p);
	p.silent = true;
	for (uint64_t s = 1; s <= 10 + STRONGSWAN_ANSWER_S; s++) {
		strongswan_tick(p.client, s * SECOND_NS);
		serve(&p);
	}
	assert_false(strongswan_lost(p.client));
	strongswan_tick(p.client, (12 + STRONGSWAN_ANSWER_S) * SECOND_NS);
	assert_true(strongswan_lost(p.client));
	peer_end(&p);
}

/* Nobody reads: the request waits, and we with it, without blocking. */
static void a_full_socket_is_waited_for(void **state)
{
	struct source_sink sink = { .emit = hear };
	struct peer p = { 0 };
	int pair[2];
	char octets[4096] = { 0 };

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	while (send(pair[1], octets, sizeof(octets), MSG_DONTWAIT) > 0)
		;
	sink.userdata = &p;
	assert_int_equal(strongswan_new(42, 7, pair[1], &sink, &p.client), 0);
	assert_int_equal(strongswan_wants(p.client, 0), POLLIN | POLLOUT);
	while (recv(pair[0], octets, sizeof(octets), MSG_DONTWAIT) > 0)
		;
	strongswan_ready(p.client, 0);
	assert_int_equal(strongswan_wants(p.client, 0), POLLIN);
	assert_int_equal(strongswan_fd(p.client, 0), pair[1]);
	assert_int_equal(strongswan_fd(p.client, 1), -1);
	p.fd = pair[0];
	peer_end(&p);
}

/* However much happens, requests stay few. */
static void requests_are_bounded(void **state)
{
	enum { SECONDS = 600 };
	size_t by_second[SECONDS + 1] = { 0 };
	struct peer p = { 0 };

	(void)state;
	begin_with_all(&p);
	by_second[0] = p.requests;
	for (uint64_t s = 0; s < SECONDS; s++) {
		size_t before = p.requests;

		say_log(&p, NULL, "loaded certificate 'CN=x'");
		say_ike(&p, "child-updown", "99", "ESTABLISHED", up);
		strongswan_tick(p.client, 1000 * SECOND_NS + s * SECOND_NS);
		serve(&p);
		by_second[s] += p.requests - before;
	}
	for (size_t from = 0; from + 60 <= SECONDS; from++) {
		size_t sum = 0;

		for (size_t i = from; i < from + 60; i++)
			sum += by_second[i];
		assert_in_range(sum, 16, STRONGSWAN_REQUESTS_PER_MINUTE);
	}
	peer_end(&p);
}

static void tick_until(struct peer *p, uint64_t from_s, uint64_t to_s)
{
	for (uint64_t s = from_s; s < to_s; s++) {
		strongswan_tick(p->client, s * SECOND_NS);
		serve(p);
	}
}

static void what_is_the_same_is_not_told_again(void **state)
{
	struct peer p = { 0 };

	(void)state;
	begin_with_all(&p);
	buf_clear(&p.told);
	tick_until(&p, 1, 70);
	told_is(&p, "sas begin\n"
		    "ike listed psk#1 established v2 responder to 10.9.0.1 4500\n"
		    "child listed psk-net#1 of psk#1 installed cc14631d 914fb6a8 10.2.0.1/32 === "
		    "10.1.0.1/32\n"
		    "sas end\n");
	buf_clear(&p.certs);
	tick_until(&p, 70, 130);
	assert_non_null(strstr(p.told.p, "certificates begin\ncertificates end\n"));
	assert_null(strstr(p.told.p, "connections"));
	buf_clear(&p.told);
	strongswan_restate(p.client);
	tick_until(&p, 130, 190);
	assert_non_null(strstr(p.told.p, "source in step\nsas begin\nike listed psk#1"));
	assert_non_null(strstr(p.told.p, "connection child v1-net"));
	assert_non_null(strstr(p.told.p, "counter ike-auth-out-resp/psk 1"));
	peer_end(&p);
}

/* list-sas with noblock leaves out what is at work: once is not gone. */
static void an_sa_that_is_left_out_once_stays(void **state)
{
	struct peer p = { 0 };

	(void)state;
	begin_quietly(&p);
	say_ike(&p, "ike-updown", "5", "ESTABLISHED", up);
	buf_clear(&p.told);
	tick_until(&p, 1, 62);
	told_is(&p,
		"sas begin\nike listed conn#5 established v2 responder to 192.0.2.1 0\nsas end\n");
	tick_until(&p, 62, 80);
	told_is(&p, "sas begin\nsas end\n");
	peer_end(&p);
}

/* charon still lists an SA whose end it has told, until the peer has agreed. */
static void what_is_gone_is_not_listed(void **state)
{
	struct peer p = { 0 };

	(void)state;
	read_fixture("list-sas", &p.sas);
	begin_quietly(&p);
	replay(&p, "v2-psk-ok.red");
	buf_clear(&p.told);
	tick_until(&p, 1, 62);
	told_is(&p, "sas begin\nsas end\n");
	peer_end(&p);
}

/* charon asks the kernel once for each SA that it lists. */
static void many_sas_are_listed_seldom(void **state)
{
	struct peer p = { 0 };
	char unique[24];

	(void)state;
	begin_quietly(&p);
	for (unsigned i = 1; i <= 100000 / STRONGSWAN_LIST_MS_PER_SA; i++) {
		(void)snprintf(unique, sizeof(unique), "%u", i);
		say_ike(&p, "ike-updown", unique, "ESTABLISHED", up);
	}
	tick_until(&p, 1, 70); /* that of the start fell due while there were none */
	buf_clear(&p.told);
	tick_until(&p, 70, 160);
	assert_null(p.told.p && *p.told.p ? strstr(p.told.p, "sas begin") : NULL);
	tick_until(&p, 160, 175);
	assert_non_null(strstr(p.told.p, "sas begin"));
	peer_end(&p);
}

/* No event says that they are done; what an SA had when it came up would stand for a minute. */
static void queued_tasks_are_asked_for_again(void **state)
{
	struct buf message = { 0 };
	struct peer p = { 0 };

	(void)state;
	begin_quietly(&p);
	vici_put_value(&message, "up", "yes");
	begin_ike(&message, "5", "ESTABLISHED");
	put_item(&message, "tasks-queued", "IKE_CONFIG");
	END(&message);
	say_packet(&p, VICI_EVENT, "ike-updown", &message);
	buf_done(&message);
	buf_clear(&p.told);
	tick_until(&p, 1, 2 + STRONGSWAN_GAP_S);
	told_is(&p,
		"sas begin\nike listed conn#5 established v2 responder to 192.0.2.1 0\nsas end\n");
	peer_end(&p);
}

static void addresses_move(void **state)
{
	static const char *const moved[][2] = { { "local-host", "192.0.2.9" },
		{ "remote-host", "2001:db8::1" }, { "remote-port", "4500" }, { NULL, NULL } };
	struct peer p = { 0 };

	(void)state;
	begin_quietly(&p);
	say_ike(&p, "ike-updown", "5", "ESTABLISHED", up);
	say_ike(&p, "ike-update", "5", "ESTABLISHED", moved);
	say_ike(&p, "ike-updown", "5", "DELETING", NULL);
	told_is(&p, "ike up conn#5 established v2 responder to 192.0.2.1 0\n"
		    "ike changed conn#5 established v2 responder to 2001:db8::1 4500\n"
		    "ike down conn#5 deleting v2 responder to 192.0.2.1 0\n");
	peer_end(&p);
}

/*
 * charon says the same of a certificate by nobody it knows and of one whose signature is wrong: the
 * issuer's name tells them apart.
 */
static void a_wrong_signature_is_not_an_unknown_issuer(void **state)
{
	struct peer p = { 0 };

	(void)state;
	read_fixture("list-certs", &p.certs);
	begin_quietly(&p);
	say_log(&p, "3", "no issuer certificate found for \"C=XX, O=HostLab, CN=red.lab\"");
	say_log(&p, "3", "  issuer is \"C=XX, O=HostLab, CN=HostLab CA\"");
	say_log(&p, "3", "no trusted ECDSA public key found for 'red.lab'");
	told_is(&p, "failed ike by log: certificate signature, conn#3\n");
	say_log(&p, "4", "no issuer certificate found for \"C=XX, O=HostLab, CN=red.lab\"");
	say_log(&p, "4", "  issuer is \"C=XX, O=Evil, CN=Evil CA\"");
	told_is(&p, "failed ike by log: certificate untrusted, conn#4\n");
	/* Without the second line, by the next of that SA. */
	say_log(&p, "5", "no issuer certificate found for \"C=XX, O=HostLab, CN=red.lab\"");
	told_is(&p, "");
	say_log(&p, "5", "anything");
	told_is(&p, "failed ike by log: certificate untrusted, conn#5\n");
	say_log(&p, "6", "signature validation failed, looking for another key");
	say_log(&p, "6", "no trusted ECDSA public key found for 'red.lab'");
	told_is(&p, "failed ike by log: AUTH signature, conn#6\n");
	say_log(&p, "7", "no trusted ECDSA public key found for 'red.lab'");
	told_is(&p, "failed ike by log: certificate untrusted, final, conn#7 red.lab\n");
	peer_end(&p);
}

/* The same words in IKEv1, before and after the IKE SA is up. */
static void what_is_refused_depends_on_what_is_up(void **state)
{
	struct peer p = { 0 };

	(void)state;
	begin_quietly(&p);
	say_log(&p, "8", "received NO_PROPOSAL_CHOSEN error notify");
	told_is(&p, "failed ike by log: IKE proposal refused, final, conn#8\n");
	say_ike(&p, "ike-updown", "9", "ESTABLISHED", up);
	buf_clear(&p.told);
	say_log(&p, "9", "received NO_PROPOSAL_CHOSEN error notify");
	told_is(&p, "failed child by log: child proposal refused, final, conn#9, to 192.0.2.1\n");
	peer_end(&p);
}

static void lines_and_words(void **state)
{
	struct peer p = { 0 };

	(void)state;
	begin_quietly(&p);
	assert_string_equal(strongswan_words(p.client), "");
	say_log(&p, "2",
		"two lines:\n  could not decrypt payloads\nreceived proposals unacceptable");
	say_log(&p, NULL,
		"no IKE config found for 10.9.0.2...10.9.0.1, sending NO_PROPOSAL_CHOSEN");
	say_log(&p, NULL, "SIGTERM received, shutting down");
	told_is(&p, "failed ike by log: not decrypted, conn#2\n"
		    "failed ike by log: IKE proposal, final, responder, conn#2\n"
		    "failed ike by log: no peer configuration, final, responder, to 10.9.0.1\n");
	assert_string_equal(strongswan_words(p.client), "SIGTERM received, shutting down");
	peer_end(&p);
}

/* From 6.0.3 on. */
static void alerts(void **state)
{
	static const char *const types[] = { "cert-revoked", "retransmit-send", "no such alert",
		"install-child-sa-failed" };
	struct peer p = { 0 };

	(void)state;
	begin_quietly(&p);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct buf message = { 0 };

		vici_put_value(&message, "type", types[i]);
		SECTION(&message, "ike-sa");
		SECTION(&message, "(unnamed)");
		vici_put_value(&message, "uniqueid", "6");
		END(&message);
		END(&message);
		say_packet(&p, VICI_EVENT, "alert", &message);
		buf_done(&message);
	}
	told_is(&p, "failed ike by alert: certificate revoked, responder, #6\n"
		    "failed child by alert: SA not installed, final, #6\n");
	peer_end(&p);
}

static void put_policy(struct buf *frames, const char *name, const char *mode)
{
	struct buf message = { 0 };

	SECTION(&message, name);
	vici_put_value(&message, "child", strchr(name, '/') ? strchr(name, '/') + 1 : name);
	vici_put_value(&message, "ike", "psk");
	vici_put_value(&message, "mode", mode);
	put_item(&message, "local-ts", "10.2.0.0/16");
	put_item(&message, "remote-ts", "0.0.0.0/0[tcp/22]");
	END(&message);
	vici_put(frames, VICI_EVENT, "list-policy", buf_span(&message));
	buf_done(&message);
}

static void shunts_and_traps(void **state)
{
	struct peer p = { 0 };

	(void)state;
	put_policy(&p.policies, "psk/local-net", "PASS");
	put_policy(&p.policies, "psk/psk-net", "TUNNEL");
	vici_put(&p.policies, VICI_CMD_RESPONSE, "", span_of(NULL, 0));
	read_fixture("list-conns", &p.conns);
	peer_begin(&p);
	assert_non_null(strstr(p.told.p, "shunts begin\n"
					 "shunt local-net pass 10.2.0.0/16 === 0.0.0.0/0[tcp/22]\n"
					 "shunts end\n"));
	assert_non_null(strstr(p.told.p, "connection child psk-net of psk tunnel on demand"));
	assert_null(strstr(p.told.p, "connection child cert-net of cert tunnel on demand"));
	peer_end(&p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_start_tells_all),
		cmocka_unit_test(recordings),
		cmocka_unit_test(fragments),
		cmocka_unit_test(what_is_no_vici_ends_it),
		cmocka_unit_test(a_silent_daemon_is_lost),
		cmocka_unit_test(a_full_socket_is_waited_for),
		cmocka_unit_test(requests_are_bounded),
		cmocka_unit_test(what_is_the_same_is_not_told_again),
		cmocka_unit_test(an_sa_that_is_left_out_once_stays),
		cmocka_unit_test(what_is_gone_is_not_listed),
		cmocka_unit_test(many_sas_are_listed_seldom),
		cmocka_unit_test(queued_tasks_are_asked_for_again),
		cmocka_unit_test(addresses_move),
		cmocka_unit_test(a_wrong_signature_is_not_an_unknown_issuer),
		cmocka_unit_test(what_is_refused_depends_on_what_is_up),
		cmocka_unit_test(lines_and_words),
		cmocka_unit_test(alerts),
		cmocka_unit_test(shunts_and_traps),
	};

	if (argc < 2)
		return 2;
	fixtures = argv[1];
	return cmocka_run_group_tests_name("source/strongswan", tests, NULL, NULL);
}
