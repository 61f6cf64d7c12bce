/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/diag.h"
#include "base/span.h"
#include "model/event.h"
#include "sign/keyring.h"

/*
 * The event log: append-only JSON lines in segments `log/NNNNNNNNNNNNNNNNNNNN.jsonl` (the name is
 * the seq of the first event in it, 20 digits; `rNNN` behind them where that name is taken), each
 * line chained by SHA-256. Older ones are sealed (`….jsonl.zst`): the same text, packed.
 *
 *   digest(line) = SHA-256( digest(previous line) || text of the line up to its `,"h":` )
 *
 * A line ends with `,"h":"16 hex digits"}` (the first 8 octets, to locate an edit); a group's last
 * line (type commit) and a segment's first (type head) carry all 32 octets as 64 digits, to prove.
 * The first line of a segment: {"type":"head","schema":2,"segment":N,"host":…,"boot":…,"time":…,
 * "seq":first event,"key":fingerprint of who signs heads, or null,"previous":"64 hex, the digest of
 * the last line before, zeroes for none","totals":[readings so far…],"dropped":readings that found
 * no room there,"statistics":[kept totals so far…],"h":"64 hex"}.
 * Readings are lines of type reading, kept totals of statistics of type statistic; events have no
 * `type` but an `id`. A group is one write and one fdatasync, and ends with its commit line:
 * {"type":"commit","time":…,"boot":…,"seq":last
 * event,"events":n,"lost":n,"epoch":…,"applied":…,"pending":[[a,b]…],"h":"64 hex"}.
 * `type` is the first key of its line, and a head goes to the disk with the first group behind it.
 *
 * doc/log-format.md describes the same for those who write their own verifier.
 */
struct eventlog;

struct eventlog_options {
	int dir_fd; /* the state directory; borrowed */
	const char *host, *boot; /* for the heads */
	uint64_t segment_size; /* octets; a new segment begins behind the group that passes it */
	uint64_t keep_size; /* octets of all segments; 0: no limit */
	uint64_t keep_age_s; /* 0: no limit */
};

/* The kept total of a statistic; as core_statistic has them. */
struct eventlog_statistic {
	uint64_t time_us, cookie, service, total, since, base;
	uint8_t daemon; /* enum ike_daemon */
	bool before;
	const char *boot, *netns, *key; /* netns NULL: none known */
};

/* What a reader of the log is told at start, in order of the log. All texts are borrowed. */
struct eventlog_restore {
	void *userdata;
	void (*reading)(void *userdata, const char *boot, uint64_t cookie, const char *netns,
		const char *counter, uint64_t kernel, uint64_t attributed, uint64_t unattributed,
		uint64_t suppressed);
	void (*statistic)(void *userdata, const struct eventlog_statistic *s); /* or NULL */
	void (*event)(void *userdata, struct span line); /* of the newest segments, see below */
};

/* How the last run ended, as the log's end tells. */
struct eventlog_end {
	bool empty; /* no event yet */
	uint64_t last_seq, last_us;
	uint32_t last_id;
	char boot[64];
	uint64_t epoch, applied; /* of the last commit */
	uint8_t n_pending;
	uint64_t pending[16][2];
	uint64_t torn; /* octets of an unfinished group that were cut off */
	uint64_t damaged_line; /* in the newest segment: 0 none; writing goes on in a new segment */
	char damaged_segment[32];
};

/*
 * Opens or creates; locks the directory (flock on `lock`): -EBUSY with the other's pid when another
 * monitor has it; -EPROTONOSUPPORT for a directory of a foreign or future version (file `version`).
 * Verifies the newest segment and cuts an unfinished group. Writing goes on in that segment if it
 * is sound and below segment_size, whatever boot it began in. Of a damaged one every readable line
 * up to its last commit still counts. Then calls back for the newest reading of every (boot,
 * cookie, counter) and every (netns, daemon, statistic), at most READINGS_MAX, and for the
 * committed events of the newest 8 segments.
 */
int eventlog_open(const struct eventlog_options *o, const struct eventlog_restore *restore,
	struct eventlog_end *ret_end, struct eventlog **ret, struct diag *reterr);
struct eventlog *eventlog_free(struct eventlog *l); /* does not commit; takes NULL */
DEFINE_FREEP(eventlog)

/*
 * Append to the open group; nothing is written yet. The seq must be above that of every event
 * before, in the log (eventlog_end) or appended since.
 */
void eventlog_event(struct eventlog *l, const struct event *e);
struct eventlog_totals {
	uint64_t time_us, cookie, kernel, attributed, unattributed, suppressed;
	const char *boot, *netns, *counter;
};
void eventlog_reading(struct eventlog *l, const struct eventlog_totals *t);
void eventlog_statistic(struct eventlog *l, const struct eventlog_statistic *s);

/* Events in the open group, and whether anything is. */
size_t eventlog_group_events(const struct eventlog *l);
bool eventlog_group_open(const struct eventlog *l);
size_t eventlog_group_octets(const struct eventlog *l); /* of EVENTLOG_WAITING_MAX */
/* Other limits from now on; as in struct eventlog_options. */
void eventlog_set_limits(
	struct eventlog *l, uint64_t segment_size, uint64_t keep_size, uint64_t keep_age_s);

