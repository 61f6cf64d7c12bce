/* SPDX-License-Identifier: Apache-2.0 */
#include "source/xfrm/wipe.h"

#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <string.h>

#include "model/policy.h"
#include "source/xfrm/uapi.h"

/* The kernel's macros for this mix signs. */
#define ALIGNED(n) (((n) + 3) & ~(size_t)3)

static void wipe(void *p, size_t n)
{
	/* Most often there is nothing: a call each would be a tenth of what a dump costs. */
	if (n > 0)
		explicit_bzero(p, n);
}

/* What of an attribute's payload may stay. */
static size_t kept_octets(uint16_t type, size_t n)
{
	size_t keep;

	switch (type) {
	case XFRMA_ALG_AUTH:
	case XFRMA_ALG_CRYPT:
	case XFRMA_ALG_COMP:
		keep = sizeof(struct xfrm_algo); /* the key begins right behind */
		break;
	case XFRMA_ALG_AEAD:
		keep = sizeof(struct xfrm_algo_aead);
		break;
	case XFRMA_ALG_AUTH_TRUNC:
		keep = sizeof(struct xfrm_algo_auth);
		break;
	case XFRMA_SA:
		keep = sizeof(struct xfrm_usersa_info);
		break;
	case XFRMA_POLICY:
		keep = sizeof(struct xfrm_userpolicy_info);
		break;
	case XFRMA_TMPL:
		keep = POLICY_TEMPLATES * sizeof(struct xfrm_user_tmpl);
		break;
	case XFRMA_ENCAP:
		keep = sizeof(struct xfrm_encap_tmpl);
		break;
	case XFRMA_REPLAY_VAL:
		keep = sizeof(struct xfrm_replay_state);
		break;
	case XFRMA_REPLAY_ESN_VAL:
		keep = sizeof(struct xfrm_replay_state_esn);
		break;
	case XFRMA_MARK:
	case XFRMA_OFFLOAD_DEV:
		keep = 8;
		break;
	case XFRMA_POLICY_TYPE:
		keep = sizeof(struct xfrm_userpolicy_type);
		break;
	case XFRMA_SA_EXTRA_FLAGS:
	case XFRMA_IF_ID:
		keep = 4;
		break;
	case XFRMA_SA_DIR_:
		keep = 1;
		break;
	default:
		keep = 0;
	}
	return keep < n ? keep : n;
}

/* 0; -1: the attributes cannot be walked to their end. */
static int wipe_attributes(uint8_t *p, size_t n)
{
	while (n >= sizeof(struct nlattr)) {
		struct nlattr a;
		size_t whole, keep;

		memcpy(&a, p, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > n)
			return -1;
		keep = kept_octets(a.nla_type & 0x3fff /* NLA_TYPE_MASK */, a.nla_len - sizeof(a));
		whole = ALIGNED((size_t)a.nla_len);
		if (whole > n)
			whole = n;
		wipe(p + sizeof(a) + keep, whole - sizeof(a) - keep);
		p += whole;
		n -= whole;
	}
	wipe(p, n);
	return 0;
}

int xfrm_head_size(uint16_t type)
{
	switch (type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		return sizeof(struct xfrm_usersa_info);
	case XFRM_MSG_DELSA:
		return sizeof(struct xfrm_usersa_id);
	case XFRM_MSG_EXPIRE:
		return sizeof(struct xfrm_user_expire);
	case XFRM_MSG_FLUSHSA:
		return sizeof(struct xfrm_usersa_flush);
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		return sizeof(struct xfrm_userpolicy_info);
	case XFRM_MSG_DELPOLICY:
	case XFRM_MSG_MIGRATE:
		return sizeof(struct xfrm_userpolicy_id);
	case XFRM_MSG_POLEXPIRE:
		return sizeof(struct xfrm_user_polexpire);
	case XFRM_MSG_FLUSHPOLICY:
		return 0;
	case XFRM_MSG_MAPPING:
		return sizeof(struct xfrm_user_mapping);
	case XFRM_MSG_ACQUIRE:
		return sizeof(struct xfrm_user_acquire);
	default:
		return -1;
	}
}

/* Messages without a key by their nature, whose attributes are numbered differently. */
static size_t plain_octets(uint16_t type, size_t n)
{
	switch (type) {
	case NLMSG_ERROR:
		/* Behind it the kernel repeats the request. */
		return n < sizeof(struct nlmsgerr) ? n : sizeof(struct nlmsgerr);
	case NLMSG_DONE:
		return n < 4 ? n : 4;
	case XFRM_MSG_NEWSADINFO:
	case XFRM_MSG_NEWSPDINFO:
	case XFRM_MSG_GETDEFAULT_:
		return n;
	default:
		return 0;
	}
}

static void wipe_message(uint16_t type, uint8_t *payload, size_t n)
{
	int head = xfrm_head_size(type);
	size_t skip, keep;

	if (head < 0) {
		keep = plain_octets(type, n);
		wipe(payload + keep, n - keep);
		return;
	}
	skip = ALIGNED((size_t)head);
	if (skip > n || wipe_attributes(payload + skip, n - skip))
		wipe(payload, n);
}

void xfrm_wipe(void *datagram, size_t n)
{
	uint8_t *p = datagram;

	while (n >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr h;
		size_t whole;

		memcpy(&h, p, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > n)
			break;
		wipe_message(h.nlmsg_type, p + sizeof(h), h.nlmsg_len - sizeof(h));
		whole = ALIGNED((size_t)h.nlmsg_len);
		if (whole > n)
			whole = n;
		wipe(p + h.nlmsg_len, whole - h.nlmsg_len);
		p += whole;
		n -= whole;
	}
	wipe(p, n);
}
