/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event log, in a directory that is empty or not there yet.
 *   log ours DIR EVENTS GROUP     the store's writer, a commit a group
 *   log append FILE EVENTS GROUP OCTETS
 *                                 the limit: as many octets, one write and one fdatasync a group
 *   log sqlite FILE EVENTS GROUP  the peer: the same facts in a table with three indexes, durable
 *   log seal DIR                  seals what mklog wrote
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "measure.h"
#include "model/event.h"
#include "store/eventlog.h"

#define START_US UINT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */

#define KINDS 64 /* different events, made beforehand: rendering messages is the core's work */

static struct event kinds[KINDS];

/* Drops as a busy gateway logs them, one by one. */
static void make_kinds(void)
{
	for (uint32_t i = 0; i < KINDS; i++) {
		const uint32_t src = htonl(0xc0000200 + i * 311), dst = htonl(0xc6336401);
		struct event *e = &kinds[i];

		catalog_event_init(e, EVENT_INTEGRITY_FAILED + i % 3);
		e->count = 1;
		e->counter = "XfrmInStateProtoError";
		e->netns = "init";
		e->direction = DIRECTION_IN;
		e->proto = IPPROTO_ESP;
		e->has_spi = e->has_seqno = e->has_reqid = true;
		e->spi = 0xc0000000 + i * 311;
		e->reqid = 1;
		e->evidence = EVIDENCE_AUDIT;
		e->host = "gate.example.net";
		e->boot = "7d0b5ff2-52f5-4b0a-9f2c-3d1f0a7f5d11";
		addr_set(&e->src, AF_INET, &src);
		addr_set(&e->dst, AF_INET, &dst);
		catalog_render(e);
	}
}

static struct event *event_of(uint64_t i)
{
	struct event *e = &kinds[i % KINDS];

	e->seq = i + 1;
	e->time_us = e->first_us = e->last_us = START_US + i * 997;
	e->seqno = (uint32_t)i;
	return e;
}

static struct eventlog *begin_ours(const char *dir)
{
	struct eventlog_options o = { .host = "gate.example.net", .boot = "boot" };
	struct eventlog_end end;
	struct eventlog *l;
	struct diag diag;

	if (mkdir(dir, 0700) && errno != EEXIST)
		die(dir);
	o.segment_size = UINT64_MAX; /* sealing has a benchmark of its own */
	o.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o.dir_fd < 0)
		die(dir);
	errno = -eventlog_open(&o, NULL, &end, &l, &diag);
	if (errno)
		die(diag.text);
	return l;
}

static void ours(const char *dir, uint64_t n, uint64_t group)
{
	struct eventlog *l = begin_ours(dir);
	struct eventlog_commit commit = { .epoch = 1 };
	struct measure begin = measure_now(), m;
	char more[64];
	uint64_t octets = 0;

	for (uint64_t i = 0; i < n; i++) {
		struct event *e = event_of(i);

		eventlog_event(l, e);
		if (eventlog_group_events(l) < group && i + 1 < n)
			continue;
		octets += eventlog_group_octets(l);
		commit.time_us = e->time_us;
		commit.applied = i;
		errno = -eventlog_commit(l, &commit, NULL, NULL);
		if (errno)
			die("commit");
	}
	m = measure_since(&begin);
	snprintf(more, sizeof(more), "\"octets\":%llu", (unsigned long long)octets);
	measure_print(n, &m, more);
	eventlog_free(l);
}

static void append(const char *path, uint64_t n, uint64_t group, size_t size)
{
	char *octets = malloc(group * size);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	struct measure begin, m;

	if (fd < 0 || !octets)
		die(path);
	memset(octets, 'x', group * size);
	begin = measure_now();
	for (uint64_t i = 0; i < n; i += group) {
		size_t whole = (n - i < group ? n - i : group) * size;

		if (write(fd, octets, whole) != (ssize_t)whole || fdatasync(fd))
			die(path);
	}
	m = measure_since(&begin);
	measure_print(n, &m, NULL);
	free(octets);
}