/* Who signs heads, for the first line of each segment from now on; "": nobody. */
void eventlog_set_key(struct eventlog *l, const char *fingerprint);

/* The last committed line, which a signed head names (sign/signed_head.h). */
struct eventlog_place {
	uint64_t segment, line, seq;
	uint8_t digest[DIGEST_SIZE];
	bool ends_segment; /* the next group begins another */
};
/* False: nothing was committed yet since the log was opened, or opened damaged. */
bool eventlog_place(const struct eventlog *l, struct eventlog_place *ret);

/*
 * Closes the group: commit line, one write, fdatasync. On success calls committed() for each event
 * line. On failure (-ENOSPC, -EIO …) the file is cut back to the last good group, the group is
 * kept, and a later call tries again (groups merge); beyond EVENTLOG_WAITING_MAX octets events are
 * dropped and counted (eventlog_lost(), and `lost` of the next commit line), of readings the newest
 * of each key waits. An empty group writes nothing and gives 0. Nothing else than committed() shows
 * a line to anybody before it is on the disk.
 */
#define EVENTLOG_WAITING_MAX ((size_t)64 << 20)
struct eventlog_commit {
	uint64_t time_us, epoch, applied;
	uint8_t n_pending;
	uint64_t pending[16][2];
};
typedef void eventlog_line_fn(void *userdata, struct span line);
int eventlog_commit(struct eventlog *l, const struct eventlog_commit *c,
	eventlog_line_fn *committed, void *userdata);
uint64_t eventlog_lost(const struct eventlog *l);

/*
 * Removes whole old segments by size and age; removed() is told each name and its events. The
 * newest segment always stays. The head of the oldest one left carries the totals. A segment's age
 * is that of its last write.
 */
typedef void eventlog_removed_fn(void *userdata, const char *segment, uint64_t events);
int eventlog_retain(
	struct eventlog *l, uint64_t now_us, eventlog_removed_fn *removed, void *userdata);

/*
 * Closed segments are sealed: packed into frames that are read one by one, about a tenth of the
 * size (see doc/log-format.md). One step a call, bounded to 64 KiB of text or one sync; groups may
 * be appended and committed between any two. 1: there is more to do. 0: nothing to seal now.
 * -errno: this segment could not be sealed and stays plain; it is tried again behind the others.
 */
int eventlog_seal(struct eventlog *l);

/*
 * Reading, also of a copy and while another process writes: lines of all segments of the directory
 * `log` under dir_fd (or in dir_fd, a copy of `log`) in order, oldest first, or newest first;
 * without newline, heads, readings and commits too; not what lies behind a segment's last commit.
 * each returns false to stop. Events with seq below from_seq are skipped by whole segments where
 * the names allow. The lines are as found: this does not verify,
 * and passes over what damage to a sealed segment leaves unreadable.
 */
typedef bool eventlog_each_fn(void *userdata, struct span line);
int eventlog_scan(int dir_fd, uint64_t from_seq, bool newest_first, eventlog_each_fn *each,
	void *userdata, struct diag *reterr);

/* Segments, oldest first. */
struct eventlog_segment {
	char name[32]; /* NAME.jsonl; the file of a sealed one is called NAME.jsonl.zst */
	bool sealed;
	uint64_t first_seq, modified_us;
	uint64_t size; /* of the file */
};
int eventlog_segments(int dir_fd, struct eventlog_segment **ret, size_t *ret_n); /* caller frees */

/*
 * Checks the whole chain of a log or of a copy (the state directory or its `log`), and the signed
 * heads beside it: every signature, that their numbers rise, that each names a line that is there
 * and as it says. 0: it holds; -EBADMSG: it does not; *ret is set by both. -ENOENT: no segment
 * here; -EPROTONOSUPPORT: a newer form; -EINVAL: o->heads has none. An unfinished group at the very
 * end is no fault: nobody was told of it.
 */
struct eventlog_verify_options {
	const struct keyring *keys; /* to be trusted; NULL: those that lie with the log */
	struct span heads; /* that left the machine before: text with one a line; empty: none */
};
enum verify_keys {
	VERIFY_NO_KEYS, /* the chain alone was checked */
	VERIFY_KEYS_OF_LOG, /* which whoever changed the log may have changed, too */
	VERIFY_KEYS_GIVEN,
};
struct eventlog_verdict {
	uint64_t segments, lines,
		events; /* that hold; what follows the first bad line is not read */
	uint64_t first_segment; /* number of the oldest: over 1, when older ones were removed */
	uint64_t uncommitted; /* whole lines behind the last commit of the newest segment */
	uint64_t torn; /* octets behind these that are no whole line */
	char segment[32]; /* of the first bad line; or the file with the heads */
	uint64_t line; /* from 1; 0: none, or the fault is of no line */
	char reason[256]; /* without a bad line: what is to be said of the end, or "" */
	char digest[65]; /* of the last line, hex */

	enum verify_keys keys;
	uint64_t heads, heads_removed; /* that fit their lines; whose segments are gone */
	uint64_t head_number, head_us, head_segment, head_line; /* the last that fits */
	uint64_t uncovered_lines, uncovered_events; /* behind that one's line */
	uint64_t missing_events; /* that a head covers, but that are not there: the end was cut */
};
int eventlog_verify(int dir_fd, const struct eventlog_verify_options *o,
	struct eventlog_verdict *ret, struct diag *reterr);
