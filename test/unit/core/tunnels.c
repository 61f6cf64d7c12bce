/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/internal.h"
#include "core/owners.h"
#include "daemons.h"
#include "model/ike_rows.h"

/* A tunnel keeps its totals, its name and its history, whatever happens to its SAs. */

static struct flow_totals totals_of(struct bench *b)
{
	struct flow_totals ret;
	bool by_daemon;

	tunnel_totals(daemon_tunnel(b), &ret, &by_daemon);
	assert_false(by_daemon);
	return ret;
}

static void totals_are_exact_after_100_rekeys(void **state)
{
	struct bench *b = bench_new(0);
	struct child_sa sa = daemon_sa(CHARON, 1, 0x101, 0x201);
	uint64_t in = 0, out = 0;
	struct flow_totals t;
	struct lineage *last;

	(void)state;
	bench_live(b);
	daemon_up(b);
	for (uint32_t i = 1; i <= 100; i++) {
		struct child_sa next = daemon_sa(CHARON, i + 1, 0x101 + i, 0x201 + i);

		/* Who tells first differs each time: the kernel, the daemon, one SA each. */
		if (i % 3 != 0)
			daemon_kernel(b, SA_ADDED, true, next.spi_in, 0);
		if (i % 3 == 1)
			daemon_kernel(b, SA_ADDED, false, next.spi_out, 0);
		daemon_sa_there(b, IKE_OP_REKEYED, sa.unique, &next);
		if (i % 3 == 0)
			daemon_kernel(b, SA_ADDED, true, next.spi_in, 0);
		if (i % 3 != 1)
			daemon_kernel(b, SA_ADDED, false, next.spi_out, 0);
		/* The last readings lag behind the final counters. */
		daemon_kernel(b, SA_DUMPED, true, sa.spi_in, i);
		if (i % 2)
			daemon_sa_gone(b, IKE_GONE_REPLACED, &sa);
		daemon_kernel_gone(b, true, sa.spi_in, 3u * i);
		daemon_kernel_gone(b, false, sa.spi_out, 5u * i);
		if (i % 2 == 0)
			daemon_sa_gone(b, IKE_GONE_REPLACED, &sa);
		in += 3u * i;
		out += 5u * i;
		sa = next;
	}
	daemon_kernel(b, SA_DUMPED, true, sa.spi_in, 11);
	t = totals_of(b);
	assert_int_equal(t.packets_in, in + 11);
	assert_int_equal(t.bytes_in, (in + 11) * 100);
	assert_int_equal(t.packets_out, out);
	assert_int_equal(t.bytes_out, out * 100);
	assert_int_equal(daemon_tunnel(b)->uncertain, 0);
	assert_int_equal(daemon_tunnel(b)->n_pairs, 101);
	assert_int_equal(b->core->ike->n_tunnels, 1);
	last = tunnel_pair(daemon_tunnel(b), 101);
	assert_int_equal(last->begin, PAIR_REKEY);
	assert_int_equal(last->replaced, 100);
	assert_true(last->gap_known);
	assert_int_equal(last->gap_us, 0);
	last = tunnel_pair(daemon_tunnel(b), 100);
	assert_int_equal(last->end, PAIR_END_REPLACED);
	tunnel_pair_totals(daemon_tunnel(b), last, &t);
	assert_int_equal(t.packets_in, 300);
	assert_null(tunnel_pair(daemon_tunnel(b), 1));
	bench_free(b);
}

static void an_sa_that_died_before_its_child_was_told_counts(void **state)
{
	struct bench *b = bench_new(0);
	struct child_sa sa = daemon_sa(CHARON, 2, 0x102, 0x202);

	(void)state;
	bench_live(b);
	daemon_up(b);
	daemon_kernel(b, SA_ADDED, true, 0x102, 0);
	daemon_kernel_gone(b, true, 0x102, 4);
	daemon_sa_there(b, IKE_OP_UP, 0, &sa);
	assert_int_equal(totals_of(b).packets_in, 4);
	/* Once. */
	daemon_sa_there(b, IKE_OP_LISTED, 0, &sa);
	assert_int_equal(totals_of(b).packets_in, 4);
	bench_free(b);
}

