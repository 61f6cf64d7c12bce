/* SPDX-License-Identifier: Apache-2.0 */
#include "source/xfrm/parse.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <string.h>

#include "source/xfrm/uapi.h"
#include "source/xfrm/wipe.h"

/*
 * An attribute, as libmnl has them; inline, for there are three or four of these calls for each of
 * a million policies. Only of attributes that attr_first(), attr_next() and attr_find() gave.
 */
static unsigned attr_type(const struct nlattr *a)
{
	return a->nla_type & 0x3fffu; /* NLA_TYPE_MASK, which mixes signs */
}

static size_t attr_size(const struct nlattr *a)
{
	return a->nla_len - sizeof(*a);
}

static const void *attr_payload(const struct nlattr *a)
{
	return a + 1;
}

/* Attributes are aligned to 4 octets only, the kernel's structs hold 8: always copy. */
static enum parse_result take(const struct nlattr *a, void *ret, size_t n)
{
	if (attr_size(a) < n)
		return PARSE_TRUNCATED;
	memcpy(ret, attr_payload(a), n);
	return PARSE_OK;
}

static struct addr address(uint16_t family, const xfrm_address_t *a)
{
	if (family != AF_INET && family != AF_INET6)
		return (struct addr){ 0 };
	return addr_make((uint8_t)family, a);
}

static bool family_known(uint16_t family)
{
	return family == AF_INET || family == AF_INET6;
}

/* A transport SA's selector may be empty and without a family: then nothing is known of it. */
static enum parse_result selector_of(const struct xfrm_selector *s, struct selector *ret)
{
	unsigned bits = s->family == AF_INET ? 32 : s->family == AF_INET6 ? 128 : 0;

	if (bits == 0 && s->family != AF_UNSPEC)
		return PARSE_MALFORMED;
	if (bits != 0 && (s->prefixlen_s > bits || s->prefixlen_d > bits))
		return PARSE_MALFORMED;
	addr_set(&ret->src.addr, s->family, &s->saddr);
	addr_set(&ret->dst.addr, s->family, &s->daddr);
	ret->src.length = bits ? s->prefixlen_s : 0;
	ret->dst.length = bits ? s->prefixlen_d : 0;
	ret->sport = ntohs(s->sport);
	ret->sport_mask = ntohs(s->sport_mask);
	ret->dport = ntohs(s->dport);
	ret->dport_mask = ntohs(s->dport_mask);
	ret->proto = s->proto;
	ret->ifindex = (uint32_t)s->ifindex;
	return PARSE_OK;
}

static enum parse_result sa_of(const struct xfrm_usersa_info *i, struct sa *ret)
{
	if (!family_known(i->family))
		return PARSE_MALFORMED;
	*ret = (struct sa){
		.src = address(i->family, &i->saddr),
		.dst = address(i->family, &i->id.daddr),
		.proto = i->id.proto,
		.spi = ntohl(i->id.spi),
		.mode = i->mode,
		.larval = i->id.spi == 0,
		.esn = i->flags & XFRM_STATE_ESN,
		.flags = i->flags,
		.reqid = i->reqid,
		.bytes = i->curlft.bytes,
		.packets = i->curlft.packets,
		.added_s = i->curlft.add_time,
		.used_s = i->curlft.use_time,
		.soft_bytes = i->lft.soft_byte_limit,
		.hard_bytes = i->lft.hard_byte_limit,
		.soft_packets = i->lft.soft_packet_limit,
		.hard_packets = i->lft.hard_packet_limit,
		.soft_add_s = i->lft.soft_add_expires_seconds,
		.hard_add_s = i->lft.hard_add_expires_seconds,
		.soft_use_s = i->lft.soft_use_expires_seconds,
		.hard_use_s = i->lft.hard_use_expires_seconds,
		.replay_window = i->replay_window,
		.replayed = i->stats.replay,
		.late = i->stats.replay_window,
		.integrity_failed = i->stats.integrity_failed,
	};
	return selector_of(&i->sel, &ret->selector);
}

/* The kernel's names are 64 octets with a NUL within; anything else is not the kernel's. */
static enum parse_result name_of(const char from[NAME_SIZE], char ret[NAME_SIZE])
{
	if (!memchr(from, '\0', NAME_SIZE))
		return PARSE_MALFORMED;
	memset(ret, 0, NAME_SIZE);
	memcpy(ret, from, strlen(from));
	return PARSE_OK;
}

