/* SPDX-License-Identifier: Apache-2.0 */
#include "source/xfrm/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "messages.h"
#include "source/xfrm/listeners.h"

static struct fact f;

static struct nlmsghdr *sa_message(struct octets *o, uint16_t type)
{
	struct xfrm_usersa_info i = info_of_sa(0x1001);
	struct nlmsghdr *h = message_begin(o, type);

	put_head(h, &i, sizeof(i));
	return h;
}

static void an_sa_as_dumped(void **state)
{
	struct xfrm_replay_state replay = { .oseq = 0, .seq = 5, .bitmap = 31 };
	struct xfrm_mark mark = { .v = 5, .m = 255 };
	char text[ADDR_TEXT_SIZE];
	struct nlmsghdr *h;
	struct octets o;

	(void)state;
	h = sa_message(&o, XFRM_MSG_NEWSA);
	put_aead(h);
	mnl_attr_put(h, XFRMA_REPLAY_VAL, sizeof(replay), &replay);
	mnl_attr_put(h, XFRMA_MARK, sizeof(mark), &mark);
	mnl_attr_put_u32(h, XFRMA_IF_ID, 42);
	mnl_attr_put_u8(h, 33, 1);
	assert_int_equal(xfrm_parse(h, h->nlmsg_len, &f), PARSE_OK);
	assert_int_equal(f.type, FACT_SA);
	assert_int_equal(f.sa.op, SA_ADDED);
	assert_string_equal(addr_format(&f.sa.sa.src, text), "10.9.0.1");
	assert_string_equal(addr_format(&f.sa.sa.dst, text), "10.9.0.2");
	assert_int_equal(f.sa.sa.spi, 0x1001);
	assert_int_equal(f.sa.sa.seq, 5);
	assert_int_equal(f.sa.sa.mark_mask, 255);
	assert_int_equal(f.sa.sa.if_id, 42);
	assert_int_equal(f.sa.sa.direction, DIRECTION_IN);
	assert_string_equal(f.sa.sa.encryption, "rfc4106(gcm(aes))");
	assert_int_equal(f.sa.sa.icv_bits, 128);
	assert_true(f.sa.sa.aead);
	assert_false(f.sa.sa.larval);
	assert_int_equal(f.sa.sa.replayed, 1);
	assert_int_equal(f.sa.sa.late, 2);
	assert_int_equal(f.sa.sa.integrity_failed, 3);
	assert_true(f.sa.sa.hard_bytes == UINT64_MAX && f.sa.sa.hard_packets == 3);
}

static void esn_has_high_halves(void **state)
{
	struct xfrm_replay_state_esn esn = {
		.oseq = 7, .oseq_hi = 2, .seq = 17, .seq_hi = 1, .replay_window = 128
	};
	struct xfrm_usersa_info *i;
	struct nlmsghdr *h;
	struct octets o;

	(void)state;
	h = sa_message(&o, XFRM_MSG_NEWSA);
	mnl_attr_put(h, XFRMA_REPLAY_ESN_VAL, sizeof(esn), &esn);
	i = mnl_nlmsg_get_payload(h);
	assert_int_equal(xfrm_parse(h, h->nlmsg_len, &f), PARSE_OK);
	assert_true(f.sa.sa.seq == 17 && !f.sa.sa.esn); /* merely the longer bitmap */
	i->flags = XFRM_STATE_ESN;
	assert_int_equal(xfrm_parse(h, h->nlmsg_len, &f), PARSE_OK);
	assert_true(f.sa.sa.esn && f.sa.sa.seq == 0x100000011 && f.sa.sa.oseq == 0x200000007);
	assert_int_equal(f.sa.sa.replay_window, 128);
}

static void without_algorithms_it_is_larval(void **state)
{
	struct nlmsghdr *h;
	struct octets o;

	(void)state;
	h = sa_message(&o, XFRM_MSG_NEWSA);
	assert_int_equal(xfrm_parse(h, h->nlmsg_len, &f), PARSE_OK);
	assert_true(f.sa.sa.larval);
}

