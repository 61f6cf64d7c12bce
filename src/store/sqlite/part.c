/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/members.h"
#include "base/timetext.h"
#include "store/sqlite/part_private.h"
#include "store/sqlite/terms.h"
#include "store/sqlite/vfs.h"

static const char *const statements[STATEMENT_N] = {
	[STATEMENT_BEGIN] = "BEGIN",
	[STATEMENT_COMMIT] = "COMMIT",
	[STATEMENT_ADD] = "INSERT INTO terms(rowid, terms_of_line) VALUES(?1, ?2)",
	[STATEMENT_PUT_PLACE] = "INSERT OR REPLACE INTO place VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
	[STATEMENT_PUT_SEGMENT] = "INSERT INTO segment VALUES(?1, ?2)",
	[STATEMENT_PUT_STATE] = "UPDATE state SET boot=?1, clean=?2, finished=?3, passed=?4, "
				"block=?5, events=?6, odd=?7, last=?8, hash=?9",
	[STATEMENT_MERGE] = "INSERT INTO terms(terms, rank) VALUES('merge', ?1)",
	[STATEMENT_FIND_UP] = "SELECT rowid FROM terms WHERE terms MATCH ?1 AND rowid BETWEEN ?2 "
			      "AND ?3 ORDER BY rowid LIMIT ?4",
	[STATEMENT_FIND_DOWN] = "SELECT rowid FROM terms WHERE terms MATCH ?1 AND rowid BETWEEN ?2 "
				"AND ?3 ORDER BY rowid DESC LIMIT ?4",
	[STATEMENT_PLACE] = "SELECT block, segment, offset, distances FROM place WHERE block >= ?1 "
			    "ORDER BY block LIMIT 1",
	[STATEMENT_HULL_FROM] = "SELECT min(block) FROM place WHERE last_us >= ?1",
	[STATEMENT_HULL_TO] = "SELECT max(block) FROM place INDEXED BY place_time WHERE "
			      "first_us < ?1",
};

int part_error(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CANTOPEN:
		return -EIO;
	case SQLITE_IOERR:
		/* Of the file's own making, not of the disk's. */
		return code == SQLITE_IOERR_DATA || code == SQLITE_IOERR_SHORT_READ ||
				       code == SQLITE_IOERR_CORRUPTFS
			       ? -EBADMSG
			       : -EIO;
	default:
		return -EBADMSG;
	}
}

sqlite3_stmt *part_statement(struct part *p, enum part_statement which)
{
	sqlite3_stmt **s = &p->statements[which];

	if (!*s)
		(void)sqlite3_prepare_v3(
			p->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL);
	return *s;
}

int part_step_done(struct part *p, sqlite3_stmt *s)
{
	int code = s ? sqlite3_step(s) : sqlite3_errcode(p->db);

	if (code != SQLITE_DONE && code != SQLITE_ROW)
		code = sqlite3_extended_errcode(p->db);
	if (s)
		(void)sqlite3_reset(s);
	return part_error(code);
}

void part_name(const char *segment, char ret[PART_NAME_SIZE])
{
	(void)snprintf(ret, PART_NAME_SIZE, "%.*s.sqlite", (int)strcspn(segment, "."), segment);
}

void part_unlink(int dir_fd, const char *name)
{
	static const char *const endings[] = { "", "-wal", "-journal" };
	char file[PART_NAME_SIZE + 16];

	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		(void)snprintf(file, sizeof(file), "%s%s", name, endings[i]);
		(void)unlinkat(dir_fd, file, 0);
	}
}

int part_run(struct part *p, const char *sql)
{
	int code = sqlite3_exec(p->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : part_error(sqlite3_extended_errcode(p->db));
}

void part_take_size(struct part *p)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(p->db, "PRAGMA page_count", -1, &s, NULL) == SQLITE_OK &&
		sqlite3_step(s) == SQLITE_ROW)
		p->size = (uint64_t)sqlite3_column_int64(s, 0) * VFS_PAGE_SIZE;
	(void)sqlite3_finalize(s);
}

/* Before anything is written. */
int part_transaction(struct part *p)
{
	int r;

	if (p->open)
		return 0;
	r = part_step_done(p, part_statement(p, STATEMENT_BEGIN));
	p->open = r == 0;
	p->dirty = true;
	return r;
}

