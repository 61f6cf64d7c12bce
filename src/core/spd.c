/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"

/*
 * The policies that are there, by netns and index. Of struct policy most is room: for IPv6, and for
 * six templates. What is kept has addresses and templates as long as they are, and what few have
 * (ports, marks …) only where it is: a fifth of it.
 *
 * The kernel gives out indices in sequence (in steps of 8; below are the direction's bits) and
 * lists policies in that order, so those that come one after the other lie beside each other: a
 * block is found once for all of its policies. With a table of single policies a look into it is a
 * cache miss, and a third of what reading a million of them costs.
 */

#define TEMPLATE_SIZE 11 /* without its addresses */
#define STEP 8 /* of indices */
_Static_assert(sizeof(struct ledger_policy) + 48 + 2 * 18 + POLICY_TEMPLATES * (2 * 17 + 11) <=
		       POOL_OBJECT_MAX,
	"the largest policy finds room in a pool");

/* What most policies have none of. */
struct spd_rare {
	uint64_t hard_add_s, hard_use_s;
	uint32_t if_id, mark, mark_mask, offload_ifindex, ifindex;
	uint16_t sport, sport_mask, dport, dport_mask;
};

static size_t addr_size(const struct addr *a)
{
	return 1 + addr_bits(a) / 8;
}

static void rare_of(const struct policy *p, struct spd_rare *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->hard_add_s = p->hard_add_s;
	ret->hard_use_s = p->hard_use_s;
	ret->if_id = p->if_id;
	ret->mark = p->mark;
	ret->mark_mask = p->mark_mask;
	ret->offload_ifindex = p->offload_ifindex;
	ret->ifindex = p->selector.ifindex;
	ret->sport = p->selector.sport;
	ret->sport_mask = p->selector.sport_mask;
	ret->dport = p->selector.dport;
	ret->dport_mask = p->selector.dport_mask;
}

static bool is_rare(const struct policy *p)
{
	const struct selector *s = &p->selector;

	return (p->hard_add_s | p->hard_use_s) != 0 ||
	       (p->if_id | p->mark | p->mark_mask | p->offload_ifindex | s->ifindex) != 0 ||
	       (s->sport | s->sport_mask | s->dport | s->dport_mask) != 0;
}

static size_t octets_of(const struct policy *p, bool rare)
{
	size_t n = addr_size(&p->selector.src.addr) + addr_size(&p->selector.dst.addr) + 2;

	for (unsigned i = 0; i < p->n_templates; i++)
		n += addr_size(&p->templates[i].src) + addr_size(&p->templates[i].dst) +
		     TEMPLATE_SIZE;
	return n + (rare ? sizeof(struct spd_rare) : 0);
}

static uint8_t *put_addr(uint8_t *at, const struct addr *a)
{
	*at = a->family;
	if (a->family == AF_INET)
		memcpy(at + 1, a->octets, 4);
	else if (a->family == AF_INET6)
		memcpy(at + 1, a->octets, 16);
	return at + addr_size(a);
}

static uint8_t *put_u32(uint8_t *at, uint32_t v)
{
	memcpy(at, &v, sizeof(v));
	return at + sizeof(v);
}

static uint8_t *put_template(uint8_t *at, const struct template *t)
{
	at = put_addr(at, &t->src);
	at = put_addr(at, &t->dst);
	at = put_u32(at, t->spi);
	at = put_u32(at, t->reqid);
	*at++ = t->proto;
	*at++ = t->mode;
	*at++ = t->optional;
	return at;
}

static void fill(struct ledger_policy *l, const struct policy *p, bool rare)
{
	const struct selector *s = &p->selector;
	uint8_t *at = l->octets;

	l->netns = p->netns;
	l->added_s = p->added_s;
	l->used_s = p->used_s;
	l->index = p->index;
	l->priority = p->priority;
	l->direction = p->direction;
	l->type = p->type;
	l->flags = p->flags;
	l->proto = s->proto;
	l->n_templates = p->n_templates;
	l->block = p->block;
	l->rare = rare;
	if (rare) {
		struct spd_rare r;

		rare_of(p, &r);
		memcpy(at, &r, sizeof(r));
		at += sizeof(r);
	}
	at = put_addr(at, &s->src.addr);
	*at++ = s->src.length;
	at = put_addr(at, &s->dst.addr);
	*at++ = s->dst.length;
	for (unsigned i = 0; i < p->n_templates; i++)
		at = put_template(at, &p->templates[i]);
}

static struct policy_key block_of(uint64_t netns, uint32_t index)
{
	return (struct policy_key){ .netns = netns, .index = index - index % (STEP * SPD_PLACES) };
}

static bool is_block(const struct spd_block *b, const struct policy_key *key)
{
	return b && b->key.netns == key->netns && b->key.index == key->index;
}

/* The place of that index in the block: the first of those that share it. */
static struct ledger_policy **place(struct spd_block *b, uint32_t index)
{
	return &b->places[index / STEP % SPD_PLACES];
}

static struct ledger_policy **find(struct spd_block *b, uint32_t index)
{
	struct ledger_policy **at = place(b, index);

	while (*at && (*at)->index != index)
		at = &(*at)->next;
	return at;
}

struct ledger_policy *spd_find(const struct core *c, uint64_t netns, uint32_t index)
{
	struct policy_key key = block_of(netns, index);
	struct spd_block *b = c->spd_recent;

