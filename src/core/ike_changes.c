/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ike_changes.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/timetext.h"
#include "core/internal.h"

enum kind { TEXT, NUMBER8, NUMBER32, NUMBER64, SECONDS, FLAG, MODE, ACTION, INTENT };

/* A member that is compared and named; lifetimes of which nothing is known are left out. */
struct member {
	const char *key;
	size_t at;
	enum kind kind;
};

#define CONN(key, member, kind) \
	{ \
		key, offsetof(struct connection, member), kind \
	}
static const struct member connection_members[] = {
	CONN("version", version, NUMBER8),
	CONN("local", local, TEXT),
	CONN("remote", remote, TEXT),
	CONN("local_id", local_id, TEXT),
	CONN("remote_id", remote_id, TEXT),
	CONN("local_auth", local_auth, TEXT),
	CONN("remote_auth", remote_auth, TEXT),
	CONN("proposals", proposals, TEXT),
	CONN("unique", unique, TEXT),
	CONN("aggressive", aggressive, FLAG),
	CONN("mobike", mobike, FLAG),
	CONN("encap", encap, FLAG),
	CONN("rekey", rekey_s, SECONDS),
	CONN("reauth", reauth_s, SECONDS),
	CONN("over", over_s, SECONDS),
	CONN("dpd", dpd_s, SECONDS),
};

#define CHILD(key, member, kind) \
	{ \
		key, offsetof(struct connection_child, member), kind \
	}
static const struct member child_members[] = {
	CHILD("local_ts", local_ts, TEXT),
	CHILD("remote_ts", remote_ts, TEXT),
	CHILD("mode", mode, MODE),
	CHILD("action", action, ACTION),
	CHILD("start", intent, INTENT),
	CHILD("proposals", proposals, TEXT),
	CHILD("dpd_action", dpd_action, TEXT),
	CHILD("close_action", close_action, TEXT),
	CHILD("rekey", rekey_s, SECONDS),
	CHILD("life", life_s, SECONDS),
	CHILD("reqid", reqid, NUMBER32),
	CHILD("priority", priority, NUMBER32),
	CHILD("if_id_in", if_id_in, NUMBER32),
	CHILD("if_id_out", if_id_out, NUMBER32),
	CHILD("mark_in", mark_in, NUMBER32),
	CHILD("mark_out", mark_out, NUMBER32),
};

static const char *name_of(enum kind kind, uint8_t v)
{
	const char *name = kind == MODE     ? ipsec_mode_name(v)
			   : kind == ACTION ? child_action_name(v)
					    : child_intent_name(v);

	return name ? name : "";
}

/* The member's value as text; "" when it is not set, or not known. */
static void format(const struct member *m, const void *from, char *ret, size_t size)
{
	const char *at = (const char *)from + m->at;
	uint64_t wide;
	uint32_t number;
	uint8_t small;
	bool flag;

	ret[0] = '\0';
	switch (m->kind) {
	case TEXT:
		(void)snprintf(ret, size, "%s", at);
		break;
	case FLAG:
		memcpy(&flag, at, sizeof(flag));
		(void)snprintf(ret, size, "%s", flag ? "yes" : "");
		break;
	case NUMBER32:
		memcpy(&number, at, sizeof(number));
		if (number)
			(void)snprintf(ret, size, "%" PRIu32, number);
		break;
	case NUMBER64:
	case SECONDS:
		memcpy(&wide, at, sizeof(wide));
		if (wide && wide != UINT64_MAX)
			(void)snprintf(
				ret, size, "%" PRIu64 "%s", wide, m->kind == SECONDS ? " s" : "");
		break;
	case NUMBER8:
		memcpy(&small, at, sizeof(small));
		if (small)
			(void)snprintf(ret, size, "%u", small);
		break;
	default:
		memcpy(&small, at, sizeof(small));
		(void)snprintf(ret, size, "%s", name_of(m->kind, small));
		break;
	}
}

static void add(struct buf *out, const char *key, const char *v)
{
	buf_printf(out, "%s%s %s", out->n ? ", " : "", key, v[0] ? v : "none");
}

/* What differs, of both; of one alone all that is set. Does anything? */
static bool compare(const struct member *members, size_t n, const void *before, const void *after,
	struct buf *ret_before, struct buf *ret_after)
{
	char was[TS_SIZE], is[TS_SIZE];
	bool differs = false;

	for (size_t i = 0; i < n; i++) {
		was[0] = is[0] = '\0';
		if (before)
			format(&members[i], before, was, sizeof(was));
		if (after)
			format(&members[i], after, is, sizeof(is));
		if (strcmp(was, is) == 0)
			continue;
		differs = true;
		if (before)
			add(ret_before, members[i].key, was);
		if (after)
			add(ret_after, members[i].key, is);
	}
	return differs;
}