int part_segment_append(struct part *p, const char *name)
{
	char(*segments)[PART_SEGMENT_SIZE] =
		reallocarray(p->segments, p->n_segments + 1, sizeof(*segments));

	if (!segments)
		return -ENOMEM;
	p->segments = segments;
	(void)snprintf(segments[p->n_segments++], PART_SEGMENT_SIZE, "%s", name);
	return 0;
}

struct part *part_free(struct part *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < STATEMENT_N; i++)
		(void)sqlite3_finalize(p->statements[i]);
	(void)sqlite3_close(p->db);
	buf_done(&p->text);
	buf_done(&p->distances);
	free(p->segments);
	free(p);
	return NULL;
}

size_t part_segments(const struct part *p)
{
	return p->n_segments;
}

const char *part_segment(const struct part *p, size_t at)
{
	return p->segments[at];
}

uint64_t part_passed(const struct part *p)
{
	return p->passed;
}

bool part_finished(const struct part *p)
{
	return p->finished;
}

uint64_t part_events(const struct part *p)
{
	return p->events;
}

uint64_t part_end(const struct part *p)
{
	return (uint64_t)(p->last + 1);
}

bool part_has_odd(const struct part *p)
{
	return p->odd > 0;
}

uint64_t part_size(const struct part *p)
{
	return p->size;
}

bool part_last(const struct part *p, uint64_t *ret_ordinal, uint64_t *ret_hash)
{
	*ret_ordinal = (uint64_t)p->last;
	*ret_hash = p->hash;
	return p->last >= 0;
}

/* The block in hand to its row; it may still grow. */
static int block_write(struct part *p)
{
	struct part_block *b = &p->block;
	sqlite3_stmt *s;

	if (b->n == 0)
		return 0;
	s = part_statement(p, STATEMENT_PUT_PLACE);
	if (s) {
		(void)sqlite3_bind_int64(s, 1, b->number);
		(void)sqlite3_bind_int64(s, 2, (sqlite3_int64)p->n_segments - 1);
		(void)sqlite3_bind_int64(s, 3, (sqlite3_int64)b->offset);
		(void)sqlite3_bind_int64(s, 4, (sqlite3_int64)b->first_us);
		(void)sqlite3_bind_int64(s, 5, (sqlite3_int64)b->last_us);
		(void)sqlite3_bind_blob(s, 6, p->distances.p ? p->distances.p : "",
			(int)p->distances.n, SQLITE_STATIC);
	}
	p->cached = -1;
	return part_step_done(p, s);
}

static int block_end(struct part *p)
{
	int r = block_write(p);

	if (r == 0 && p->block.n > 0) {
		p->block.number++;
		p->block.n = 0;
		buf_clear(&p->distances);
	}
	return r;
}

int part_begin_segment(struct part *p, const char *segment)
{
	sqlite3_stmt *s;
	int r = part_transaction(p);

	if (r == 0)
		r = block_end(p);
	if (r == 0)
		r = part_segment_append(p, segment);
	if (r < 0)
		return r;
	p->passed = 0;
	s = part_statement(p, STATEMENT_PUT_SEGMENT);
	if (s) {
		(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)p->n_segments - 1);
		(void)sqlite3_bind_text(s, 2, segment, -1, SQLITE_TRANSIENT);
	}
	return part_step_done(p, s);
}

static void put_distance(struct buf *out, uint64_t v)
{
	for (; v >= 128; v >>= 7)
		buf_u8(out, (uint8_t)(v | 128));
	buf_u8(out, (uint8_t)v);
}

/* Only of the spelling whose order is that of time. */
static bool line_time(struct span line, uint64_t *ret_us)
{
	struct members m;
	struct member member;
	struct span text;
	char copy[TIME_TEXT_SIZE], again[TIME_TEXT_SIZE];

	members_init(&m, line);
	while (members_next(&m, &member)) {
		if (!span_equal(member.key, span_text("time")))
			continue;
		if (!member_text(member.value, &text) || text.n >= sizeof(copy))
			return false;
		(void)snprintf(copy, sizeof(copy), "%.*s", (int)text.n, (const char *)text.p);
		return time_parse(copy, 0, ret_us, NULL) == 0 &&
		       strcmp(time_format(*ret_us, again), copy) == 0;
	}
	return false;
}

static int terms_add(struct part *p, struct span line, int64_t ordinal)
{
	sqlite3_stmt *s = part_statement(p, STATEMENT_ADD);

	buf_clear(&p->text);
	terms_of_line(line, true, &p->text);
	if (p->text.failed)
		return -ENOMEM;
	if (p->text.n > 2 && memcmp(p->text.p + p->text.n - 3, " " TERM_ODD " ", 3) == 0)
		p->odd++;
	if (s) {
		(void)sqlite3_bind_int64(s, 1, ordinal);
		(void)sqlite3_bind_text(s, 2, p->text.p, (int)p->text.n, SQLITE_STATIC);
	}
	return part_step_done(p, s);
}

