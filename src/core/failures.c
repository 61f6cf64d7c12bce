/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/ike.h"
#include "core/internal.h"
#include "core/negotiations.h"

/* The sliding table of failures: a row each for what differs in more than its time. */

static bool same_failure(const struct failure *row, const struct attempt *a)
{
	const struct negotiation *x = &row->n, *y = &a->n;

	return row->cookie == a->cookie && x->service == y->service && x->cause == y->cause &&
	       x->child == y->child && x->role_known == y->role_known &&
	       x->initiator == y->initiator && addr_equal(&x->remote, &y->remote) &&
	       strcmp(x->conn, y->conn) == 0 && strcmp(x->child_name, y->child_name) == 0 &&
	       strcmp(x->remote_id, y->remote_id) == 0;
}

static void append(struct failures *t, struct failure *row)
{
	row->next = NULL;
	if (t->last)
		t->last->next = row;
	else
		t->first = row;
	t->last = row;
	t->n++;
}

/* Takes the row behind prev (NULL: the first) out. */
static struct failure *take_out(struct failures *t, struct failure *prev)
{
	struct failure *row = prev ? prev->next : t->first;

	if (prev)
		prev->next = row->next;
	else
		t->first = row->next;
	if (t->last == row)
		t->last = prev;
	t->n--;
	return row;
}

/* What was folded of it, as one event. */
static void tell_rest(struct core *c, struct failure *row)
{
	struct event e;

	if (row->folded == 0)
		return;
	core_event_init(c, &e, row->event, ledger_netns(c, row->cookie));
	e.time_us = row->last_us;
	ike_event_negotiation(c, &e, &row->n);
	detail_number(&e, "more", row->folded - 1);
	core_emit(c, &e);
	row->folded = 0;
}

struct failure *failures_add(
	struct core *c, const struct attempt *a, uint32_t id, const char *evidence)
{
	struct failures *t = &c->failures;
	const struct ike_server *server = ike_server_find(c, a->n.service, 0);
	struct failure *row = NULL, *prev = NULL;

	for (struct failure *at = t->first; at && !row; prev = at, at = at->next) {
		if (same_failure(at, a)) {
			row = take_out(t, prev);
			break;
		}
	}
	if (!row) {
		row = calloc(1, sizeof(*row));
		if (!row) {
			c->refused++;
			return NULL;
		}
		row->first_us = a->time_us;
		row->window_ns = c->now_ns;
	}
	row->n = a->n;
	row->cookie = a->cookie;
	row->daemon = server ? server->daemon : 0;
	row->event = id;
	memcpy(row->evidence, evidence, sizeof(row->evidence));
	row->last_us = a->time_us;
	row->count++;
	append(t, row);
	if (t->n > LIMIT_FAILURES) {
		struct failure *oldest = take_out(t, NULL);

		tell_rest(c, oldest);
		free(oldest);
	}
	return row;
}

static bool is_past(const struct core *c, const struct failure *row)
{
	return c->now_ns - row->window_ns >= (uint64_t)FAILURE_WINDOW_S * 1000000000u;
}

bool failures_fold(struct core *c, struct failure *row)
{
	if (is_past(c, row)) {
		tell_rest(c, row);
		row->window_ns = c->now_ns;
		row->told = 0;
	}
	if (row->told < c->config.first_packets || c->config.first_packets == 0) {
		row->told++;
		return false;
	}
	row->folded++;
	return true;
}

void failures_settle(struct core *c, bool all)
{
	for (struct failure *row = c->failures.first; row; row = row->next) {
		if (row->folded > 0 && (all || is_past(c, row)))
			tell_rest(c, row);
	}
}

void failures_free(struct core *c)
{
	while (c->failures.first)
		free(take_out(&c->failures, NULL));
}

int failures_each(const struct core *c, core_each_fn *each, void *userdata)
{
	for (const struct failure *at = c->failures.first; at; at = at->next) {
		const struct netns *ns = ledger_netns(c, at->cookie);
		const struct cause *cause = cause_of(at->n.cause);
		const struct failure_row row = { .n = &at->n,
			.daemon = ike_daemon_name(at->daemon),
			.netns = ns ? ns->name : NULL,
			.evidence = at->evidence,
			.why = cause->why,
			.remedy = cause->remedy,
			.event = at->event,
			.first_us = at->first_us,
			.last_us = at->last_us,
			.count = at->count };

		if (!each(userdata, &row))
			break;
	}
	return 0;
}