static void sql(sqlite3 *db, const char *text)
{
	char *why = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", text, why);
		exit(1);
	}
}

static sqlite3 *begin_sqlite(const char *path, sqlite3_stmt **ret_insert)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		die(path);
	sql(db, "pragma journal_mode=wal");
	sql(db, "pragma synchronous=full");
	sql(db, "create table event(seq integer primary key, time int, id int, src blob, dst blob, "
		"spi int, seqno int, count int, line text)");
	sql(db, "create index by_time on event(time)");
	sql(db, "create index by_peer on event(src, id, time)");
	sql(db, "create index by_spi on event(spi)");
	if (sqlite3_prepare_v2(db, "insert into event values(?,?,?,?,?,?,?,?,?)", -1, ret_insert,
		    NULL) != SQLITE_OK)
		die(path);
	return db;
}

static void sqlite(const char *path, uint64_t n, uint64_t group)
{
	sqlite3_stmt *insert;
	sqlite3 *db = begin_sqlite(path, &insert);
	struct measure begin = measure_now(), m;
	struct buf line = { 0 };

	for (uint64_t i = 0; i < n; i++) {
		struct event *e = event_of(i);

		if (i % group == 0)
			sql(db, "begin");
		buf_clear(&line);
		event_json(e, &line);
		sqlite3_bind_int64(insert, 1, (sqlite3_int64)e->seq);
		sqlite3_bind_int64(insert, 2, (sqlite3_int64)e->time_us);
		sqlite3_bind_int64(insert, 3, e->id);
		sqlite3_bind_blob(insert, 4, e->src.octets, 4, SQLITE_STATIC);
		sqlite3_bind_blob(insert, 5, e->dst.octets, 4, SQLITE_STATIC);
		sqlite3_bind_int64(insert, 6, e->spi);
		sqlite3_bind_int64(insert, 7, e->seqno);
		sqlite3_bind_int64(insert, 8, (sqlite3_int64)e->count);
		sqlite3_bind_text(insert, 9, line.p, (int)line.n, SQLITE_STATIC);
		if (sqlite3_step(insert) != SQLITE_DONE)
			die(path);
		sqlite3_reset(insert);
		if ((i + 1) % group == 0 || i + 1 == n)
			sql(db, "commit");
	}
	m = measure_since(&begin);
	measure_print(n, &m, NULL);
	buf_done(&line);
	sqlite3_finalize(insert);
	sqlite3_close(db);
}

static void seal(const char *dir)
{
	struct eventlog *l = begin_ours(dir);
	struct measure begin = measure_now(), m;
	struct eventlog_segment *segments;
	uint64_t events = 0, octets = 0;
	size_t n;
	char more[64];
	int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while ((errno = eventlog_seal(l)) == 1)
		;
	errno = errno ? errno : -eventlog_segments(dir_fd, &segments, &n);
	if (errno)
		die("seal");
	m = measure_since(&begin);
	for (size_t i = 0; i + 1 < n; i++) {
		if (!segments[i].sealed)
			continue;
		events += segments[i + 1].first_seq - segments[i].first_seq;
		octets += segments[i].size;
	}
	snprintf(more, sizeof(more), "\"octets\":%llu", (unsigned long long)octets);
	measure_print(events, &m, more);
	free(segments);
	eventlog_free(l);
}

int main(int argc, char **argv)
{
	make_kinds();
	if (argc == 5 && !strcmp(argv[1], "ours")) {
		ours(argv[2], number(argv[3]), number(argv[4]));
	} else if (argc == 6 && !strcmp(argv[1], "append")) {
		append(argv[2], number(argv[3]), number(argv[4]), number(argv[5]));
	} else if (argc == 5 && !strcmp(argv[1], "sqlite")) {
		sqlite(argv[2], number(argv[3]), number(argv[4]));
	} else if (argc == 3 && !strcmp(argv[1], "seal")) {
		seal(argv[2]);
	} else {
		fprintf(stderr,
			"usage: log ours|sqlite DIR EVENTS GROUP | append FILE EVENTS GROUP "
			"OCTETS\n");
		return 2;
	}
	return 0;
}