int part_add(struct part *p, struct span line, uint64_t offset)
{
	struct part_block *b = &p->block;
	uint64_t first_us = 0, last_us = INT64_MAX;
	int r = part_transaction(p);

	if (r == 0 && b->n == PART_BLOCK)
		r = block_end(p);
	if (r < 0)
		return r;
	if (line_time(line, &first_us))
		last_us = first_us;
	if (b->n == 0) {
		b->offset = offset;
		b->first_us = first_us;
		b->last_us = last_us;
	} else {
		put_distance(&p->distances, offset - b->at);
	}
	b->at = offset;
	if (first_us < b->first_us)
		b->first_us = first_us;
	if (last_us > b->last_us)
		b->last_us = last_us;
	p->last = b->number * PART_BLOCK + b->n++;
	r = p->distances.failed ? -ENOMEM : terms_add(p, line, p->last);
	p->hash = hash_octets(line.p, line.n, 0);
	p->events++;
	p->passed = offset + line.n + 1;
	return r;
}

bool part_dirty(const struct part *p)
{
	return p->dirty;
}

int part_commit(struct part *p)
{
	sqlite3_stmt *s;
	int r;

	if (!p->dirty)
		return 0;
	r = part_transaction(p);
	if (r == 0)
		r = block_write(p);
	if (r < 0)
		return r;
	if (!p->closing)
		p->clean = false;
	s = part_statement(p, STATEMENT_PUT_STATE);
	if (s) {
		(void)sqlite3_bind_text(s, 1, p->boot, -1, SQLITE_STATIC);
		(void)sqlite3_bind_int(s, 2, p->clean);
		(void)sqlite3_bind_int(s, 3, p->finished);
		(void)sqlite3_bind_int64(s, 4, (sqlite3_int64)p->passed);
		/* Who opens it again begins a new block. */
		(void)sqlite3_bind_int64(s, 5, p->block.number + (p->block.n > 0));
		(void)sqlite3_bind_int64(s, 6, (sqlite3_int64)p->events);
		(void)sqlite3_bind_int64(s, 7, (sqlite3_int64)p->odd);
		(void)sqlite3_bind_int64(s, 8, p->last);
		(void)sqlite3_bind_int64(s, 9, (sqlite3_int64)p->hash);
	}
	r = part_step_done(p, s);
	if (r == 0)
		r = part_step_done(p, part_statement(p, STATEMENT_COMMIT));
	if (r < 0)
		return r;
	p->open = p->dirty = false;
	part_take_size(p);
	return 0;
}

int part_sync(struct part *p)
{
	int r = part_commit(p);

	if (r < 0 || p->clean)
		return r;
	r = part_run(p, "PRAGMA synchronous=FULL; PRAGMA wal_checkpoint(TRUNCATE);");
	if (r < 0)
		return r;
	/* The content is there: now the word that it is. */
	p->closing = p->clean = p->dirty = true;
	r = part_commit(p);
	p->closing = false;
	if (r == 0)
		r = part_run(p, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous=OFF;");
	return r;
}

int part_finish(struct part *p)
{
	int r = part_transaction(p);

	if (r == 0)
		r = block_end(p);
	p->finished = true;
	p->merge_begun = false;
	return r == 0 ? part_commit(p) : r;
}

static int merge(struct part *p, int pages)
{
	sqlite3_stmt *s = part_statement(p, STATEMENT_MERGE);

	if (s)
		(void)sqlite3_bind_int(s, 1, pages);
	return part_step_done(p, s);
}

int part_tend(struct part *p)
{
	return p->open ? merge(p, PART_TEND_PAGES) : 0;
}

int part_merge(struct part *p)
{
	int before = sqlite3_total_changes(p->db), r;

	if (p->merged)
		return 0;
	/* A negative number says that all pieces are to become one. */
	r = merge(p, p->merge_begun ? PART_MERGE_PAGES : -PART_MERGE_PAGES);
	p->merge_begun = true;
	if (r < 0)
		return r;
	p->clean = false;
	p->merged = sqlite3_total_changes(p->db) - before < 2;
	if (p->merged)
		part_take_size(p);
	return !p->merged;
}