static enum parse_result take_encryption(const struct nlattr *a, struct sa *sa)
{
	struct xfrm_algo algo;
	enum parse_result r = take(a, &algo, sizeof(algo));

	if (r != PARSE_OK)
		return r;
	sa->encryption_bits = (uint16_t)algo.alg_key_len;
	return name_of(algo.alg_name, sa->encryption);
}

static enum parse_result take_aead(const struct nlattr *a, struct sa *sa)
{
	struct xfrm_algo_aead algo;
	enum parse_result r = take(a, &algo, sizeof(algo));

	if (r != PARSE_OK)
		return r;
	sa->aead = true;
	sa->encryption_bits = (uint16_t)algo.alg_key_len;
	sa->icv_bits = (uint16_t)algo.alg_icv_len;
	return name_of(algo.alg_name, sa->encryption);
}

/* The kernel sends both forms; the second also tells the length of the ICV. */
static enum parse_result take_integrity(const struct nlattr *a, bool with_length, struct sa *sa)
{
	struct xfrm_algo_auth algo = { 0 };
	enum parse_result r = take(a, &algo, with_length ? sizeof(algo) : sizeof(struct xfrm_algo));

	if (r != PARSE_OK)
		return r;
	sa->integrity_bits = (uint16_t)algo.alg_key_len;
	if (with_length)
		sa->icv_bits = (uint16_t)algo.alg_trunc_len;
	return name_of(algo.alg_name, sa->integrity);
}

static enum parse_result take_encap(const struct nlattr *a, struct sa *sa)
{
	struct xfrm_encap_tmpl e;
	enum parse_result r = take(a, &e, sizeof(e));

	if (r != PARSE_OK)
		return r;
	sa->encap = e.encap_type;
	sa->encap_sport = ntohs(e.encap_sport);
	sa->encap_dport = ntohs(e.encap_dport);
	return PARSE_OK;
}

static enum parse_result take_replay(const struct nlattr *a, struct sa *sa)
{
	struct xfrm_replay_state v;
	enum parse_result r = take(a, &v, sizeof(v));

	if (r != PARSE_OK)
		return r;
	sa->seq = v.seq;
	sa->oseq = v.oseq;
	return PARSE_OK;
}

static enum parse_result take_replay_esn(const struct nlattr *a, struct sa *sa)
{
	struct xfrm_replay_state_esn v;
	enum parse_result r = take(a, &v, sizeof(v));

	if (r != PARSE_OK)
		return r;
	sa->replay_window = v.replay_window;
	sa->seq = v.seq;
	sa->oseq = v.oseq;
	/* Without the flag this is merely the longer bitmap: the high halves mean nothing. */
	if (sa->flags & XFRM_STATE_ESN) {
		sa->seq |= (uint64_t)v.seq_hi << 32;
		sa->oseq |= (uint64_t)v.oseq_hi << 32;
	}
	return PARSE_OK;
}

static enum parse_result take_mark(const struct nlattr *a, uint32_t *ret_mark, uint32_t *ret_mask)
{
	struct xfrm_mark v;
	enum parse_result r = take(a, &v, sizeof(v));

	if (r != PARSE_OK)
		return r;
	*ret_mark = v.v;
	*ret_mask = v.m;
	return PARSE_OK;
}

static enum parse_result take_offload(
	const struct nlattr *a, uint32_t *ret_ifindex, uint8_t *ret_flags)
{
	struct xfrm_user_offload v;
	enum parse_result r = take(a, &v, sizeof(v));

	if (r != PARSE_OK)
		return r;
	*ret_ifindex = (uint32_t)v.ifindex;
	*ret_flags = v.flags;
	return PARSE_OK;
}

static enum parse_result take_direction(const struct nlattr *a, struct sa *sa)
{
	uint8_t v;
	enum parse_result r = take(a, &v, sizeof(v));

	if (r != PARSE_OK)
		return r;
	if (v != DIRECTION_IN && v != DIRECTION_OUT)
		return PARSE_MALFORMED;
	sa->direction = v;
	return PARSE_OK;
}

