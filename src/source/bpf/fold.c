/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "source/bpf/internal.h"

/*
 * The maps count every drop, the ring samples some. What was sampled is told one by one; what the
 * map has beyond that is told as a sum, so that nothing is told twice and nothing is left out, also
 * when samples were lost. A drop is counted a moment before its sample is in the ring: between
 * reading the map and telling the sums the caller waits until what was counted is sampled.
 */

#define MAPS 3

struct told {
	struct drop_key key;
	uint64_t samples; /* told one by one */
	uint64_t sums; /* told in sums */
	uint64_t upto; /* ordinals up to here are told, as whatever */
	struct drop_value counted; /* as the map was last read */
};

struct sad_told {
	struct sad_key key;
	uint64_t count;
};

struct fold {
	const struct kernel *kernel;
	struct source_sink sink;
	struct map *maps[MAPS];
	struct map *sad;
	uint64_t told;
};

int fold_new(const struct kernel *k, const struct source_sink *sink, struct fold **ret)
{
	static const size_t limits[MAPS] = { DROPS_KEYS, DROPS_KEYS, DROPS_OVERFLOW };
	struct fold *f = calloc(1, sizeof(*f));
	uint64_t seed = 0;
	int r = f ? 0 : -ENOMEM;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = clock_boot_ns();
	for (unsigned i = 0; i < MAPS && r == 0; i++)
		r = map_new(sizeof(struct drop_key), limits[i], seed, &f->maps[i]);
	if (r == 0)
		r = map_new(sizeof(struct sad_key), DROPS_NETNS * 8, seed, &f->sad);
	if (r < 0) {
		fold_free(f);
		return r;
	}
	f->kernel = k;
	f->sink = *sink;
	*ret = f;
	return 0;
}

struct fold *fold_free(struct fold *f)
{
	if (!f)
		return NULL;
	for (unsigned i = 0; i < MAPS; i++)
		f->maps[i] = map_free_all(f->maps[i]);
	map_free_all(f->sad);
	free(f);
	return NULL;
}

void fold_forget(struct fold *f, unsigned map)
{
	struct told *t;

	for (size_t at = 0; (t = map_next(f->maps[map], &at, NULL));) {
		map_remove(f->maps[map], &t->key);
		free(t);
	}
}

size_t fold_keys(const struct fold *f, unsigned map)
{
	return map_count(f->maps[map]);
}

static struct told *told_of(struct fold *f, unsigned map, const struct drop_key *key)
{
	struct told *t = map_get(f->maps[map], key);

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t || map_put(f->maps[map], key, t) < 0) {
		free(t);
		return NULL;
	}
	t->key = *key;
	return t;
}

static uint8_t direction_of(uint8_t dir)
{
	static const uint8_t directions[] = { DIRECTION_IN, DIRECTION_OUT, DIRECTION_FWD };

	return dir < ARRAY_LEN(directions) ? directions[dir] : DIRECTION_UNKNOWN;
}

static struct addr addr_from(uint8_t family, const uint8_t octets[16])
{
	struct addr a = { .family = family };

	if (family == AF_INET)
		memcpy(a.octets, octets, 4);
	else if (family == AF_INET6)
		memcpy(a.octets, octets, 16);
	else
		a.family = 0;
	return a;
}

static bool is_ipsec(uint8_t proto)
{
	return proto == IPPROTO_ESP || proto == IPPROTO_AH || proto == IPPROTO_COMP;
}

/* The kernel stamps with the boot clock; both clocks are read now. */
static uint64_t real_us_of(uint64_t boot_ns)
{
	uint64_t now_ns = clock_boot_ns(), now_us = clock_real_us();
	uint64_t ago_us = now_ns > boot_ns ? (now_ns - boot_ns) / 1000 : 0;

	return now_us > ago_us ? now_us - ago_us : 0;
}

/* What the key says. False: of no line that we know. */
static bool fact_from_key(const struct fold *f, const struct drop_key *k, struct fact *ret)
{
	const char *name;

	if (k->counter >= f->kernel->n_lines)
		return false;
	name = f->kernel->lines[k->counter].name;
	if (name[0] == '\0')
		return false;
	*ret = (struct fact){ .type = FACT_DROP, .source = SOURCE_BPF, .netns = k->netns };
	memcpy(ret->drop.counter, name, sizeof(ret->drop.counter));
	ret->drop.kind = k->kind < DROP_N ? k->kind : DROP_PLAIN;
	ret->drop.direction = k->family ? direction_of(k->dir) : DIRECTION_UNKNOWN;
	ret->drop.src = addr_from(k->family, k->src);
	ret->drop.dst = addr_from(k->family, k->dst);
	ret->drop.proto = k->proto;
	ret->drop.has_spi = k->spi != 0 || is_ipsec(k->proto);
	ret->drop.spi = k->spi;
	ret->drop.has_ports = k->sport != 0 || k->dport != 0;
	ret->drop.sport = k->sport;
	ret->drop.dport = k->dport;
	return true;
}