static void lost_final_counters_are_said(void **state)
{
	struct bench *b = bench_new(0);
	struct fact flush = { .type = FACT_SA_FLUSH, .source = SOURCE_XFRM };

	(void)state;
	bench_live(b);
	daemon_up(b);
	daemon_kernel(b, SA_DUMPED, true, 0x101, 9);
	bench_feed(b, &flush, NS_A);
	assert_int_equal(totals_of(b).packets_in, 9);
	assert_int_equal(daemon_tunnel(b)->uncertain, 2);
	assert_true(tunnel_pair(daemon_tunnel(b), 1)->uncertain);
	bench_free(b);
}

static void a_restarted_daemon_goes_on_with_the_tunnel(void **state)
{
	struct bench *b = bench_new(0);
	struct child_sa sa = daemon_sa(CHARON + 1, 1, 0x103, 0x203);
	struct lineage *l;
	struct tunnel *t;

	(void)state;
	bench_live(b);
	daemon_up(b);
	t = daemon_tunnel(b);
	daemon_service(b, CHARON, SERVICE_FAILED);
	daemon_kernel_gone(b, true, 0x101, 6);
	daemon_kernel_gone(b, false, 0x201, 7);
	assert_ptr_equal(daemon_tunnel(b), t);
	bench_pass(b, 2000);
	daemon_service(b, CHARON + 1, SERVICE_RUNS);
	daemon_child(b, CHARON + 1, ORIGIN_LOADED, "net", "lan", INTENT_START);
	daemon_ike(b, CHARON + 1, 1, "net", IKE_ESTABLISHED);
	daemon_kernel(b, SA_ADDED, true, 0x103, 1);
	daemon_sa_there(b, IKE_OP_UP, 0, &sa);
	assert_ptr_equal(daemon_tunnel(b), t);
	assert_string_equal(t->name, "net/lan");
	assert_int_equal(totals_of(b).packets_in, 7);
	assert_int_equal(totals_of(b).packets_out, 7);
	l = tunnel_pair(t, 2);
	assert_int_equal(l->begin, PAIR_RESTART);
	assert_in_range(l->gap_us, 2000000, 2001000);
	assert_int_equal(tunnel_pair(t, 1)->end, PAIR_END_SERVICE);
	bench_free(b);
}

static void another_ike_sa_is_no_rekey(void **state)
{
	struct bench *b = bench_new(0);
	struct child_sa one = daemon_sa(CHARON, 1, 0x101, 0x201);
	struct child_sa two = daemon_sa(CHARON, 2, 0x102, 0x202);

	(void)state;
	bench_live(b);
	daemon_up(b);
	daemon_sa_gone(b, IKE_GONE_DOWN, &one);
	daemon_ike_gone(b, CHARON, 1);
	two.ike_unique = 2;
	daemon_ike(b, CHARON, 2, "net", IKE_ESTABLISHED);
	daemon_sa_there(b, IKE_OP_UP, 0, &two);
	assert_int_equal(tunnel_pair(daemon_tunnel(b), 2)->begin, PAIR_NEW_IKE);
	assert_true(tunnel_pair(daemon_tunnel(b), 2)->gap_us > 0);
	assert_int_equal(tunnel_pair(daemon_tunnel(b), 1)->end, PAIR_END_DOWN);
	bench_free(b);
}

static void a_configured_tunnel_is_there_before_it_is_up(void **state)
{
	struct bench *b = bench_new(0);
	struct tunnel *t;

	(void)state;
	bench_live(b);
	daemon_service(b, CHARON, SERVICE_RUNS);
	daemon_list(b, CHARON, IKE_LIST_CONNECTIONS, DUMP_BEGIN);
	daemon_child(b, CHARON, ORIGIN_LOADED, "net", "lan", INTENT_START);
	daemon_list(b, CHARON, IKE_LIST_CONNECTIONS, DUMP_END);
	t = daemon_tunnel(b);
	assert_non_null(t);
	assert_true(t->configured);
	/* It was never up: with its configuration it goes. */
	daemon_list(b, CHARON, IKE_LIST_CONNECTIONS, DUMP_BEGIN);
	daemon_list(b, CHARON, IKE_LIST_CONNECTIONS, DUMP_END);
	assert_null(daemon_tunnel(b));
	assert_int_equal(b->core->ike->n_tunnels, 0);
	bench_free(b);
}