static void the_end_has_final_counters(void **state)
{
	struct xfrm_usersa_id id = {
		.spi = htonl(0x1001), .family = AF_INET, .proto = IPPROTO_ESP
	};
	struct xfrm_usersa_info i = info_of_sa(0x1001);
	struct xfrm_user_expire e = { .state = i, .hard = 1 };
	struct nlmsghdr *h;
	struct octets o;

	(void)state;
	h = message_begin(&o, XFRM_MSG_DELSA);
	put_head(h, &id, sizeof(id));
	assert_int_equal(xfrm_parse(h, h->nlmsg_len, &f), PARSE_TRUNCATED);
	mnl_attr_put(h, XFRMA_SA, sizeof(i), &i);
	assert_int_equal(xfrm_parse(h, h->nlmsg_len, &f), PARSE_OK);
	assert_true(f.type == FACT_SA_GONE && f.sa_gone.how == GONE_DELETED);
	assert_int_equal(f.sa_gone.sa.bytes, 84);

	h = message_begin(&o, XFRM_MSG_EXPIRE);
	put_head(h, &e, sizeof(e));
	assert_int_equal(xfrm_parse(h, h->nlmsg_len, &f), PARSE_OK);
	assert_true(
		f.type == FACT_SA_GONE && f.sa_gone.how == GONE_EXPIRED && !f.sa_gone.sa.larval);
	e.hard = 0;
	put_head(message_begin(&o, XFRM_MSG_EXPIRE), &e, sizeof(e));
	assert_int_equal(xfrm_parse(o.p, 16 + sizeof(e), &f), PARSE_OK);
	assert_int_equal(f.type, FACT_SA_SOFT);
}

static struct nlmsghdr *policy_message(struct octets *o, unsigned n_templates)
{
	struct xfrm_userpolicy_info p = {
		.sel = { .family = AF_INET, .prefixlen_s = 16, .prefixlen_d = 24 },
		.index = 8,
		.priority = 5,
		.dir = XFRM_POLICY_OUT
	};
	struct xfrm_user_tmpl t[8] = { 0 };
	struct nlmsghdr *h = message_begin(o, XFRM_MSG_NEWPOLICY);

	p.sel.saddr.a4 = htonl(0x0a010000);
	p.sel.daddr.a4 = htonl(0x0a020000);
	put_head(h, &p, sizeof(p));
	for (unsigned i = 0; i < n_templates; i++)
		t[i] = (struct xfrm_user_tmpl){ .family = AF_INET,
			.reqid = i + 1,
			.id = { .proto = IPPROTO_ESP },
			.mode = XFRM_MODE_TUNNEL };
	mnl_attr_put(h, XFRMA_TMPL, n_templates * sizeof(t[0]), t);
	return h;
}

static void a_policy_with_templates(void **state)
{
	char text[PREFIX_TEXT_SIZE];
	struct nlmsghdr *h;
	struct octets o;

	(void)state;
	h = policy_message(&o, 6);
	assert_int_equal(xfrm_parse(h, h->nlmsg_len, &f), PARSE_OK);
	assert_true(f.type == FACT_POLICY && f.policy.op == SA_ADDED);
	assert_int_equal(f.policy.policy.direction, POLICY_OUT);
	assert_string_equal(prefix_format(&f.policy.policy.selector.src, text), "10.1.0.0/16");
	assert_string_equal(prefix_format(&f.policy.policy.selector.dst, text), "10.2.0.0/24");
	assert_int_equal(f.policy.policy.n_templates, 6);
	assert_int_equal(f.policy.policy.templates[5].reqid, 6);
	h = policy_message(&o, 7); /* more than the kernel allows */
	assert_int_equal(xfrm_parse(h, h->nlmsg_len, &f), PARSE_MALFORMED);
}

static void a_request_for_an_sa(void **state)
{
	struct xfrm_user_acquire v = { .id = { .proto = IPPROTO_ESP },
		.sel = { .family = AF_INET6, .prefixlen_s = 128, .prefixlen_d = 128 },
		.policy = { .index = 17 } };
	struct xfrm_user_tmpl t = { .family = AF_INET, .id = { .proto = IPPROTO_ESP } };
	char text[ADDR_TEXT_SIZE];
	struct nlmsghdr *h;
	struct octets o;

	(void)state;
	v.saddr.a4 = htonl(0x0a090001);
	v.id.daddr.a4 = htonl(0x0a090002);
	v.sel.dport = htons(4711);
	h = message_begin(&o, XFRM_MSG_ACQUIRE);
	put_head(h, &v, sizeof(v));
	mnl_attr_put(h, XFRMA_TMPL, sizeof(t), &t);
	assert_int_equal(xfrm_parse(h, h->nlmsg_len, &f), PARSE_OK);
	assert_int_equal(f.type, FACT_ACQUIRE);
	assert_string_equal(addr_format(&f.acquire.src, text), "10.9.0.1");
	assert_string_equal(addr_format(&f.acquire.dst, text), "10.9.0.2");
	assert_int_equal(f.acquire.selector.dst.addr.family, AF_INET6);
	assert_int_equal(f.acquire.selector.dport, 4711);
	assert_int_equal(f.acquire.proto, IPPROTO_ESP);
	assert_int_equal(f.acquire.policy, 17);
	t.family = 99;
	h = message_begin(&o, XFRM_MSG_ACQUIRE);
	put_head(h, &v, sizeof(v));
	mnl_attr_put(h, XFRMA_TMPL, sizeof(t), &t);
	assert_int_equal(xfrm_parse(h, h->nlmsg_len, &f), PARSE_MALFORMED);
}

