/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/sqlite/part_private.h"

static int step_number(struct part *p, sqlite3_stmt *s, int64_t none, int64_t *ret)
{
	int code = s ? sqlite3_step(s) : sqlite3_errcode(p->db);

	if (code != SQLITE_ROW && code != SQLITE_DONE) {
		code = sqlite3_extended_errcode(p->db);
		if (s)
			(void)sqlite3_reset(s);
		return part_error(code);
	}
	*ret = code == SQLITE_ROW && sqlite3_column_type(s, 0) == SQLITE_INTEGER
		       ? sqlite3_column_int64(s, 0)
		       : none;
	(void)sqlite3_reset(s);
	return 0;
}

int part_find(struct part *p, const char *match, uint64_t from, uint64_t to, bool highest_first,
	uint64_t *ret, size_t max)
{
	sqlite3_stmt *s =
		part_statement(p, highest_first ? STATEMENT_FIND_DOWN : STATEMENT_FIND_UP);
	int code = SQLITE_DONE, n = 0;

	if (!s)
		return part_error(sqlite3_extended_errcode(p->db));
	if (from >= to)
		return 0;
	(void)sqlite3_bind_text(s, 1, match, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 2, (sqlite3_int64)from);
	(void)sqlite3_bind_int64(s, 3, (sqlite3_int64)to - 1);
	(void)sqlite3_bind_int64(s, 4, (sqlite3_int64)max);
	while ((size_t)n < max && (code = sqlite3_step(s)) == SQLITE_ROW)
		ret[n++] = (uint64_t)sqlite3_column_int64(s, 0);
	if (code != SQLITE_DONE && code != SQLITE_ROW)
		n = part_error(sqlite3_extended_errcode(p->db));
	(void)sqlite3_reset(s);
	return n;
}

int part_hull(
	struct part *p, uint64_t since_us, uint64_t until_us, uint64_t *ret_from, uint64_t *ret_to)
{
	const struct part_block *b = &p->block;
	int64_t from = 0, to = 0;
	sqlite3_stmt *s;
	int r = 0;

	*ret_from = 0;
	*ret_to = part_end(p);
	if (since_us > 0) {
		s = part_statement(p, STATEMENT_HULL_FROM);
		if (s)
			(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)since_us);
		/* The block that grows is as good as any behind all others. */
		r = step_number(p, s, b->number, &from);
		*ret_from = (uint64_t)from * PART_BLOCK;
	}
	if (r == 0 && until_us < UINT64_MAX && (b->n == 0 || b->first_us >= until_us)) {
		s = part_statement(p, STATEMENT_HULL_TO);
		if (s)
			(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)until_us);
		r = step_number(p, s, -1, &to);
		if ((uint64_t)(to + 1) * PART_BLOCK < *ret_to)
			*ret_to = (uint64_t)(to + 1) * PART_BLOCK;
	}
	return r;
}

/* The distances of a row to offsets. */
static int distances_decode(
	const uint8_t *p, size_t n, uint64_t offset, uint64_t ret[PART_BLOCK], int *ret_n)
{
	uint64_t v = 0;
	unsigned shift = 0;
	int count = 1;

	ret[0] = offset;
	for (size_t i = 0; i < n; i++) {
		if (shift > 56)
			return -EBADMSG;
		v |= (uint64_t)(p[i] & 127) << shift;
		shift += 7;
		if (p[i] & 128)
			continue;
		if (count == PART_BLOCK)
			return -EBADMSG;
		offset += v;
		ret[count++] = offset;
		v = shift = 0;
	}
	*ret_n = count;
	return shift ? -EBADMSG : 0;
}

/* Has the first block from this one on in p->cached_…; -ENOENT: there is none. */
static int block_load(struct part *p, int64_t number)
{
	const struct part_block *b = &p->block;
	sqlite3_stmt *s;
	int code, r = 0;

	if (b->n > 0 && number == b->number) {
		p->cached = -1; /* it grows under our hands */
		r = distances_decode((const uint8_t *)p->distances.p, p->distances.n, b->offset,
			p->cached_offsets, &p->cached_n);
		p->cached_segment = p->n_segments - 1;
		return r < 0 ? r : 1;
	}
	if (p->cached == number)
		return 0;
	p->cached = -1;
	s = part_statement(p, STATEMENT_PLACE);
	if (!s)
		return part_error(sqlite3_extended_errcode(p->db));
	(void)sqlite3_bind_int64(s, 1, number);
	code = sqlite3_step(s);
	if (code == SQLITE_DONE) {
		r = b->n > 0 && b->number > number ? -EAGAIN : -ENOENT;
	} else if (code != SQLITE_ROW) {
		r = part_error(sqlite3_extended_errcode(p->db));
	} else {
		p->cached_segment = (size_t)sqlite3_column_int64(s, 1);
		r = distances_decode(sqlite3_column_blob(s, 3), (size_t)sqlite3_column_bytes(s, 3),
			(uint64_t)sqlite3_column_int64(s, 2), p->cached_offsets, &p->cached_n);
		if (r == 0 && p->cached_segment >= p->n_segments)
			r = -EBADMSG;
		if (r == 0)
			p->cached = sqlite3_column_int64(s, 0);
	}
	(void)sqlite3_reset(s);
	return r;
}

int part_place(struct part *p, uint64_t ordinal, size_t *ret_segment, uint64_t *ret_offset)
{
	int64_t number = (int64_t)(ordinal / PART_BLOCK);
	int at = (int)(ordinal % PART_BLOCK);
	int r = block_load(p, number);

	if (r == -ENOENT || r == -EAGAIN)
		return -EBADMSG;
	if (r < 0)
		return r;
	if ((r == 0 && p->cached != number) || at >= p->cached_n)
		return -EBADMSG;
	*ret_segment = p->cached_segment;
	*ret_offset = p->cached_offsets[at];
	return 0;
}

int part_place_from(struct part *p, uint64_t ordinal, size_t *ret_segment, uint64_t *ret_offset)
{
	int r = block_load(p, (int64_t)((ordinal + PART_BLOCK - 1) / PART_BLOCK));

	if (r == -EAGAIN)
		r = block_load(p, p->block.number);
	if (r < 0)
		return r;
	*ret_segment = p->cached_segment;
	*ret_offset = p->cached_offsets[0];
	return 0;
}