static enum parse_result sa_attribute(const struct nlattr *a, struct sa *sa)
{
	switch (attr_type(a)) {
	case XFRMA_ALG_AEAD:
		return take_aead(a, sa);
	case XFRMA_ALG_CRYPT:
		return take_encryption(a, sa);
	case XFRMA_ALG_AUTH:
		/* When both came, whatever the order, the truncated form's length stays. */
		return take_integrity(a, false, sa);
	case XFRMA_ALG_AUTH_TRUNC:
		return take_integrity(a, true, sa);
	case XFRMA_ENCAP:
		return take_encap(a, sa);
	case XFRMA_REPLAY_VAL:
		return take_replay(a, sa);
	case XFRMA_REPLAY_ESN_VAL:
		return take_replay_esn(a, sa);
	case XFRMA_MARK:
		return take_mark(a, &sa->mark, &sa->mark_mask);
	case XFRMA_IF_ID:
		return take(a, &sa->if_id, sizeof(sa->if_id));
	case XFRMA_SA_EXTRA_FLAGS:
		return take(a, &sa->extra_flags, sizeof(sa->extra_flags));
	case XFRMA_OFFLOAD_DEV:
		return take_offload(a, &sa->offload_ifindex, &sa->offload_flags);
	case XFRMA_SA_DIR_:
		return take_direction(a, sa);
	default:
		return PARSE_OK;
	}
}

/* The attributes behind the head; PARSE_TRUNCATED when they don't end where the message ends. */
struct message {
	const struct nlattr *attrs;
	size_t n;
};

/* What lies there, when all of it does. */
static const struct nlattr *attr_at(const struct message *m, size_t offset)
{
	const struct nlattr *a = (const void *)((const char *)m->attrs + offset);

	if (offset >= m->n || m->n - offset < sizeof(*a) || a->nla_len < sizeof(*a) ||
		a->nla_len > m->n - offset)
		return NULL;
	return a;
}

static size_t attr_end(const struct message *m, const struct nlattr *a)
{
	size_t begin = (size_t)((const char *)a - (const char *)m->attrs);

	return begin + ((a->nla_len + 3u) & ~(size_t)3);
}

static const struct nlattr *attr_first(const struct message *m)
{
	return attr_at(m, 0);
}

static const struct nlattr *attr_next(const struct message *m, const struct nlattr *a)
{
	return attr_at(m, attr_end(m, a));
}

static const struct nlattr *attr_find(const struct message *m, uint16_t type)
{
	for (const struct nlattr *a = attr_first(m); a; a = attr_next(m, a)) {
		if (attr_type(a) == type)
			return a;
	}
	return NULL;
}

static bool attrs_whole(const struct message *m)
{
	size_t end = 0;

	for (const struct nlattr *a = attr_first(m); a; a = attr_next(m, a))
		end = attr_end(m, a);
	return end >= m->n;
}

static enum parse_result sa_attributes(const struct message *m, struct sa *sa)
{
	bool has_algorithm = attr_find(m, XFRMA_ALG_COMP) != NULL;

	for (const struct nlattr *a = attr_first(m); a; a = attr_next(m, a)) {
		enum parse_result r = sa_attribute(a, sa);

		if (r != PARSE_OK)
			return r;
	}
	has_algorithm = has_algorithm || sa->encryption[0] || sa->integrity[0];
	if (!has_algorithm && (sa->proto == IPPROTO_ESP || sa->proto == IPPROTO_AH))
		sa->larval = true;
	return PARSE_OK;
}

static enum parse_result parse_sa(
	const void *head, const struct message *m, uint8_t op, struct fact *f)
{
	struct xfrm_usersa_info info;
	enum parse_result r;

	memcpy(&info, head, sizeof(info));
	r = sa_of(&info, &f->sa.sa);
	if (r != PARSE_OK)
		return r;
	f->type = FACT_SA;
	f->sa.op = op;
	return sa_attributes(m, &f->sa.sa);
}

static enum parse_result parse_sa_gone(const struct message *m, struct fact *f)
{
	const struct nlattr *a = attr_find(m, XFRMA_SA);
	struct xfrm_usersa_info info;
	enum parse_result r;

	if (!a)
		return PARSE_TRUNCATED;
	r = take(a, &info, sizeof(info));
	if (r == PARSE_OK)
		r = sa_of(&info, &f->sa_gone.sa);
	if (r != PARSE_OK)
		return r;
	f->type = FACT_SA_GONE;
	f->sa_gone.how = GONE_DELETED;
	return sa_attributes(m, &f->sa_gone.sa);
}