static bool is_key_manager(const char *line)
{
	return listeners_is_key_manager(span_text(line));
}

static void who_listens_for_requests(void **state)
{
	(void)state;
	assert_true(is_key_manager("0000000032b79b67 6   1208       00000001 0        0"));
	assert_true(is_key_manager("0000000032b79b67 6   1208       000000c3 0        0"));
	assert_false(is_key_manager("0000000032b79b67 6   1208       00000002 0        0"));
	/* Hears of each SA, too: a monitor like us. */
	assert_false(is_key_manager("0000000032b79b67 6   1208       00000005 0        0"));
	assert_false(is_key_manager("0000000032b79b67 0   1208       00000001 0        0"));
	assert_false(is_key_manager("sk               Eth Pid        Groups   Rmem"));
	assert_false(is_key_manager("0000000032b79b67 6   1208"));
	assert_false(is_key_manager(""));
}

static void lies_are_told_apart(void **state)
{
	struct xfrm_usersa_info *i;
	struct nlmsghdr *h;
	struct octets o;
	uint32_t n;

	(void)state;
	h = sa_message(&o, XFRM_MSG_NEWSA);
	put_aead(h);
	i = mnl_nlmsg_get_payload(h);
	n = h->nlmsg_len;
	for (uint32_t cut = 0; cut < n; cut++) {
		/* Without attributes it is whole, if not what was sent. */
		if (cut != 16 + sizeof(*i))
			assert_int_equal(xfrm_parse(o.p, cut, &f), PARSE_TRUNCATED);
	}
	i->family = 77;
	assert_int_equal(xfrm_parse(h, n, &f), PARSE_MALFORMED);
	i->family = AF_INET;
	i->sel.family = AF_INET;
	i->sel.prefixlen_s = 33;
	assert_int_equal(xfrm_parse(h, n, &f), PARSE_MALFORMED);
	i->sel.prefixlen_s = 32;
	memset((char *)i + sizeof(*i) + 4, 'A', 64); /* a name without an end */
	assert_int_equal(xfrm_parse(h, n, &f), PARSE_MALFORMED);
	h->nlmsg_type = 99;
	assert_int_equal(xfrm_parse(h, n, &f), PARSE_UNKNOWN);
}

static void flushes_and_defaults(void **state)
{
	static const uint8_t defaults[] = { 1, 2, 1, 0 }; /* in, fwd, out: block, accept, block */
	struct nlmsghdr *h;
	struct octets o;

	(void)state;
	h = message_begin(&o, XFRM_MSG_FLUSHSA);
	put_head(h, (uint8_t[]){ 255, 0, 0, 0 }, 4);
	assert_int_equal(xfrm_parse(h, h->nlmsg_len, &f), PARSE_OK);
	assert_true(f.type == FACT_SA_FLUSH && f.sa_flush.proto == 0);
	h = message_begin(&o, 40);
	put_head(h, defaults, sizeof(defaults));
	assert_int_equal(xfrm_parse(h, h->nlmsg_len, &f), PARSE_OK);
	assert_true(f.policy_default.block_in && !f.policy_default.block_fwd &&
		    f.policy_default.block_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_sa_as_dumped),
		cmocka_unit_test(a_request_for_an_sa),
		cmocka_unit_test(who_listens_for_requests),
		cmocka_unit_test(esn_has_high_halves),
		cmocka_unit_test(without_algorithms_it_is_larval),
		cmocka_unit_test(the_end_has_final_counters),
		cmocka_unit_test(a_policy_with_templates),
		cmocka_unit_test(lies_are_told_apart),
		cmocka_unit_test(flushes_and_defaults),
	};

	return cmocka_run_group_tests_name("source/xfrm/parse", tests, NULL, NULL);
}