	if (!is_block(b, &key))
		b = map_get(c->spd, &key);
	return b ? *find(b, index) : NULL;
}

/* The block for that index, made if there is none. */
static struct spd_block *block_for(struct core *c, uint64_t netns, uint32_t index)
{
	struct policy_key key = block_of(netns, index);
	struct spd_block *b = c->spd_recent;

	if (is_block(b, &key))
		return b;
	b = map_get(c->spd, &key);
	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b || map_put(c->spd, &key, b) < 0) {
			free(b);
			return NULL;
		}
		b->key = key;
	}
	c->spd_recent = b;
	return b;
}

static void remove_block(struct core *c, struct spd_block *b)
{
	if (c->spd_recent == b)
		c->spd_recent = NULL;
	map_remove(c->spd, &b->key);
	free(b);
}

static size_t whole(size_t octets)
{
	return offsetof(struct ledger_policy, octets) + octets;
}

struct ledger_policy *spd_put(struct core *c, const struct policy *p)
{
	bool rare = is_rare(p);
	size_t size = octets_of(p, rare);
	struct spd_block *b = block_for(c, p->netns, p->index);
	struct ledger_policy **at = b ? find(b, p->index) : NULL;
	struct ledger_policy *l = at ? *at : NULL, *fresh = NULL;

	if (!b)
		return NULL;
	if (l && l->size == size) {
		fill(l, p, rare);
		return l;
	}
	if (l || c->n_policies < LIMIT_POLICIES)
		fresh = pool_take(&c->policies, whole(size));
	if (!fresh) {
		if (b->n == 0)
			remove_block(c, b);
		return NULL;
	}
	if (l) {
		*fresh = *l;
		pool_give(&c->policies, l, whole(l->size));
	} else {
		*fresh = (struct ledger_policy){ 0 };
		b->n++;
		c->n_policies++;
	}
	*at = fresh;
	fresh->size = (uint16_t)size;
	fill(fresh, p, rare);
	return fresh;
}

void spd_remove(struct core *c, struct ledger_policy *l)
{
	struct policy_key key = block_of(l->netns, l->index);
	struct spd_block *b = map_get(c->spd, &key);

	*find(b, l->index) = l->next;
	pool_give(&c->policies, l, whole(l->size));
	c->n_policies--;
	if (--b->n == 0)
		remove_block(c, b);
}

struct ledger_policy *spd_next(const struct core *c, struct spd_cursor *at)
{
	struct ledger_policy *l = at->next;

	if (!at->in) {
		at->in = map_next(c->spd, &at->block, NULL);
		if (!at->in)
			return NULL;
		at->place = 0;
		at->left = at->in->n;
	}
	while (!l)
		l = at->in->places[at->place++];
	at->next = l->next;
	/* Removing the last policy of a block frees the block. */
	if (--at->left == 0)
		at->in = NULL;
	return l;
}

void spd_free(struct core *c)
{
	struct ledger_policy *l;

	if (!c->spd)
		return;
	for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at));)
		spd_remove(c, l);
	c->spd = map_free(c->spd);
	pool_done(&c->policies);
}

static const uint8_t *get_addr(const uint8_t *at, struct addr *ret)
{
	addr_set(ret, *at, at + 1);
	return at + addr_size(ret);
}

static const uint8_t *get_u32(const uint8_t *at, uint32_t *ret)
{
	memcpy(ret, at, sizeof(*ret));
	return at + sizeof(*ret);
}

static const uint8_t *get_template(const uint8_t *at, struct template *ret)
{
	at = get_addr(at, &ret->src);
	at = get_addr(at, &ret->dst);
	at = get_u32(at, &ret->spi);
	at = get_u32(at, &ret->reqid);
	ret->proto = *at++;
	ret->mode = *at++;
	ret->optional = *at++;
	return at;
}

static void get_rare(const uint8_t *at, struct policy *ret)
{
	struct spd_rare rare;

	memcpy(&rare, at, sizeof(rare));
	ret->hard_add_s = rare.hard_add_s;
	ret->hard_use_s = rare.hard_use_s;
	ret->if_id = rare.if_id;
	ret->mark = rare.mark;
	ret->mark_mask = rare.mark_mask;
	ret->offload_ifindex = rare.offload_ifindex;
	ret->selector.ifindex = rare.ifindex;
	ret->selector.sport = rare.sport;
	ret->selector.sport_mask = rare.sport_mask;
	ret->selector.dport = rare.dport;
	ret->selector.dport_mask = rare.dport_mask;
}

void spd_get(const struct ledger_policy *l, struct policy *ret)
{
	const uint8_t *at = l->octets;
	struct selector *s = &ret->selector;

	*ret = (struct policy){
		.netns = l->netns,
		.index = l->index,
		.priority = l->priority,
		.direction = l->direction,
		.type = l->type,
		.block = l->block,
		.flags = l->flags,
		.selector = { .proto = l->proto },
		.n_templates = l->n_templates,
		.added_s = l->added_s,
		.used_s = l->used_s,
	};
	if (l->rare) {
		get_rare(at, ret);
		at += sizeof(struct spd_rare);
	}
	at = get_addr(at, &s->src.addr);
	s->src.length = *at++;
	at = get_addr(at, &s->dst.addr);
	s->dst.length = *at++;
	for (unsigned i = 0; i < l->n_templates; i++)
		at = get_template(at, &ret->templates[i]);
}