static void road_warriors_have_a_tunnel_each(void **state)
{
	struct bench *b = bench_new(0);
	struct child_sa one = daemon_sa(CHARON, 1, 0x101, 0x201);
	struct child_sa two = daemon_sa(CHARON, 2, 0x102, 0x202);

	(void)state;
	bench_live(b);
	daemon_service(b, CHARON, SERVICE_RUNS);
	daemon_child(b, CHARON, ORIGIN_LOADED, "net", "lan", INTENT_NONE);
	daemon_ike(b, CHARON, 1, "net", IKE_ESTABLISHED);
	(void)snprintf(one.remote_ts, sizeof(one.remote_ts), "10.3.0.1/32");
	(void)snprintf(two.remote_ts, sizeof(two.remote_ts), "10.3.0.2/32");
	daemon_sa_there(b, IKE_OP_UP, 0, &one);
	assert_int_equal(b->core->ike->n_tunnels, 1); /* takes the configured one's place */
	daemon_sa_there(b, IKE_OP_UP, 0, &two);
	assert_int_equal(b->core->ike->n_tunnels, 2);
	daemon_sa_gone(b, IKE_GONE_DOWN, &two);
	two.unique = 3;
	daemon_sa_there(b, IKE_OP_UP, 0, &two);
	assert_int_equal(b->core->ike->n_tunnels, 2);
	daemon_sa_gone(b, IKE_GONE_DOWN, &two);
	/* A day later the one that is not configured as such is forgotten. */
	bench_pass(b, 25ull * 3600 * 1000);
	bench_poll(b);
	assert_int_equal(b->core->ike->n_tunnels, 1);
	bench_free(b);
}

static void peers_that_choose_the_same_spi_are_apart(void **state)
{
	struct bench *b = bench_new(0);
	struct sa other = bench_sa(LOCAL, "10.9.0.3", 0x201);

	(void)state;
	bench_live(b);
	daemon_up(b);
	other.packets = 50;
	bench_sa_fact(b, NS_A, SA_ADDED, &other);
	assert_int_equal(totals_of(b).packets_out, 0);
	bench_free(b);
}

static void the_ike_sa_may_be_told_last_and_may_move(void **state)
{
	struct bench *b = bench_new(0);
	struct child_sa sa = daemon_sa(CHARON, 1, 0x101, 0x201);
	struct sa moved = bench_sa(LOCAL, "10.9.0.9", 0x201);
	struct fact f = { .type = FACT_IKE_SA,
		.ike_sa = { .op = IKE_OP_CHANGED,
			.sa = { .service = CHARON, .unique = 1, .name = "net" } } };

	(void)state;
	bench_live(b);
	daemon_service(b, CHARON, SERVICE_RUNS);
	sa.reqid = 0;
	daemon_sa_there(b, IKE_OP_LISTED, 0, &sa);
	daemon_kernel(b, SA_ADDED, true, 0x101, 1);
	daemon_kernel(b, SA_ADDED, false, 0x201, 2);
	assert_int_equal(totals_of(b).packets_out, 0);
	daemon_ike(b, CHARON, 1, "net", IKE_ESTABLISHED);
	assert_int_equal(totals_of(b).packets_in, 1);
	assert_int_equal(totals_of(b).packets_out, 2);
	/* MOBIKE: the kernel moves the SA, then the daemon says that the peer moved. */
	daemon_kernel_gone(b, false, 0x201, 5);
	bench_sa_fact(b, NS_A, SA_ADDED, &moved);
	assert_int_equal(addr_parse(LOCAL, &f.ike_sa.sa.local), 0);
	assert_int_equal(addr_parse("10.9.0.9", &f.ike_sa.sa.remote), 0);
	bench_feed(b, &f, NS_A);
	moved.packets = 7;
	bench_sa_fact(b, NS_A, SA_DUMPED, &moved);
	assert_int_equal(totals_of(b).packets_out, 5 + 7);
	bench_free(b);
}

