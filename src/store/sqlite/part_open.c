/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/part_private.h"
#include "store/sqlite/terms.h"
#include "store/sqlite/vfs.h"

/*
 * Tables: `terms` (FTS5 without contents: which ordinals a term has), `place` (for each block of
 * ordinals the segment, the offset of the first line, the distances of the others, the span of
 * time), `segment` (names), `state` (one row: how far it is).
 */
static const char schema[] =
	"CREATE VIRTUAL TABLE terms USING fts5(terms_of_line, content='', detail=none, "
	"columnsize=0, tokenize=\"ascii tokenchars '" TERM_OCTETS "'\");"
	/* Small pieces, put together by part_tend(): no call does much at once. */
	"INSERT INTO terms(terms, rank) VALUES('hashsize', 200000);"
	"INSERT INTO terms(terms, rank) VALUES('automerge', 0);"
	"INSERT INTO terms(terms, rank) VALUES('pgsz', 4000);" /* a leaf in a page with checksum */
	"CREATE TABLE place(block INTEGER PRIMARY KEY, segment INTEGER, offset INTEGER, "
	"first_us INTEGER, last_us INTEGER, distances BLOB);"
	"CREATE INDEX place_time ON place(last_us, first_us);"
	"CREATE TABLE segment(at INTEGER PRIMARY KEY, name TEXT);"
	"CREATE TABLE state(boot TEXT, clean INTEGER, finished INTEGER, passed INTEGER, "
	"block INTEGER, events INTEGER, odd INTEGER, last INTEGER, hash INTEGER);"
	"INSERT INTO state VALUES('', 0, 0, 0, 0, 0, 0, -1, 0);";

static struct part *part_alloc(int dir_fd, const char *name, const char *boot)
{
	struct part *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->dir_fd = dir_fd;
	p->last = -1;
	p->cached = -1;
	(void)snprintf(p->name, sizeof(p->name), "%s", name);
	(void)snprintf(p->boot, sizeof(p->boot), "%s", boot);
	return p;
}

static int database_open(struct part *p, int dir_fd, const char *name, bool create)
{
	int reserved = VFS_RESERVED, code;
	char path[VFS_PATH_SIZE];

	if (vfs_register() < 0)
		return -ENOMEM;
	vfs_path(dir_fd, name, path);
	code = sqlite3_open_v2(path, &p->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0),
		VFS_NAME);
	if (code != SQLITE_OK)
		return part_error(code);
	(void)sqlite3_extended_result_codes(p->db, 1);
	(void)sqlite3_file_control(p->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
	return part_run(p, "PRAGMA page_size=4096; PRAGMA locking_mode=EXCLUSIVE; "
			   "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32000; "
			   "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; "
			   "PRAGMA wal_autocheckpoint=300;");
}

int part_create(int dir_fd, const char *segment, const char *boot, struct part **ret)
{
	CLEANUP(part) struct part *p = NULL;
	char name[PART_NAME_SIZE], identity[96];
	int r;

	part_name(segment, name);
	part_unlink(dir_fd, name);
	p = part_alloc(dir_fd, name, boot);
	if (!p)
		return -ENOMEM;
	(void)snprintf(identity, sizeof(identity),
		"PRAGMA application_id=%d; PRAGMA user_version=%d;", PART_APPLICATION,
		PART_VERSION);
	r = database_open(p, dir_fd, name, true);
	if (r == 0)
		r = part_transaction(p);
	if (r == 0)
		r = part_run(p, identity);
	if (r == 0)
		r = part_run(p, schema);
	if (r == 0)
		r = part_begin_segment(p, segment);
	if (r == 0)
		r = part_commit(p); /* all of it or nothing */
	if (r < 0) {
		p = part_free(p);
		part_unlink(dir_fd, name);
		return r;
	}
	*ret = p;
	p = NULL;
	return 0;
}

static int pragma_is(struct part *p, const char *pragma, int wanted)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(p->db, pragma, -1, &s, NULL), r;

	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	r = code != SQLITE_ROW                   ? part_error(sqlite3_extended_errcode(p->db))
	    : sqlite3_column_int(s, 0) == wanted ? 0
						 : -EBADMSG;
	(void)sqlite3_finalize(s);
	return r;
}

static int segments_load(struct part *p)
{
	sqlite3_stmt *s = NULL;
	int code =
		sqlite3_prepare_v2(p->db, "SELECT at, name FROM segment ORDER BY at", -1, &s, NULL);
	int r = 0;

	while (code == SQLITE_OK && r == 0 && (r = sqlite3_step(s)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(s, 1);

		if (!name || sqlite3_column_int64(s, 0) != (sqlite3_int64)p->n_segments ||
			strlen(name) >= PART_SEGMENT_SIZE)
			r = -EBADMSG;
		else
			r = part_segment_append(p, name);
	}
	if (code != SQLITE_OK || r > 0)
		r = r == SQLITE_DONE ? 0 : part_error(sqlite3_extended_errcode(p->db));
	(void)sqlite3_finalize(s);
	return r == 0 && p->n_segments == 0 ? -EBADMSG : r;
}

static int state_load(struct part *p)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(p->db, "SELECT * FROM state", -1, &s, NULL), r = 0;
	const char *boot;

	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code != SQLITE_ROW) {
		r = part_error(sqlite3_extended_errcode(p->db));
		(void)sqlite3_finalize(s);
		return r < 0 ? r : -EBADMSG;
	}
	boot = (const char *)sqlite3_column_text(s, 0);
	if (!sqlite3_column_int(s, 1) && (!boot || strcmp(boot, p->boot) != 0))
		r = -EBADMSG; /* nobody knows what of it had reached the disk */
	p->finished = sqlite3_column_int(s, 2);
	p->passed = (uint64_t)sqlite3_column_int64(s, 3);
	p->block.number = sqlite3_column_int64(s, 4);
	p->events = (uint64_t)sqlite3_column_int64(s, 5);
	p->odd = (uint64_t)sqlite3_column_int64(s, 6);
	p->last = sqlite3_column_int64(s, 7);
	p->hash = (uint64_t)sqlite3_column_int64(s, 8);
	(void)sqlite3_finalize(s);
	return r;
}

int part_open(int dir_fd, const char *name, const char *boot, struct part **ret)
{
	CLEANUP(part) struct part *p = part_alloc(dir_fd, name, boot);
	char own_name[PART_NAME_SIZE];
	int r;

	if (!p)
		return -ENOMEM;
	r = database_open(p, dir_fd, name, false);
	if (r == 0) /* what a kill left in the WAL goes where pages have checksums */
		r = part_run(p, "PRAGMA wal_checkpoint(TRUNCATE)");
	if (r == 0)
		r = pragma_is(p, "PRAGMA application_id", PART_APPLICATION);
	if (r == 0)
		r = pragma_is(p, "PRAGMA user_version", PART_VERSION);
	if (r == 0)
		r = segments_load(p);
	if (r == 0)
		r = state_load(p);
	if (r < 0)
		return r;
	part_name(p->segments[0], own_name);
	if (strcmp(own_name, name) != 0)
		return -EBADMSG;
	part_take_size(p);
	*ret = p;
	p = NULL;
	return 0;
}