void fold_sample(struct fold *f, const struct drop_sample *s)
{
	struct told *t = told_of(f, s->generation & 1, &s->key);
	struct fact fact;

	/* One that comes behind the sum that has it already, or of a line that we don't know. */
	if (!t || s->ordinal <= t->upto || !fact_from_key(f, &s->key, &fact))
		return;
	t->samples++;
	fact.drop.sampled = true;
	fact.drop.count = 1;
	fact.drop.first_us = fact.drop.last_us = real_us_of(s->boot_ns);
	fact.drop.has_seqno = s->has & DROP_HAS_SEQNO;
	fact.drop.seqno = s->seqno;
	fact.drop.seqno_hi = s->seqno_hi;
	fact.drop.has_flowlabel = s->has & DROP_HAS_FLOWLABEL;
	fact.drop.flowlabel = s->flowlabel;
	fact.drop.has_ports = s->has & DROP_HAS_PORTS;
	fact.drop.sport = s->sport;
	fact.drop.dport = s->dport;
	fact.drop.has_sa = s->has & DROP_HAS_SA;
	fact.drop.reqid = s->reqid;
	fact.drop.if_id = s->if_id;
	fact.drop.has_policy = s->has & DROP_HAS_POLICY;
	fact.drop.policy = s->policy_index;
	fact.drop.priority = s->policy_priority;
	fact.drop.inner_proto = s->inner_proto <= UINT8_MAX ? (uint8_t)s->inner_proto : 0;
	fact.drop.ifindex = s->ifindex;
	fact.drop.mark = s->mark;
	f->told++;
	f->sink.emit(f->sink.userdata, &fact);
}

void fold_count(struct fold *f, unsigned map, const struct drop_key *k, const struct drop_value *v)
{
	struct told *t = told_of(f, map, k);

	if (t)
		t->counted = *v;
}

static uint64_t untold(const struct told *t)
{
	uint64_t told = t->samples + t->sums;

	return t->counted.count > told ? t->counted.count - told : 0;
}

bool fold_awaits(const struct fold *f, unsigned map, uint32_t first_packets)
{
	const struct told *t;

	for (size_t at = 0; (t = map_next(f->maps[map], &at, NULL));) {
		if (untold(t) && t->upto < first_packets)
			return true;
	}
	return false;
}

static void tell_sum(struct fold *f, struct told *t)
{
	const struct drop_value *v = &t->counted;
	struct fact fact;

	if (untold(t) == 0 || !fact_from_key(f, &t->key, &fact))
		return;
	fact.drop.count = untold(t);
	fact.drop.first_us = real_us_of(t->samples + t->sums == 0 ? v->first_ns : v->last_ns);
	fact.drop.last_us = real_us_of(v->last_ns);
	t->sums += fact.drop.count;
	t->upto = v->count;
	f->told += fact.drop.count;
	f->sink.emit(f->sink.userdata, &fact);
}

void fold_tell(struct fold *f, unsigned map)
{
	struct told *t;

	for (size_t at = 0; (t = map_next(f->maps[map], &at, NULL));)
		tell_sum(f, t);
}

void fold_sad(struct fold *f, const struct sad_key *k, uint64_t count)
{
	struct sad_told *t = map_get(f->sad, k);
	struct fact fact = { .type = FACT_SAD_RESULT, .source = SOURCE_BPF, .netns = k->netns };

	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t || map_put(f->sad, k, t) < 0) {
			free(t);
			return;
		}
	}
	if (count <= t->count)
		return;
	fact.sad_result.op = (uint8_t)k->op;
	fact.sad_result.error = (uint32_t)(k->error < 0 ? -k->error : 0);
	fact.sad_result.count = count - t->count;
	t->count = count;
	f->sink.emit(f->sink.userdata, &fact);
}

uint64_t fold_told(const struct fold *f)
{
	return f->told;
}
