/* SPDX-License-Identifier: Apache-2.0 */
#include "libreswan_facts.h"

/* Of each case of a log ("##### badpsk"), what is said of it. */
static char told[4096];

static void summarize(void)
{
	size_t n = strlen(told);

	for (size_t i = 0; i < n_said; i++) {
		const struct negotiation *at = &said[i].negotiation;

		if (said[i].type != FACT_NEGOTIATION)
			continue;
		assert_int_equal(at->service, 7);
		assert_int_equal(at->said, SAID_LOG);
		n += (size_t)snprintf(told + n, sizeof(told) - n, " %s%s%s%s,",
			at->child ? "child " : "", ike_cause_name(at->cause),
			!at->role_known ? ""
			: at->initiator ? " I"
					: " R",
			at->final ? "" : " …");
		assert_true(n < sizeof(told));
	}
}

/* name NULL: all of it. */
static void case_is(struct libreswan *l, const char *log, const char *name, const char *expected)
{
	struct span text = file(log), line;
	bool in = name == NULL;
	char mark[64];

	snprintf(mark, sizeof(mark), "##### %s", name ?: "");
	told[0] = '\0';
	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) + 1 : text.n;

		line = span_of(text.p, n);
		text = span_of(text.p + n, text.n - n);
		if (line.n > 5 && !memcmp(line.p, "#####", 5)) {
			in = span_equal(span_of(line.p, line.n - 1), span_text(mark));
			continue;
		}
		if (!in)
			continue;
		forget_facts();
		/* As it comes: in pieces. */
		libreswan_log(l, span_of(line.p, n / 2));
		assert_int_equal(count(FACT_NEGOTIATION), 0);
		libreswan_log(l, span_of(line.p + n / 2, n - n / 2));
		summarize();
	}
	if (strcmp(told, expected) != 0)
		fail_msg("%s, %s:\n%s\ninstead of\n%s", log, name ?: "all", told, expected);
}

static const char conns[] =
	"\"badpsk\": 10.3.0.8/32===10.7.0.1[@lb]...10.7.0.2[@rb]===10.4.0.8/32; unrouted;\n"
	"\"badpsk\":   policy: IKEv2+PSK+ENCRYPT+TUNNEL;\n"
	"\"badpsk\":   our idtype: ID_FQDN; our id=@lb; their idtype: ID_FQDN; their id=@rb\n"
	"\"badesp\": 10.4.0.8/32===10.7.0.2[@r]...10.7.0.1[@l]===10.3.0.8/32; unrouted;\n"
	"\"badesp\":   ESP algorithms: AES_CBC_128-HMAC_SHA2_256_128\n"
	"\"badts1\": 10.4.0.98/32===10.7.0.2[@r]...10.7.0.1[@l]===10.3.0.8/32; unrouted;\n"
	"\"badts1\":   policy: IKEv1+PSK+ENCRYPT+TUNNEL;\n"
	"\"badike1\":   policy: IKEv1+PSK+ENCRYPT+TUNNEL;\n"
	"\"badesp1\":   policy: IKEv1+PSK+ENCRYPT+TUNNEL;\n"
	"Total IPsec connections: loaded 5, active 0\n";

static struct libreswan *with_conns(void)
{
	struct libreswan *l = fresh();

	libreswan_output(l, WHACK_STATUS, span_text(conns), 0);
	return l;
}

