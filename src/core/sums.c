/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

/* What SAs add up to, followed as they change, so that asking costs the same at any number. */

static bool has_cipher(const struct sa *sa)
{
	return sa->proto == IPPROTO_ESP && sa->encryption[0] &&
	       !strstr(sa->encryption, "cipher_null");
}

static bool has_integrity(const struct sa *sa)
{
	if (sa->proto == IPPROTO_AH)
		return true;
	return sa->proto == IPPROTO_ESP &&
	       (sa->aead || (sa->integrity[0] && !strstr(sa->integrity, "digest_null")));
}

static bool is_tunnel(unsigned mode)
{
	return mode == IPSEC_TUNNEL || mode == IPSEC_BEET || mode == IPSEC_IPTFS;
}

static bool is_of_kind(const struct sa *sa, enum carried_kind kind)
{
	/* What IPComp makes smaller is carried by the SA around it. */
	bool carries = sa->proto == IPPROTO_ESP || sa->proto == IPPROTO_AH;

	switch (kind) {
	case CARRIED_ALL:
		return true;
	case CARRIED_CONFIDENTIAL:
		return has_cipher(sa);
	case CARRIED_AUTHENTICATED:
		return has_integrity(sa);
	case CARRIED_TRANSPORT:
		return carries && sa->mode == IPSEC_TRANSPORT;
	case CARRIED_TUNNEL:
		return carries && is_tunnel(sa->mode);
	case CARRIED_OFFLOADED:
		return carries && sa->offload_ifindex != 0;
	default:
		return false;
	}
}

/* sign: 1 or -1; sums wrap as unsigned numbers do. */
static void carry(struct carried *sum, const struct sa *sa, uint64_t sign)
{
	unsigned direction = sa->direction == DIRECTION_OUT ? CARRIED_OUT : CARRIED_IN;

	sum->integrity_failed += sign * sa->integrity_failed;
	if (sa->direction != DIRECTION_IN && sa->direction != DIRECTION_OUT)
		return;
	sum->packets[direction] += sign * sa->packets;
	for (unsigned kind = 0; kind < CARRIED_N; kind++) {
		if (is_of_kind(sa, kind))
			sum->bytes[kind][direction] += sign * sa->bytes;
	}
}

static void group_key(const struct sa *sa, struct sa_group_key *ret)
{
	bool ordered = memcmp(&sa->src, &sa->dst, sizeof(sa->src)) <= 0;

	memset(ret, 0, sizeof(*ret)); /* padding: the map compares octets */
	ret->netns = sa->netns;
	ret->low = ordered ? sa->src : sa->dst;
	ret->high = ordered ? sa->dst : sa->src;
	ret->proto = sa->proto;
	ret->mode = sa->mode;
	ret->reqid = sa->reqid;
	ret->if_id = sa->if_id;
}

static uint64_t pairs_of(const struct sa_group *g)
{
	uint64_t in = g->n[DIRECTION_IN], out = g->n[DIRECTION_OUT];

	return (in > out ? in : out) + (g->n[DIRECTION_UNKNOWN] + 1) / 2;
}

static void count_pairs(struct netns *ns, const struct sa_group *g, uint64_t sign)
{
	uint64_t n = sign * pairs_of(g);

	ns->gauges.pairs += n;
	if (is_tunnel(g->key.mode))
		ns->gauges.tunnels += n;
	if (g->key.mode == IPSEC_BEET)
		ns->gauges.beet += n;
	if (g->key.mode == IPSEC_IPTFS)
		ns->gauges.iptfs += n;
}

static struct sa_group *group_of(struct core *c, const struct sa *sa)
{
	struct sa_group_key key;
	struct sa_group *g;

	group_key(sa, &key);
	g = map_get(c->sa_groups, &key);
	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g || map_put(c->sa_groups, &key, g) < 0) {
		free(g);
		c->refused++;
		return NULL;
	}
	g->key = key;
	return g;
}

static void group_join(struct core *c, struct ledger_sa *l)
{
	const struct sa *sa = &l->sa;

	if (sa->larval || (sa->proto != IPPROTO_ESP && sa->proto != IPPROTO_AH))
		return;
	l->group = group_of(c, sa);
	if (!l->group)
		return;
	l->group_direction = sa->direction <= DIRECTION_OUT ? sa->direction : DIRECTION_UNKNOWN;
	count_pairs(l->ns, l->group, (uint64_t)-1);
	l->group->n[l->group_direction]++;
	count_pairs(l->ns, l->group, 1);
}

static void group_part(struct core *c, struct ledger_sa *l)
{
	struct sa_group *g = l->group;

	if (!g)
		return;
	l->group = NULL;
	count_pairs(l->ns, g, (uint64_t)-1);
	g->n[l->group_direction]--;
	count_pairs(l->ns, g, 1);
	if (g->n[DIRECTION_UNKNOWN] + g->n[DIRECTION_IN] + g->n[DIRECTION_OUT] == 0)
		free(map_remove(c->sa_groups, &g->key));
}

static void count(struct netns *ns, const struct sa *sa, uint64_t sign)
{
	ns->n_sa += sign;
	ns->n_larval += sign * sa->larval;
	ns->gauges.asking += sign * (sa->larval && sa->spi == 0);
	ns->gauges.offloaded += sign * (!sa->larval && sa->offload_ifindex != 0);
	carry(&ns->living, sa, sign);
}

void sums_put(struct core *c, struct ledger_sa *l)
{
	count(l->ns, &l->sa, 1);
	group_join(c, l);
}

void sums_take(struct core *c, struct ledger_sa *l)
{
	group_part(c, l);
	count(l->ns, &l->sa, (uint64_t)-1);
}

uint64_t sums_group_out(const struct ledger_sa *l)
{
	return l->group ? l->group->n[DIRECTION_OUT] : 0;
}

void sums_bury(struct netns *ns, const struct sa *sa)
{
	carry(&ns->dead, sa, 1);
}