static void what_the_daemon_counts_is_called_so(void **state)
{
	struct bench *b = bench_new(0);
	struct child_sa sa = daemon_sa(CHARON, 1, 0x101, 0x201);
	struct flow_totals totals;
	bool by_daemon;

	(void)state;
	bench_live(b);
	daemon_service(b, CHARON, SERVICE_RUNS);
	daemon_ike(b, CHARON, 1, "net", IKE_ESTABLISHED);
	sa.counted = true;
	sa.packets_in = 5;
	sa.bytes_in = 500;
	daemon_sa_there(b, IKE_OP_LISTED, 0, &sa);
	tunnel_totals(daemon_tunnel(b), &totals, &by_daemon);
	assert_true(by_daemon);
	assert_int_equal(totals.packets_in, 5);
	sa.packets_in = 8;
	sa.bytes_in = 800;
	daemon_sa_gone(b, IKE_GONE_DOWN, &sa);
	tunnel_totals(daemon_tunnel(b), &totals, &by_daemon);
	assert_true(by_daemon);
	assert_int_equal(totals.bytes_in, 800);
	bench_free(b);
}

static struct owner owner_of(struct bench *b, bool in, uint32_t spi)
{
	struct sa sa = bench_sa(in ? REMOTE : LOCAL, in ? LOCAL : REMOTE, spi);
	struct owner ret;
	struct sa_key key;

	sa.netns = NS_A;
	sa_key_of(&sa, &key);
	assert_non_null(map_get(b->core->sas, &key));
	owner_of_sa(b->core, map_get(b->core->sas, &key), &ret);
	return ret;
}

static struct owner policy_owner(struct bench *b, uint8_t direction)
{
	struct ledger_policy *l = spd_find(b->core, NS_A, 8u * (direction + 1u) + direction);
	struct owner ret;
	struct policy p;

	assert_non_null(l);
	spd_get(l, &p);
	owner_of_policy(b->core, &p, l->manual, &ret);
	return ret;
}

static void what_a_dead_daemon_left_has_its_remedy(void **state)
{
	struct bench *b = bench_new(0);
	struct owner o;

	(void)state;
	bench_live(b);
	daemon_up(b);
	o = owner_of(b, true, 0x101);
	assert_string_equal(o.name, "net");
	assert_null(o.stale);
	assert_string_equal(o.remedy, "");
	assert_null(policy_owner(b, POLICY_OUT).stale);
	daemon_service(b, CHARON, SERVICE_FAILED);
	o = owner_of(b, true, 0x101);
	assert_string_equal(o.name, "net");
	assert_string_equal(o.stale, "orphaned");
	assert_string_equal(o.remedy, "ip netns exec a ip xfrm state delete src 10.9.0.2 dst "
				      "10.9.0.1 proto esp spi 0x00000101");
	o = policy_owner(b, POLICY_OUT);
	assert_string_equal(o.stale, "orphaned");
	assert_string_equal(o.remedy, "ip netns exec a ip xfrm policy delete index 17 dir out");
	bench_free(b);
}

static void what_its_daemon_has_no_more_is_stale(void **state)
{
	struct bench *b = bench_new(0);
	struct child_sa sa = daemon_sa(CHARON, 1, 0x101, 0x201);

	(void)state;
	bench_live(b);
	daemon_up(b);
	daemon_sa_gone(b, IKE_GONE_DOWN, &sa);
	assert_null(owner_of(b, true, 0x101).stale); /* late packets are still welcome */
	bench_pass(b, 20000);
	assert_string_equal(owner_of(b, true, 0x101).stale, "stale");
	assert_null(policy_owner(b, POLICY_IN).stale); /* the connection is still loaded */
	daemon_list(b, CHARON, IKE_LIST_CONNECTIONS, DUMP_BEGIN);
	daemon_list(b, CHARON, IKE_LIST_CONNECTIONS, DUMP_END);
	assert_string_equal(policy_owner(b, POLICY_IN).stale, "stale");
	bench_free(b);
}