static enum parse_result parse_expire(const void *head, const struct message *m, struct fact *f)
{
	struct xfrm_user_expire e;
	enum parse_result r;
	bool larval;

	memcpy(&e, head, sizeof(e));
	r = sa_of(&e.state, &f->sa_gone.sa);
	if (r != PARSE_OK)
		return r;
	f->type = e.hard ? FACT_SA_GONE : FACT_SA_SOFT;
	f->sa_gone.how = GONE_EXPIRED;
	larval = f->sa_gone.sa.larval;
	r = sa_attributes(m, &f->sa_gone.sa);
	f->sa_gone.sa.larval = larval;
	return r;
}

static enum parse_result take_templates(const struct nlattr *a, struct policy *p)
{
	size_t n = attr_size(a) / sizeof(struct xfrm_user_tmpl);
	const char *from = attr_payload(a);

	if (n > POLICY_TEMPLATES || attr_size(a) % sizeof(struct xfrm_user_tmpl))
		return PARSE_MALFORMED;
	for (size_t i = 0; i < n; i++) {
		struct template *to = &p->templates[i];
		struct xfrm_user_tmpl t;

		memcpy(&t, from + i * sizeof(t), sizeof(t));
		if (!family_known(t.family))
			return PARSE_MALFORMED;
		addr_set(&to->src, t.family, &t.saddr);
		addr_set(&to->dst, t.family, &t.id.daddr);
		to->spi = ntohl(t.id.spi);
		to->reqid = t.reqid;
		to->proto = t.id.proto;
		to->mode = t.mode;
		to->optional = t.optional;
	}
	p->n_templates = (uint8_t)n;
	return PARSE_OK;
}

static enum parse_result policy_attribute(const struct nlattr *a, struct policy *p)
{
	struct xfrm_userpolicy_type type;
	enum parse_result r;
	uint8_t flags;

	switch (attr_type(a)) {
	case XFRMA_TMPL:
		return take_templates(a, p);
	case XFRMA_MARK:
		return take_mark(a, &p->mark, &p->mark_mask);
	case XFRMA_IF_ID:
		return take(a, &p->if_id, sizeof(p->if_id));
	case XFRMA_OFFLOAD_DEV:
		return take_offload(a, &p->offload_ifindex, &flags);
	case XFRMA_POLICY_TYPE:
		r = take(a, &type, sizeof(type));
		if (r == PARSE_OK)
			p->type = type.type;
		return r;
	default:
		return PARSE_OK;
	}
}

static enum parse_result policy_of(
	const struct xfrm_userpolicy_info *i, const struct message *m, struct policy *ret)
{
	enum parse_result r;

	if (i->dir > POLICY_SOCKET_OUT || i->action > XFRM_POLICY_BLOCK ||
		!family_known(i->sel.family))
		return PARSE_MALFORMED;
	/* Not the templates: dumps are long, and most policies have one or two. */
	memset(ret, 0, offsetof(struct policy, templates));
	ret->index = i->index;
	ret->priority = i->priority;
	ret->direction = i->dir;
	ret->block = i->action == XFRM_POLICY_BLOCK;
	ret->flags = i->flags;
	ret->added_s = i->curlft.add_time;
	ret->used_s = i->curlft.use_time;
	ret->hard_add_s = i->lft.hard_add_expires_seconds;
	ret->hard_use_s = i->lft.hard_use_expires_seconds;
	r = selector_of(&i->sel, &ret->selector);
	for (const struct nlattr *a = attr_first(m); a && r == PARSE_OK; a = attr_next(m, a))
		r = policy_attribute(a, ret);
	return r;
}

static enum parse_result parse_policy(
	const void *head, const struct message *m, uint8_t op, struct fact *f)
{
	struct xfrm_userpolicy_info info;

	memcpy(&info, head, sizeof(info));
	f->type = FACT_POLICY;
	f->policy.op = op;
	return policy_of(&info, m, &f->policy.policy);
}

static enum parse_result parse_policy_gone(const struct message *m, struct fact *f)
{
	const struct nlattr *a = attr_find(m, XFRMA_POLICY);
	struct xfrm_userpolicy_info info;
	enum parse_result r;

	if (!a)
		return PARSE_TRUNCATED;
	r = take(a, &info, sizeof(info));
	if (r != PARSE_OK)
		return r;
	f->type = FACT_POLICY_GONE;
	f->policy_gone.how = GONE_DELETED;
	return policy_of(&info, m, &f->policy_gone.policy);
}

