/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timetext.h"
#include "core/internal.h"
#include "core/verdict.h"

#define TUNNELS_JUDGED 8 /* of one peer; of more only their number is told */

static struct spi_key key_of(const struct addr *dst, uint32_t spi)
{
	return (struct spi_key){ .dst = *dst, .spi = spi };
}

struct spi *spis_find(const struct core *c, const struct addr *dst, uint32_t spi)
{
	struct spi_key key = key_of(dst, spi);

	return map_get(c->spis, &key);
}

/* The same, new where there is none; NULL: no room. */
static struct spi *get(struct core *c, const struct addr *dst, uint32_t spi)
{
	struct spi_key key = key_of(dst, spi);
	struct spi *s = map_get(c->spis, &key);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s || map_put(c->spis, &key, s) < 0) {
		free(s);
		c->refused++;
		return NULL;
	}
	s->key = key;
	return s;
}

void spis_born(struct core *c, struct ledger_sa *sa)
{
	struct spi *s = sa->sa.spi ? get(c, &sa->sa.dst, sa->sa.spi) : NULL;

	if (!s)
		return;
	sa->next_spi = s->living;
	s->living = sa;
}

static void add_life(struct spi *s, const struct spi_life *life)
{
	memmove(&s->lives[1], &s->lives[0], (SPI_LIVES - 1) * sizeof(s->lives[0]));
	s->lives[0] = *life;
	if (s->n_lives < SPI_LIVES)
		s->n_lives++;
}

void spis_died(struct core *c, struct ledger_sa *sa, enum spi_fate fate)
{
	struct spi *s = sa->sa.spi ? spis_find(c, &sa->sa.dst, sa->sa.spi) : NULL;
	struct spi_life life = { .netns = sa->sa.netns,
		.born_us = sa->sa.added_s * 1000000,
		.died_us = c->now_us,
		.src = sa->sa.src,
		.proto = sa->sa.proto,
		.fate = (uint8_t)fate };

	if (!s)
		return;
	for (struct ledger_sa **at = &s->living; *at; at = &(*at)->next_spi) {
		if (*at == sa) {
			*at = sa->next_spi;
			break;
		}
	}
	add_life(s, &life);
}

void spis_restore(struct core *c, const struct fact *f)
{
	struct spi *s = get(c, &f->restore_spi.dst, f->restore_spi.spi);
	struct spi_life life = { .born_us = f->restore_spi.born_us,
		.died_us = f->restore_spi.died_us,
		.src = f->restore_spi.src,
		.proto = f->restore_spi.proto,
		.fate = f->restore_spi.how,
		.earlier_run = true };
	uint64_t known_us = life.born_us ? life.born_us : life.died_us;

	if (known_us && known_us < c->spis_since_us)
		c->spis_since_us = known_us;
	if (s && life.fate != SPI_ALIVE)
		add_life(s, &life);
}

static const char *fate_name(unsigned fate)
{
	static const char *const names[] = { "alive", "deleted", "expired", "flushed",
		"gone unseen" };

	return fate < ARRAY_LEN(names) ? names[fate] : "gone";
}

/*
 * How the tunnels with this peer do: a stray packet beside one that is up informs, no more. Of
 * several the answer counts those that are up.
 */
static void answer_tunnels(struct core *c, struct event *e, uint64_t cookie, const struct addr *dst)
{
	unsigned n = 0, n_up = 0;
	struct tunnel *first = c->ike->n_tunnels > 0 && e->src.family
				       ? tunnel_between(c, cookie, dst, &e->src, &n)
				       : NULL;
	struct tunnel_cursor at = { 0 };
	struct verdict verdict;
	char text[sizeof(first->name) + 64];

	if (n == 1) {
		verdict_of(c, first, &verdict);
		(void)snprintf(text, sizeof(text), "tunnel %s is %s", first->name, verdict.word);
		n_up = strcmp(verdict.word, "up") == 0;
	} else if (n > 1 && n <= TUNNELS_JUDGED) {
		for (const struct tunnel *t; (t = tunnel_next(c, &at));) {
			if (t->netns != cookie || !addr_equal(&t->local, dst) ||
				!addr_equal(&t->remote, &e->src))
				continue;
			verdict_of(c, t, &verdict);
			n_up += strcmp(verdict.word, "up") == 0;
		}
		(void)snprintf(
			text, sizeof(text), "%u of %u tunnels with this peer are up", n_up, n);
	} else if (n > 1) {
		(void)snprintf(text, sizeof(text), "there are %u tunnels with this peer", n);
	} else {
		return;
	}
	detail_text(e, "tunnel_state", text);
	if (n == n_up)
		e->level = "information";
}

void spis_answer(
	struct core *c, struct event *e, uint64_t cookie, const struct addr *dst, uint32_t spi)
{
	struct spi *s = spis_find(c, dst, spi);
	char text[160];
	char when[TIME_TEXT_SIZE];

	if (s && s->n_lives > 0) {
		const struct spi_life *life = &s->lives[0];
		uint64_t age_s =
			c->now_us > life->died_us ? (c->now_us - life->died_us) / 1000000 : 0;

		(void)snprintf(text, sizeof(text), "ours until %llu s ago, %s%s",
			(unsigned long long)age_s, fate_name(life->fate),
			life->earlier_run ? " (before the monitor's restart)" : "");
		detail_text(e, "history", text);
		detail_text(e, "fate", fate_name(life->fate));
		detail_text(e, "died", time_format(life->died_us, when));
		if (life->born_us)
			detail_text(e, "born", time_format(life->born_us, when));
	} else if (s && s->living) {
		(void)snprintf(text, sizeof(text),
			"an SA with this SPI is there now: installed later, or of "
			"another protocol, mark or network namespace");
		detail_text(e, "history", text);
	} else {
		/* To the second: 2026-01-31T12:00:00 is 19 characters. */
		(void)snprintf(text, sizeof(text), "not ours since %.19sZ",
			time_format(c->spis_since_us, when));
		detail_text(e, "history", text);
	}
	answer_tunnels(c, e, cookie, dst);
}
