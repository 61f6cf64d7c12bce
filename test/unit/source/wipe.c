/* SPDX-License-Identifier: Apache-2.0 */
#include "source/xfrm/wipe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "messages.h"

static bool holds_key(const struct octets *o)
{
	return memmem(o->p, sizeof(o->p), "KEY", 3) != NULL;
}

static void keys_go_and_the_rest_stays(void **state)
{
	struct xfrm_usersa_info i = info_of_sa(0x1001);
	struct nlmsghdr *h;
	struct octets o;

	(void)state;
	h = message_begin(&o, XFRM_MSG_NEWSA);
	put_head(h, &i, sizeof(i));
	put_aead(h);
	put_aead(h); /* a second of the same kind hides nothing */
	mnl_attr_put_u32(h, XFRMA_IF_ID, 42);
	assert_true(holds_key(&o));
	xfrm_wipe(o.p, h->nlmsg_len);
	assert_false(holds_key(&o));
	assert_non_null(memmem(o.p, sizeof(o.p), "rfc4106(gcm(aes))", 17));
	assert_memory_equal(mnl_nlmsg_get_payload(h), &i, sizeof(i));
}

static void flags_on_the_type_do_not_hide_a_key(void **state)
{
	struct xfrm_usersa_info i = info_of_sa(0x1001);
	struct nlmsghdr *h;
	struct nlattr *a;
	struct octets o;

	(void)state;
	h = message_begin(&o, XFRM_MSG_UPDSA);
	put_head(h, &i, sizeof(i));
	a = mnl_nlmsg_get_payload_tail(h);
	put_aead(h);
	a->nla_type |= NLA_F_NESTED;
	xfrm_wipe(o.p, h->nlmsg_len);
	assert_false(holds_key(&o));
}

static void what_is_not_known_goes_whole(void **state)
{
	struct xfrm_usersa_info i = info_of_sa(0x1001);
	struct nlmsghdr *h;
	struct octets o;

	(void)state;
	h = message_begin(&o, XFRM_MSG_NEWSA);
	put_head(h, &i, sizeof(i));
	mnl_attr_put(h, 200, sizeof(DUMMY_KEY), DUMMY_KEY); /* an attribute of a future kernel */
	xfrm_wipe(o.p, h->nlmsg_len);
	assert_false(holds_key(&o));

	h = message_begin(&o, 99); /* a message of one */
	mnl_attr_put(h, 1, sizeof(DUMMY_KEY), DUMMY_KEY);
	xfrm_wipe(o.p, h->nlmsg_len);
	assert_false(holds_key(&o));

	h = message_begin(&o, XFRM_MSG_ACQUIRE);
	put_aead(h);
	xfrm_wipe(o.p, h->nlmsg_len);
	assert_false(holds_key(&o));
}

static void lies_cost_the_whole_message(void **state)
{
	struct xfrm_usersa_info i = info_of_sa(0x1001);
	struct nlmsghdr *h;
	struct nlattr *a;
	struct octets o;
	uint32_t n;

	(void)state;
	h = message_begin(&o, XFRM_MSG_NEWSA);
	put_head(h, &i, sizeof(i));
	a = mnl_nlmsg_get_payload_tail(h);
	put_aead(h);
	a->nla_len = (uint16_t)(a->nla_len + 100); /* past the message's end */
	xfrm_wipe(o.p, h->nlmsg_len);
	assert_false(holds_key(&o));

	h = message_begin(&o, XFRM_MSG_NEWSA);
	put_head(h, &i, sizeof(i));
	put_aead(h);
	n = h->nlmsg_len;
	h->nlmsg_len = n + 1; /* past the datagram's end */
	xfrm_wipe(o.p, n);
	assert_false(holds_key(&o));
}

static void every_message_of_a_datagram(void **state)
{
	struct xfrm_usersa_info i = info_of_sa(0x1001);
	struct nlmsghdr *h;
	struct octets o;
	size_t n;

	(void)state;
	h = message_begin(&o, XFRM_MSG_NEWSA);
	put_head(h, &i, sizeof(i));
	put_aead(h);
	n = h->nlmsg_len;
	memcpy(o.p + MNL_ALIGN((int)n), o.p, n);
	memcpy(o.p + 2 * MNL_ALIGN((int)n), DUMMY_KEY, 10); /* and what is left over */
	xfrm_wipe(o.p, 2 * (size_t)MNL_ALIGN((int)n) + 10);
	assert_false(holds_key(&o));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_go_and_the_rest_stays),
		cmocka_unit_test(flags_on_the_type_do_not_hide_a_key),
		cmocka_unit_test(what_is_not_known_goes_whole),
		cmocka_unit_test(lies_cost_the_whole_message),
		cmocka_unit_test(every_message_of_a_datagram),
	};

	return cmocka_run_group_tests_name("source/xfrm/wipe", tests, NULL, NULL);
}