static enum parse_result parse_policy_expire(
	const void *head, const struct message *m, struct fact *f)
{
	struct xfrm_user_polexpire e;
	enum parse_result r;

	memcpy(&e, head, sizeof(e));
	f->type = FACT_POLICY_GONE;
	f->policy_gone.how = GONE_EXPIRED;
	r = policy_of(&e.pol, m, &f->policy_gone.policy);
	if (r == PARSE_OK && !e.hard)
		return PARSE_NOTHING; /* comes again and again until the hard limit */
	return r;
}

static enum parse_result parse_policy_flush(const struct message *m, struct fact *f)
{
	const struct nlattr *a = attr_find(m, XFRMA_POLICY_TYPE);
	struct xfrm_userpolicy_type type = { 0 };

	f->type = FACT_POLICY_FLUSH;
	if (a && take(a, &type, sizeof(type)) != PARSE_OK)
		return PARSE_TRUNCATED;
	f->policy_flush.type = type.type;
	return PARSE_OK;
}

static enum parse_result parse_default(const void *payload, size_t n, struct fact *f)
{
	uint8_t v[3]; /* struct xfrm_userpolicy_default: in, fwd, out */

	if (n < sizeof(v))
		return PARSE_TRUNCATED;
	memcpy(v, payload, sizeof(v));
	f->type = FACT_POLICY_DEFAULT;
	f->policy_default.block_in = v[0] == XFRM_USERPOLICY_BLOCK_;
	f->policy_default.block_fwd = v[1] == XFRM_USERPOLICY_BLOCK_;
	f->policy_default.block_out = v[2] == XFRM_USERPOLICY_BLOCK_;
	f->policy_default.initial = false;
	return PARSE_OK;
}

static enum parse_result parse_mapping(const void *head, struct fact *f)
{
	struct xfrm_user_mapping v;

	memcpy(&v, head, sizeof(v));
	if (!family_known(v.id.family))
		return PARSE_MALFORMED;
	f->type = FACT_MAPPING;
	f->mapping.old_src = address(v.id.family, &v.old_saddr);
	f->mapping.new_src = address(v.id.family, &v.new_saddr);
	f->mapping.dst = address(v.id.family, &v.id.daddr);
	f->mapping.old_sport = ntohs(v.old_sport);
	f->mapping.new_sport = ntohs(v.new_sport);
	f->mapping.spi = ntohl(v.id.spi);
	f->mapping.reqid = v.reqid;
	return PARSE_OK;
}

static enum parse_result parse_migrate(const void *head, struct fact *f)
{
	struct xfrm_userpolicy_id v;

	memcpy(&v, head, sizeof(v));
	if (v.dir > POLICY_FWD)
		return PARSE_MALFORMED;
	f->type = FACT_MIGRATE;
	f->migrate.direction = (uint8_t)(v.dir + DIRECTION_IN);
	return selector_of(&v.sel, &f->migrate.selector);
}

/* The outer addresses are of the template's family, which may be another than the flow's. */
static enum parse_result parse_acquire(const void *head, const struct message *m, struct fact *f)
{
	const struct nlattr *a = attr_find(m, XFRMA_TMPL);
	struct xfrm_user_acquire v;
	struct xfrm_user_tmpl tmpl;
	uint16_t family;

	memcpy(&v, head, sizeof(v));
	family = v.sel.family;
	if (a) {
		enum parse_result r = take(a, &tmpl, sizeof(tmpl));

		if (r != PARSE_OK)
			return r;
		family = tmpl.family;
	}
	if (!family_known(family))
		return PARSE_MALFORMED;
	f->type = FACT_ACQUIRE;
	memset(&f->acquire, 0, sizeof(f->acquire));
	f->acquire.src = address(family, &v.saddr);
	f->acquire.dst = address(family, &v.id.daddr);
	f->acquire.proto = v.id.proto;
	f->acquire.policy = v.policy.index;
	return selector_of(&v.sel, &f->acquire.selector);
}

static enum parse_result parse_flush(const void *head, struct fact *f)
{
	struct xfrm_usersa_flush v;

	memcpy(&v, head, sizeof(v));
	f->type = FACT_SA_FLUSH;
	f->sa_flush.proto = v.proto == XFRM_PROTO_ANY_IPSEC ? 0 : v.proto;
	return PARSE_OK;
}