static void duplicates_are_named_and_rekeys_are_not(void **state)
{
	struct bench *b = bench_new(0);
	struct child_sa two = daemon_sa(CHARON, 2, 0x102, 0x202);
	struct child_sa three = daemon_sa(CHARON, 3, 0x103, 0x203);

	(void)state;
	bench_live(b);
	daemon_up(b);
	daemon_kernel(b, SA_ADDED, true, 0x102, 0);
	daemon_sa_there(b, IKE_OP_REKEYED, 1, &two);
	bench_pass(b, 120000);
	assert_null(owner_of(b, true, 0x101).stale);
	daemon_kernel(b, SA_ADDED, true, 0x103, 0);
	daemon_sa_there(b, IKE_OP_UP, 0, &three);
	assert_null(owner_of(b, true, 0x102).stale); /* may still be a rekey */
	bench_pass(b, 120000);
	assert_string_equal(owner_of(b, true, 0x102).stale, "duplicate");
	assert_string_equal(owner_of(b, true, 0x102).remedy, "swanctl --terminate --child-id 2");
	assert_null(owner_of(b, true, 0x103).stale);
	bench_free(b);
}

static void who_added_it_by_hand_is_known_by_audit(void **state)
{
	struct bench *b = bench_new(EVIDENCE_BIT(EVIDENCE_AUDIT));
	struct fact actor = { .type = FACT_AUDIT_CHANGE,
		.source = SOURCE_AUDIT,
		.audit_change = { .op = AUDIT_SAD_ADD,
			.ok = true,
			.has_actor = true,
			.auid = 1000,
			.pid = 77,
			.comm = "ip",
			.spi = 0x301,
			.serial = 5 } };

	(void)state;
	bench_live(b);
	daemon_kernel(b, SA_ADDED, true, 0x301, 0);
	assert_string_equal(owner_of(b, true, 0x301).name, "unowned");
	assert_int_equal(addr_parse(REMOTE, &actor.audit_change.src.addr), 0);
	assert_int_equal(addr_parse(LOCAL, &actor.audit_change.dst.addr), 0);
	actor.audit_change.src.length = actor.audit_change.dst.length = 32;
	actor.audit_change.record_us = 1700000000000000u + b->ns / 1000;
	bench_feed(b, &actor, 0);
	assert_string_equal(owner_of(b, true, 0x301).name, "manual");
	bench_free(b);
}

static void a_failure_before_the_tunnel_is_told_is_its_own(void **state)
{
	struct fact f = { .type = FACT_NEGOTIATION,
		.negotiation = { .service = CHARON,
			.cause = CAUSE_AUTH_FAILED,
			.final = true,
			.conn = "net" } };
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	daemon_service(b, CHARON, SERVICE_RUNS);
	bench_feed(b, &f, NS_A);
	f.negotiation.cause = CAUSE_UNKNOWN; /* of the same: knows less */
	bench_feed(b, &f, NS_A);
	bench_settle(b);
	daemon_child(b, CHARON, ORIGIN_LOADED, "net", "lan", INTENT_START);
	assert_int_equal(daemon_tunnel(b)->failed_cause, CAUSE_AUTH_FAILED);
	assert_string_equal(daemon_verdict(b), "failed");
	bench_free(b);
}

static bool keep_loader(void *userdata, const void *opaque)
{
	const struct active_policy_row *row = opaque;

	(void)snprintf(userdata, 128, "%s", row->loaded_by ? row->loaded_by : "");
	return false;
}

static void who_loaded_a_configuration_is_known_by_audit(void **state)
{
	struct bench *b = bench_new(EVIDENCE_BIT(EVIDENCE_AUDIT));
	struct fact actor = { .type = FACT_AUDIT_CHANGE,
		.source = SOURCE_AUDIT,
		.audit_change = { .op = AUDIT_SPD_ADD,
			.ok = true,
			.has_actor = true,
			.auid = 1000,
			.pid = CHARON & 0x3fffff,
			.comm = "charon",
			.serial = 6 } };
	char loaded_by[128] = "";

	(void)state;
	bench_live(b);
	daemon_policies_known(b);
	daemon_service(b, CHARON, SERVICE_RUNS);
	daemon_policy(b, POLICY_OUT, 1, true);
	assert_int_equal(core_each(b->core, &noun_active_policy, keep_loader, loaded_by), 0);
	assert_string_equal(loaded_by, "");
	assert_int_equal(prefix_parse("10.1.0.0/16", &actor.audit_change.src, NULL), 0);
	assert_int_equal(prefix_parse("10.2.0.0/16", &actor.audit_change.dst, NULL), 0);
	actor.audit_change.record_us = 1700000000000000u + b->ns / 1000;
	bench_feed(b, &actor, 0);
	assert_int_equal(core_each(b->core, &noun_active_policy, keep_loader, loaded_by), 0);
	assert_string_equal(loaded_by, "charon (pid 300), of login uid 1000");
	bench_free(b);
}