static void detail_some(struct event *e, const char *key, struct buf *b)
{
	char text[700];

	if (!b->p)
		return;
	(void)snprintf(text, sizeof(text), "%s%s", b->p, b->failed ? " …" : "");
	detail_text(e, key, text);
}

static void tell_connection(struct core *c, const struct ike_server *s, const char *conn,
	const char *child, bool came, bool went, struct buf *before, struct buf *after)
{
	const struct netns *ns = ledger_netns(c, s->netns);
	struct event e;

	core_event_init(c, &e, EVENT_CONNECTION_CHANGED, ns);
	detail_text(&e, "connection", conn);
	detail_text(&e, "child", child);
	detail_text(&e, "what", came ? "loaded" : went ? "unloaded" : "changed");
	detail_text(&e, "daemon", ike_daemon_name(s->daemon));
	detail_some(&e, "after", after);
	detail_some(&e, "before", before);
	core_emit(c, &e);
}

/* Of a list that was whole before, of a daemon that runs. */
static bool is_news(const struct ike_server *s, uint8_t list)
{
	return s->known[list] && s->end == SERVICE_RUNS;
}

void ike_changes_connection(struct core *c, const struct ike_server *s,
	const struct connection *before, const struct connection *after)
{
	CLEANUP_BUF struct buf was = { .limit = 600 }, is = { .limit = 600 };
	const struct connection *one = after ? after : before;

	if (one->origin != ORIGIN_LOADED || !is_news(s, IKE_LIST_CONNECTIONS))
		return;
	if (compare(connection_members, ARRAY_LEN(connection_members), before, after, &was, &is) ||
		!before || !after)
		tell_connection(c, s, one->name, "", !before, !after, &was, &is);
}

void ike_changes_child(struct core *c, const struct ike_server *s,
	const struct connection_child *before, const struct connection_child *after)
{
	CLEANUP_BUF struct buf was = { .limit = 600 }, is = { .limit = 600 };
	const struct connection_child *one = after ? after : before;

	if (one->origin != ORIGIN_LOADED || !is_news(s, IKE_LIST_CONNECTIONS))
		return;
	if (compare(child_members, ARRAY_LEN(child_members), before, after, &was, &is) || !before ||
		!after)
		tell_connection(c, s, one->conn, one->name, !before, !after, &was, &is);
}

/* The same file as an earlier process of this daemon had it. Those that run may have other roots.
 */
static const struct config_file *earlier(
	const struct core *c, const struct ike_server *s, const struct config_file *file)
{
	const struct config_file *found = NULL;
	struct ledger_config_file *l;

	for (size_t at = 0; s->service && (l = config_file_next(c, &at));) {
		const struct ike_server *other = ike_server_find(c, l->file.service, 0);

		if (l->file.service && other && other->end != SERVICE_RUNS &&
			l->file.daemon == file->daemon && l->netns == s->netns &&
			strcmp(l->file.path, file->path) == 0)
			found = &l->file;
	}
	return found;
}

/* Wherever it runs, the host's own files may be its. */
static bool one_runs(const struct core *c, const struct ike_server *s)
{
	struct ike_server *other;

	for (size_t at = 0; (other = ike_server_next(c, &at));) {
		if (other->service && other->end == SERVICE_RUNS && other->daemon == s->daemon)
			return true;
	}
	return false;
}

void ike_changes_file(struct core *c, const struct ike_server *s, const struct config_file *before,
	const struct config_file *after)
{
	const struct config_file *one = after ? after : before;
	char when[TIME_TEXT_SIZE];
	struct event e;

	if (!before)
		before = earlier(c, s, one);
	/* A daemon's files go over to nobody, and back, when it ends and starts. */
	if (before && after ? strcmp(before->digest, after->digest) == 0 || !before->digest[0]
			    : !is_news(s, IKE_LIST_FILES) || (!s->service && one_runs(c, s)))
		return;
	core_event_init(c, &e, EVENT_IKE_CONFIG_CHANGED, ledger_netns(c, s->netns));
	detail_text(&e, "what", !before ? "appeared" : !after ? "is gone" : "changed");
	detail_text(&e, "path", one->path);
	detail_text(&e, "daemon", ike_daemon_name(one->daemon));
	detail_text(&e, "before", before ? before->digest : NULL);
	detail_text(&e, "after", after ? after->digest : NULL);
	if (after && after->modified_us)
		detail_text(&e, "modified", time_format(after->modified_us, when));
	detail_text(&e, "error", one->error);
	core_emit(c, &e);
}