static enum parse_result parse_typed(
	uint16_t type, const void *head, const struct message *m, struct fact *f)
{
	switch (type) {
	case XFRM_MSG_NEWSA:
		return parse_sa(head, m, SA_ADDED, f);
	case XFRM_MSG_UPDSA:
		return parse_sa(head, m, SA_UPDATED, f);
	case XFRM_MSG_DELSA:
		return parse_sa_gone(m, f);
	case XFRM_MSG_EXPIRE:
		return parse_expire(head, m, f);
	case XFRM_MSG_FLUSHSA:
		return parse_flush(head, f);
	case XFRM_MSG_NEWPOLICY:
		return parse_policy(head, m, SA_ADDED, f);
	case XFRM_MSG_UPDPOLICY:
		return parse_policy(head, m, SA_UPDATED, f);
	case XFRM_MSG_DELPOLICY:
		return parse_policy_gone(m, f);
	case XFRM_MSG_POLEXPIRE:
		return parse_policy_expire(head, m, f);
	case XFRM_MSG_FLUSHPOLICY:
		return parse_policy_flush(m, f);
	case XFRM_MSG_MAPPING:
		return parse_mapping(head, f);
	case XFRM_MSG_MIGRATE:
		return parse_migrate(head, f);
	case XFRM_MSG_ACQUIRE:
		return parse_acquire(head, m, f);
	default:
		return PARSE_UNKNOWN;
	}
}

static size_t aligned(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

enum parse_result xfrm_parse(const void *message, size_t n, struct fact *ret)
{
	const char *payload = (const char *)message + sizeof(struct nlmsghdr);
	struct nlmsghdr h;
	struct message m;
	int head;

	if (n < sizeof(h))
		return PARSE_TRUNCATED;
	memcpy(&h, message, sizeof(h));
	n -= sizeof(h);
	head = xfrm_head_size(h.nlmsg_type);
	if (head < 0 && h.nlmsg_type != XFRM_MSG_GETDEFAULT_)
		return PARSE_UNKNOWN;
	/* What each message is told as is set below; most of the union is for others. */
	memset(ret, 0, offsetof(struct fact, sa));
	ret->source = SOURCE_XFRM;
	if (h.nlmsg_type == XFRM_MSG_GETDEFAULT_)
		return parse_default(payload, n, ret);
	if (n < (size_t)head)
		return PARSE_TRUNCATED;
	/* The head's padding may be missing when no attribute follows. */
	m.attrs = (const void *)(payload + aligned((size_t)head));
	m.n = n > aligned((size_t)head) ? n - aligned((size_t)head) : 0;
	if (!attrs_whole(&m))
		return PARSE_TRUNCATED;
	return parse_typed(h.nlmsg_type, payload, &m, ret);
}

/* A counts message: u32 flags, then attributes of their own numbering. */
static enum parse_result count_attribute(
	const void *message, size_t n, uint16_t type, void *ret, size_t size)
{
	const char *payload = (const char *)message + sizeof(struct nlmsghdr);
	const struct nlattr *a;
	struct message m;

	if (n < sizeof(struct nlmsghdr) + sizeof(uint32_t))
		return PARSE_TRUNCATED;
	m.attrs = (const void *)(payload + sizeof(uint32_t));
	m.n = n - sizeof(struct nlmsghdr) - sizeof(uint32_t);
	a = attr_find(&m, type);
	return a ? take(a, ret, size) : PARSE_TRUNCATED;
}

enum parse_result xfrm_parse_sad_count(const void *message, size_t n, uint64_t *ret)
{
	uint32_t count;
	enum parse_result r = count_attribute(message, n, XFRMA_SAD_CNT, &count, sizeof(count));

	if (r == PARSE_OK)
		*ret = count;
	return r;
}

enum parse_result xfrm_parse_spd_count(
	const void *message, size_t n, uint64_t *ret, uint64_t *ret_sockets)
{
	struct xfrmu_spdinfo v;
	enum parse_result r = count_attribute(message, n, XFRMA_SPD_INFO, &v, sizeof(v));

	if (r != PARSE_OK)
		return r;
	*ret = (uint64_t)v.incnt + v.outcnt + v.fwdcnt;
	*ret_sockets = (uint64_t)v.inscnt + v.outscnt + v.fwdscnt;
	return PARSE_OK;
}