static void drops_bear_the_tunnels_name(void **state)
{
	struct bench *b = bench_new(EVIDENCE_BIT(EVIDENCE_AUDIT));

	(void)state;
	bench_live(b);
	daemon_up(b);
	bench_address(b, NS_A, LOCAL);
	bench_drop(b, AUDIT_DROP_NOTFOUND, REMOTE, LOCAL, 0xdead, 7);
	bench_counter(b, NS_A, "XfrmInNoStates", 1);
	bench_settle(b);
	assert_string_equal(bench_find(b, EVENT_UNKNOWN_SPI)->tunnel, "net/lan");
	assert_string_equal(bench_find(b, EVENT_UNKNOWN_SPI)->peer, "blue.example");
	/* No policy's fault. */
	assert_int_equal(daemon_tunnel(b)->drops, 0);
	bench_free(b);
}

struct seen {
	const char *address;
	char protection[16], listening[64];
};

static bool keep_link(void *userdata, const void *opaque)
{
	const struct link_row *row = opaque;
	struct seen *seen = userdata;
	char text[PREFIX_TEXT_SIZE];

	if (!row->addr || strcmp(prefix_format(row->addr, text), seen->address) != 0)
		return true;
	(void)snprintf(seen->protection, sizeof(seen->protection), "%s",
		row->protection ? row->protection : "");
	(void)snprintf(seen->listening, sizeof(seen->listening), "%s", row->listening);
	return false;
}

static void each_address_is_looked_at(void **state)
{
	struct fact any = { .type = FACT_IKE_SOCKET,
		.ike_socket = { .service = CHARON, .port = 500, .local = { .family = AF_INET } } };
	struct seen outer = { .address = "10.9.0.1/24" }, inner = { .address = "10.1.0.1/24" };
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	daemon_up(b);
	bench_address(b, NS_A, "10.9.0.1");
	bench_address(b, NS_A, "10.1.0.1");
	bench_feed(b, &any, NS_A);
	any.ike_socket.port = 4500;
	bench_feed(b, &any, NS_A);
	assert_int_equal(addr_parse("10.9.0.1", &any.ike_socket.local), 0);
	any.ike_socket.foreign = true;
	bench_feed(b, &any, NS_A);
	assert_int_equal(core_each(b->core, &noun_link, keep_link, &outer), 0);
	assert_int_equal(core_each(b->core, &noun_link, keep_link, &inner), 0);
	assert_string_equal(outer.protection, "no");
	assert_string_equal(outer.listening, "charon 500, 4500");
	assert_string_equal(inner.protection, "partly");
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(totals_are_exact_after_100_rekeys),
		cmocka_unit_test(an_sa_that_died_before_its_child_was_told_counts),
		cmocka_unit_test(lost_final_counters_are_said),
		cmocka_unit_test(a_restarted_daemon_goes_on_with_the_tunnel),
		cmocka_unit_test(another_ike_sa_is_no_rekey),
		cmocka_unit_test(a_configured_tunnel_is_there_before_it_is_up),
		cmocka_unit_test(road_warriors_have_a_tunnel_each),
		cmocka_unit_test(peers_that_choose_the_same_spi_are_apart),
		cmocka_unit_test(the_ike_sa_may_be_told_last_and_may_move),
		cmocka_unit_test(what_the_daemon_counts_is_called_so),
		cmocka_unit_test(what_a_dead_daemon_left_has_its_remedy),
		cmocka_unit_test(what_its_daemon_has_no_more_is_stale),
		cmocka_unit_test(duplicates_are_named_and_rekeys_are_not),
		cmocka_unit_test(who_added_it_by_hand_is_known_by_audit),
		cmocka_unit_test(a_failure_before_the_tunnel_is_told_is_its_own),
		cmocka_unit_test(who_loaded_a_configuration_is_known_by_audit),
		cmocka_unit_test(drops_bear_the_tunnels_name),
		cmocka_unit_test(each_address_is_looked_at),
	};

	return cmocka_run_group_tests_name("core/tunnels", tests, NULL, NULL);
}