static void what_an_initiator_can_know(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = with_conns();
	static const char *const cases[][2] = {
		{ "badpsk", " authentication refused I, authentication refused I," },
		{ "nopsk", " no key I," },
		{ "badesp", " child child proposal refused I," },
		{ "badts", " child traffic selectors refused I," },
		{ "badpsk1", " timeout I, invalid IKE SPI …," },
		{ "agg1", " authentication failed I," },
		{ "badike1", " IKE proposal refused I …, timeout I, IKE proposal refused I …," },
		{ "badesp1", " child child proposal refused I …, child timeout I," },
		{ "badts1", " child traffic selectors refused I …, child timeout I," },
		{ "untrusted2", " authentication refused I, authentication refused I," },
		{ "otherid2", " authentication refused I, authentication refused I," },
		{ "dpd", " dead peer I, timeout I," },
		{ "dpd1", " dead peer I, timeout I," },
		{ "noesp", " child traffic selectors refused I," },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		case_is(l, "pluto-initiator.log", cases[i][0], cases[i][1]);
}

static void what_a_responder_can_know(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = with_conns();
	static const char *const cases[][2] = {
		{ "badpsk", " authentication failed R, authentication failed R," },
		{ "badesp", " child child proposal R," },
		{ "badts", " child traffic selectors R," },
		{ "badpsk1", " not decrypted R, half-open timeout R, not decrypted R," },
		{ "badike1", " IKE proposal R," },
		{ "badesp1", " child child proposal R," },
		{ "badts1", " child traffic selectors R," },
		{ "untrusted2", " certificate untrusted R, certificate untrusted R," },
		{ "otherid2", " certificate policy R, certificate policy R," },
		{ "noesp", " child SA not installed," },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		case_is(l, "pluto-responder.log", cases[i][0], cases[i][1]);
}

/* What pluto wrote in the lab, red the initiator, blue the responder. */
static void each_side_of_the_labs_cases(void **state)
{
	static const char *const cases[][2] = {
		{ "altered-blue", " certificate signature R," },
		{ "altered-red", " authentication refused I, authentication refused I," },
		{ "auth-signature-blue", " AUTH signature R, AUTH signature R," },
		{ "child-proposal-blue", " child child proposal R," },
		{ "child-proposal-red", " child child proposal refused I," },
		{ "dead-peer-blue", " dead peer R," },
		{ "expired-blue", " certificate expired R," },
		{ "ike-proposal-blue", " IKE proposal R," },
		{ "ike-proposal-red", " IKE proposal refused I …, timeout I," },
		{ "ike-proposal-v1-blue", " IKE proposal R," },
		{ "ike-proposal-v1-red", " IKE proposal refused I …, timeout I," },
		{ "no-connection-blue", " no peer configuration R," },
		{ "no-connection-red", " IKE proposal refused I …, timeout I," },
		{ "no-peer-config-blue", " no peer configuration R, no peer configuration R," },
		{ "revoked-blue", " certificate revoked R," },
		{ "sa-install-blue", " child SA not installed," },
		{ "sa-install-red", " child traffic selectors refused I," },
		{ "selectors-blue", " child traffic selectors R," },
		{ "unreachable-red", " timeout I," },
		/* Nothing is wrong with these. */
		{ "children-blue", "" },
		{ "children-red", "" },
		{ "ikev1-blue", "" },
		{ "ikev1-red", "" },
		{ "nat-traversal-blue", "" },
		{ "nat-traversal-red", "" },
		{ "psk-blue", "" },
		{ "psk-red", "" },
		{ "rekey-child-blue", "" },
		{ "rekey-child-red", "" },
		{ "rekey-ike-blue", "" },
		{ "rekey-ike-red", "" },
		{ "road-warrior-blue", "" },
		{ "road-warrior-red", "" },
		{ "transport-blue", "" },
		{ "transport-red", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(libreswan) struct libreswan *l = fresh();
		char name[64];

		snprintf(name, sizeof(name), "%s-log.txt", cases[i][0]);
		case_is(l, name, NULL, cases[i][1]);
	}
}

static const struct negotiation *said_by(struct libreswan *l, const char *lines)
{
	forget_facts();
	libreswan_log(l, span_text(lines));
	assert_int_equal(count(FACT_NEGOTIATION), 1);
	return &last_of(FACT_NEGOTIATION, NULL)->negotiation;
}

static void evidence_says_who_and_what(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = with_conns();
	const struct negotiation *n;
	char text[ADDR_TEXT_SIZE];

	(void)state;
	n = said_by(l, "\"badpsk\" #4: authentication failed: computed hash does not match hash "
		       "received from peer ID_FQDN '@lb'\n");
	assert_int_equal(n->unique, 4);
	assert_int_equal(n->version, 2);
	assert_string_equal(n->conn, "badpsk");
	assert_string_equal(n->child_name, "");
	assert_string_equal(n->remote_id, "@lb");
	assert_string_equal(n->local_id, "@lb"); /* the texts are of the other gateway */
	assert_string_equal(addr_format(&n->local, text), "10.7.0.1");
	assert_string_equal(addr_format(&n->remote, text), "10.7.0.2");
	n = said_by(l, "Nov 25 22:40:14.749276: \"badesp\"[3] 2001:db8::7 #12: no local proposal "
		       "matches remote proposals 1:ESP:ENCR=AES_CBC_256;ESN=ENABLED\n");
	assert_string_equal(addr_format(&n->remote, text), "2001:db8::7");
	assert_string_equal(n->theirs, "ENCR=AES_CBC_256;ESN=ENABLED");
	assert_string_equal(n->child_name, "badesp");
	assert_int_equal(n->unique, 0); /* of its IKE SA nothing is known */
	n = said_by(l, "\"badesp\" #13: no acceptable Proposal in IPsec SA\n");
	assert_string_equal(n->ours, "AES_CBC_128-HMAC_SHA2_256_128");
	n = said_by(l, "\"badts1\" #30: the peer proposed: 10.4.0.99/32 -<all>-> 10.3.0.8/32\n"
		       "\"badts1\" #30: no IKEv2 connection found with compatible Traffic "
		       "Selectors\n");
	assert_string_equal(n->theirs, "10.4.0.99/32 -<all>-> 10.3.0.8/32");
	assert_string_equal(n->ours, "10.4.0.98/32 === 10.3.0.8/32");
	n = said_by(l, "packet from [2001:db8::9]:4500: initial Main Mode message received but no "
		       "connection has been authorized with authby=PSK and xauth=no\n");
	assert_int_equal(n->cause, CAUSE_NO_PEER_CONFIG);
	assert_string_equal(addr_format(&n->remote, text), "2001:db8::9");
	assert_int_equal(n->remote_port, 4500);
	n = said_by(l, "host pluto[12]: ERROR: \"a\" #2: netlink response for Add SA "
		       "esp.212f981b@10.7.0.1: Protocol not supported (errno 93)\n");
	assert_int_equal(n->cause, CAUSE_SA_INSTALL);
	assert_non_null(strstr(n->words, "Protocol not supported"));
}

static void role_of_an_sa_is_in_the_log_only(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();
	const char *list = "000 #1: \"a\":500 STATE_V2_ESTABLISHED_IKE_SA (established IKE SA); "
			   "REKEY in 9s;\n";

	(void)state;
	libreswan_log(l, span_text("\"a\" #1: sent IKE_SA_INIT reply {cipher=AES_GCM_16_256}\n"));
	libreswan_output(l, WHACK_SHOWSTATES, span_text(list), 0);
	assert_true(last_of(FACT_IKE_SA, "a")->ike_sa.sa.role_known);
	assert_false(last_of(FACT_IKE_SA, "a")->ike_sa.sa.initiator);
}

static void encapsulation_is_in_the_log_only(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = fresh();

	(void)state;
	libreswan_log(l, file("nat-traversal-red-log.txt"));
	feed(l, WHACK_SHOWSTATES, "nat-traversal-red-showstates.txt");
	assert_true(last_of(FACT_CHILD_SA, NULL)->child_sa.sa.encap);
	assert_int_equal(last_of(FACT_IKE_SA, NULL)->ike_sa.sa.remote_port, 4500);
	feed(l, WHACK_SHOWSTATES, "transport-red-showstates.txt");
	assert_false(last_of(FACT_CHILD_SA, NULL)->child_sa.sa.encap);
}

static void hostile_lines(void **state)
{
	CLEANUP(libreswan) struct libreswan *l = with_conns();
	char line[9000] = "\"badpsk\" #4: authentication failed: no PSK found for '";
	size_t n = strlen(line);
	const struct fact *f;

	(void)state;
	memset(line + n, '\x1b', sizeof(line) - n);
	memcpy(line + 1000, "'\n", 3);
	forget_facts();
	libreswan_log(l, span_text(line));
	f = last_of(FACT_NEGOTIATION, NULL);
	assert_non_null(f);
	assert_null(strchr(f->negotiation.words, '\x1b'));
	assert_null(strchr(f->negotiation.local_id, '\x1b'));
	assert_int_equal(strlen(f->negotiation.local_id), IDENTITY_SIZE - 1);
	/* Endless; what follows is understood all the same. */
	memset(line, 'x', sizeof(line));
	for (unsigned i = 0; i < 10; i++)
		libreswan_log(l, span_of(line, sizeof(line)));
	libreswan_log(l, span_text("\n\"badpsk\" #5: Failed to find our PreShared Key\n"
				   "Pluto is shutting down\n"));
	assert_int_equal(last_of(FACT_NEGOTIATION, NULL)->negotiation.unique, 5);
	assert_string_equal(libreswan_words(l), "Pluto is shutting down");
	libreswan_restate(l);
	assert_int_equal(last_of(FACT_SOURCE, NULL)->source_change.losses, 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_initiator_can_know),
		cmocka_unit_test(what_a_responder_can_know),
		cmocka_unit_test(each_side_of_the_labs_cases),
		cmocka_unit_test(evidence_says_who_and_what),
		cmocka_unit_test(role_of_an_sa_is_in_the_log_only),
		cmocka_unit_test(encapsulation_is_in_the_log_only),
		cmocka_unit_test(hostile_lines),
	};
	int r;

	if (argc != 2)
		return 2;
	texts = argv[1];
	r = cmocka_run_group_tests_name("source/libreswan_log", tests, NULL, NULL);
	forget_facts();
	return r;
}
