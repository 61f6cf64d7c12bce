/* SPDX-License-Identifier: Apache-2.0 */
#include "main/observe/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE 65536

struct entry {
	uint64_t seq;
	uint32_t n; /* octets behind this head */
	uint32_t claim;
};

struct chunk {
	struct chunk *next;
	uint64_t last_seq;
	size_t used, size;
	unsigned n_claims;
	uint8_t octets[] __attribute__((aligned(8)));
};

struct queue {
	size_t limit, octets; /* of the chunks' used parts */
	struct chunk *first, *last;
	uint64_t acked;
	uint64_t claims_lost;
	/* what is sent next: an entry of a chunk, and how much of it went already */
	struct chunk *at;
	size_t at_offset, at_sent;
};

static size_t padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static size_t entry_size(const struct entry *e)
{
	return sizeof(*e) + padded(e->n);
}

static struct entry *entry_at(struct chunk *c, size_t offset)
{
	return (struct entry *)(void *)(c->octets + offset);
}

int queue_new(size_t limit, struct queue **ret)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->limit = limit;
	*ret = q;
	return 0;
}

struct queue *queue_free(struct queue *q)
{
	if (!q)
		return NULL;
	while (q->first) {
		struct chunk *c = q->first;

		q->first = c->next;
		free(c);
	}
	free(q);
	return NULL;
}

/* Moves the cursor off the end of its chunk. */
static void settle_cursor(struct queue *q)
{
	while (q->at && q->at_offset == q->at->used && q->at->next) {
		q->at = q->at->next;
		q->at_offset = 0;
	}
}

static void drop_first(struct queue *q)
{
	struct chunk *c = q->first;

	if (q->at == c) {
		q->at = c->next;
		q->at_offset = q->at_sent = 0;
	}
	q->first = c->next;
	if (!q->first)
		q->last = NULL;
	q->octets -= c->used;
	free(c);
}

static void remove_claims(struct queue *q, struct chunk *c)
{
	size_t to = 0;

	for (size_t from = 0; from < c->used;) {
		struct entry *e = entry_at(c, from);
		size_t n = entry_size(e);

		if (!e->claim) {
			memmove(c->octets + to, e, n);
			to += n;
		}
		from += n;
	}
	q->claims_lost += c->n_claims;
	q->octets -= c->used - to;
	c->used = to;
	c->n_claims = 0;
}

/*
 * Gives memory back by removing claims, oldest first; never from the chunk that is being sent,
 * whose octets the core has half of, nor from the newest. A chunk shrinks to what is left in it.
 */
static void make_room(struct queue *q, size_t n)
{
	struct chunk **link = &q->first;

	while (*link && *link != q->last && q->octets + n > q->limit) {
		struct chunk *c = *link, *smaller;

		if (c == q->at || c->n_claims == 0) {
			link = &c->next;
			continue;
		}
		remove_claims(q, c);
		if (c->used == 0) {
			*link = c->next;
			free(c);
			continue;
		}
		smaller = realloc(c, sizeof(*c) + c->used);
		if (smaller) {
			smaller->size = smaller->used;
			*link = smaller;
		}
		link = &(*link)->next;
	}
}

static struct chunk *chunk_add(struct queue *q, size_t n)
{
	size_t size = n > CHUNK_SIZE ? n : CHUNK_SIZE;
	struct chunk *c = malloc(sizeof(*c) + size);

	if (!c)
		return NULL;
	*c = (struct chunk){ .size = size };
	if (q->last)
		q->last->next = c;
	else
		q->first = c;
	q->last = c;
	if (!q->at) {
		q->at = c;
		q->at_offset = q->at_sent = 0;
	}
	return c;
}

int queue_put(struct queue *q, uint64_t seq, bool claim, struct span octets)
{
	struct entry e = { .seq = seq, .n = (uint32_t)octets.n, .claim = claim };
	size_t n = entry_size(&e);
	struct chunk *c = q->last;

	if (q->octets + n > q->limit)
		make_room(q, n);
	if (q->octets + n > q->limit) {
		q->claims_lost += claim;
		return -ENOSPC;
	}
	if (!c || c->size - c->used < n)
		c = chunk_add(q, n);
	if (!c) {
		q->claims_lost += claim;
		return -ENOMEM;
	}
	memcpy(c->octets + c->used, &e, sizeof(e));
	memcpy(c->octets + c->used + sizeof(e), octets.p, octets.n);
	c->used += n;
	c->last_seq = seq;
	c->n_claims += claim;
	q->octets += n;
	return 0;
}

void queue_ack(struct queue *q, uint64_t seq)
{
	if (seq > q->acked)
		q->acked = seq;
	while (q->first && q->first->last_seq <= q->acked)
		drop_first(q);
}

unsigned queue_next(struct queue *q, struct iovec *parts, unsigned n)
{
	struct chunk *c;
	size_t offset, sent;
	unsigned i = 0;

	settle_cursor(q);
	c = q->at;
	offset = q->at_offset;
	sent = q->at_sent;
	while (c && i < n) {
		struct entry *e;

		if (offset == c->used) {
			c = c->next;
			offset = 0;
			continue;
		}
		e = entry_at(c, offset);
		parts[i].iov_base = (uint8_t *)(e + 1) + sent;
		parts[i].iov_len = e->n - sent;
		i++;
		sent = 0;
		offset += entry_size(e);
	}
	return i;
}

void queue_sent(struct queue *q, size_t n)
{
	while (n > 0) {
		struct entry *e;
		size_t left;

		settle_cursor(q);
		e = entry_at(q->at, q->at_offset);
		left = e->n - q->at_sent;
		if (n < left) {
			q->at_sent += n;
			return;
		}
		n -= left;
		q->at_sent = 0;
		q->at_offset += entry_size(e);
	}
	settle_cursor(q);
}

void queue_rewind(struct queue *q)
{
	q->at = q->first;
	q->at_offset = q->at_sent = 0;
	/* Of the oldest chunk a part may be acknowledged. */
	while (q->at && q->at_offset < q->at->used &&
		entry_at(q->at, q->at_offset)->seq <= q->acked)
		q->at_offset += entry_size(entry_at(q->at, q->at_offset));
}

size_t queue_octets(const struct queue *q)
{
	return q->octets;
}

bool queue_all_sent(const struct queue *q)
{
	return !q->at || (!q->at->next && q->at_offset == q->at->used);
}

uint64_t queue_claims_lost(const struct queue *q)
{
	return q->claims_lost;
}
