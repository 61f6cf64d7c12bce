/* SPDX-License-Identifier: Apache-2.0 */
#include "core/verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/timetext.h"
#include "core/ike_private.h"
#include "core/internal.h"
#include "core/joins.h"

const struct ike_server *tunnel_server(const struct core *c, const struct tunnel *t)
{
	const struct ike_server *s, *found = NULL;

	for (size_t at = 0; (s = ike_server_next(c, &at));) {
		if (s->service && s->netns == t->netns && s->daemon == t->daemon &&
			s->end == SERVICE_RUNS && (!found || s->service == t->service))
			found = s;
	}
	return found;
}

const struct ledger_connection_child *tunnel_config(
	const struct core *c, const struct tunnel *t, uint8_t origin)
{
	const struct ike_server *s = tunnel_server(c, t);
	const struct ledger_connection_child *l;

	l = s ? connection_child_of(c, s->service, origin, t->daemon, t->conn, t->child) : NULL;
	if (!l && origin == ORIGIN_FILE)
		l = connection_child_of(c, 0, origin, t->daemon, t->conn, t->child);
	return l;
}

bool child_is_duplicate(const struct core *c, const struct ledger_child_sa *l)
{
	const struct lineage *e = l->tunnel ? tunnel_pair(l->tunnel, l->pair) : NULL;
	const struct ledger_child_sa *other;

	if (!e || (l->sa.state != CHILD_INSTALLED && l->sa.state != CHILD_UPDATING))
		return false;
	for (other = l->tunnel->children; other; other = other->next_of_tunnel) {
		const struct lineage *newer = tunnel_pair(l->tunnel, other->pair);

		if (other == l || !newer || newer->n < e->n || !child_is_up(other))
			continue;
		if (other->sa.state != CHILD_DELETING && other->sa.state != CHILD_REKEYED &&
			other->replaces != l->sa.unique &&
			since_us(c, newer->started_us) > VERDICT_OVERLAP_US)
			return true;
	}
	return false;
}

/* What the witnesses say, before it is put into words. */
struct witness {
	const struct ike_server *server;
	const struct ledger_connection_child *loaded, *file;
	const struct ledger_ike_sa *ike;
	const struct ledger_child_sa *up, *trap, *making;
	bool kernel_known, in, out, left; /* left: SAs whose child is gone */
	bool policies_known, policy_in, policy_out;
	bool moved_in, moved_out, dropped;
};

static bool is_recent(const struct core *c, uint64_t when_us)
{
	return when_us && since_us(c, when_us) <= VERDICT_QUIET_US;
}

/* The pair that counts is the newest that is up, best one that the kernel has whole. */
static void look_at_children(const struct core *c, const struct tunnel *t, struct witness *w)
{
	bool whole = false;

	for (const struct ledger_child_sa *l = t->children; l; l = l->next_of_tunnel) {
		bool in, out;

		if (!child_is_up(l)) {
			if (l->sa.state == CHILD_ROUTED)
				w->trap = l;
			else
				w->making = l;
			continue;
		}
		in = child_kernel_sa(l, true) != NULL;
		out = child_kernel_sa(l, false) != NULL;
		if (w->up && (whole || !(in && out)))
			continue;
		whole = in && out;
		w->up = l;
		w->in = in;
		w->out = out;
		w->ike = ike_sa_find(c, l->sa.service, l->sa.ike_unique);
	}
	for (const struct ledger_sa *l = t->sas; l && !w->up; l = l->next_of_tunnel) {
		w->left = true;
		w->in = w->in || l->tunnel_in;
		w->out = w->out || !l->tunnel_in;
	}
}

static void look(const struct core *c, const struct tunnel *t, struct witness *w)
{
	const struct netns *ns = ledger_netns(c, t->netns);

	*w = (struct witness){ .server = tunnel_server(c, t),
		.loaded = tunnel_config(c, t, ORIGIN_LOADED),
		.file = tunnel_config(c, t, ORIGIN_FILE) };
	look_at_children(c, t, w);
	if (!w->ike)
		w->ike = joins_ike(c, t->netns, t->conn);
	w->kernel_known = ns && ns->there && ns->watched && ns->sa_known;
	w->policies_known = ns && ns->there && ns->watched && ns->policy_known;
	joins_count(c);
	w->policy_in = t->n_policies[POLICY_IN] > 0;
	w->policy_out = t->n_policies[POLICY_OUT] > 0;
	w->moved_in = is_recent(c, t->in_us);
	w->moved_out = is_recent(c, t->out_us);
	w->dropped = is_recent(c, t->drop_us);
}

static const char *both(bool in, bool out)
{
	return in && out ? "in and out" : in ? "in" : out ? "out" : "none";
}

static void describe(const struct witness *w, struct verdict *ret)
{
	const char *state = w->ike ? ike_state_name(w->ike->sa.state) : NULL;

	ret->configured = w->file && w->loaded ? "file and loaded"
			  : w->loaded          ? "loaded"
			  : w->file            ? "file"
					       : "no";
	ret->ike = !w->ike ? "none" : state;
	if (w->kernel_known)
		ret->installed = both(w->in, w->out);
	if (w->policies_known)
		ret->policies = both(w->policy_in, w->policy_out);
	if (w->kernel_known && (w->in || w->out))
		ret->traffic = w->moved_in && w->moved_out ? "both ways"
			       : w->moved_in               ? "in"
			       : w->moved_out              ? "out"
							   : "none";
}

#define SAY(...) ((void)snprintf(ret->reason, sizeof(ret->reason), __VA_ARGS__))

static const char *server_name(const struct tunnel *t, const struct witness *w)
{
	const char *name = ike_daemon_name(t->daemon);

	return w->server && w->server->name[0] ? w->server->name : name ? name : "the daemon";
}

static char *since(const struct core *c, uint64_t when_us, char ret[DURATION_TEXT_SIZE])
{
	return duration_format(since_us(c, when_us) / 1000000, ret);
}

/* "no packet in for 7 min" */
static const char *silence(const struct core *c, uint64_t when_us, char ret[DURATION_TEXT_SIZE + 8])
{
	char text[DURATION_TEXT_SIZE];

	if (!when_us)
		return "so far";
	(void)snprintf(ret, DURATION_TEXT_SIZE + 8, "for %s", since(c, when_us, text));
	return ret;
}

/* ESP outside the kernel: nobody but the daemon counts. */
static const char *judge_counted(
	const struct core *c, const struct tunnel *t, const struct witness *w, struct verdict *ret)
{
	const struct ledger_child_sa *l = w->up;
	bool in = is_recent(c, l->counted_in_us), out = is_recent(c, l->counted_out_us);
	const struct lineage *e = tunnel_pair(t, l->pair);

	if ((e && e->kernel) || !l->sa.counted || !(in && out)) {
		SAY("%s says that it is up, but the kernel has no SA of it", server_name(t, w));
		return "contradictory";
	}
	ret->traffic = "both ways";
	SAY("as %s counts, which does ESP itself: the kernel has no SA of it", server_name(t, w));
	return "up";
}

static const char *judge_traffic(
	const struct core *c, const struct tunnel *t, const struct witness *w, struct verdict *ret)
{
	char in[DURATION_TEXT_SIZE + 8], out[DURATION_TEXT_SIZE + 8];

	if (w->dropped) {
		SAY("its SAs are there, but %llu packets were dropped by policy (%s) within 5 min",
			(unsigned long long)t->drops, t->drop_counter);
		return "contradictory";
	}
	if (w->moved_in && w->moved_out) {
		if (ret->duplicates)
			SAY("packets in and out; %u more pairs of the same selectors are installed",
				ret->duplicates);
		else
			SAY("packets go in and out");
		return "up";
	}
	if (!w->moved_in && !w->moved_out) {
		if (t->in_us || t->out_us)
			SAY("no packet in %s, none out %s", silence(c, t->in_us, in),
				silence(c, t->out_us, out));
		else
			SAY("no packet came or went yet");
		return "idle";
	}
	if (w->moved_out)
		SAY("packets go out, but none came in %s", silence(c, t->in_us, in));
	else
		SAY("packets come in, but none went out %s", silence(c, t->out_us, out));
	return "one-way";
}

/* The daemon says that it is up. */
static const char *judge_up(
	const struct core *c, const struct tunnel *t, const struct witness *w, struct verdict *ret)
{
	if (!w->kernel_known) {
		SAY("%s says that it is up; the kernel's SAs are not known here",
			server_name(t, w));
		return NULL;
	}
	if (!w->in && !w->out)
		return judge_counted(c, t, w, ret);
	if (!w->in || !w->out) {
		SAY("%s says that it is up, but the kernel has no %s SA of it", server_name(t, w),
			w->in ? "outbound" : "inbound");
		return "contradictory";
	}
	if (w->policies_known && (!w->policy_in || !w->policy_out)) {
		SAY("its SAs are installed, but no policy sends packets %s",
			!w->policy_in && !w->policy_out ? "to them"
			: w->policy_in                  ? "out through them"
							: "in through them");
		return "contradictory";
	}
	/* In IKEv1 a child outlives its IKE SA. */
	if (!w->ike && w->server && w->server->known[IKE_LIST_SAS] && w->loaded) {
		const struct ledger_connection *conn =
			connection_find(c, w->server->service, t->conn);

		if (conn && conn->conn.version == 2) {
			SAY("the SAs are installed, but %s has no IKE SA that keeps them",
				server_name(t, w));
			return "contradictory";
		}
	}
	return judge_traffic(c, t, w, ret);
}

static const char *judge_failed(const struct core *c, const struct tunnel *t, struct verdict *ret)
{
	const char *cause = ike_cause_name(t->failed_cause);
	char ago[DURATION_TEXT_SIZE];

	since(c, t->failed_us, ago);
	if (t->failed_words[0])
		SAY("%s, %s ago: %.150s", cause, ago, t->failed_words);
	else
		SAY("%s, %s ago", cause, ago);
	return "failed";
}

static bool is_trap(const struct witness *w)
{
	return w->trap || (w->loaded && w->loaded->child.intent == INTENT_TRAP) ||
	       (w->loaded && w->loaded->child.intent == INTENT_UNKNOWN && w->file &&
		       w->file->child.intent == INTENT_TRAP);
}

static const char *judge_trap(const struct tunnel *t, const struct witness *w, struct verdict *ret)
{
	if (w->policies_known && !w->policy_out) {
		SAY("%s is to make it on demand, but no policy in the kernel asks for it",
			server_name(t, w));
		return "down";
	}
	SAY("comes up with the first packet for it");
	return "on demand";
}

/* No child SA is up. */
static const char *judge_down(
	const struct core *c, const struct tunnel *t, const struct witness *w, struct verdict *ret)
{
	char ago[DURATION_TEXT_SIZE];

	if (w->left) {
		SAY("%s has no such child SA, but the kernel still has SAs of it (%s)",
			w->server ? server_name(t, w) : "no daemon runs that", both(w->in, w->out));
		return "contradictory";
	}
	if (w->file && !w->loaded && w->file->child.intent == INTENT_DISABLED) {
		SAY("in %.150s, but switched off there", w->file->child.file);
		return "disabled";
	}
	if (!w->server) {
		SAY("%s does not run", server_name(t, w));
		return "down";
	}
	if (t->failed_us > t->gone_us)
		return judge_failed(c, t, ret);
	if (w->server->known[IKE_LIST_CONNECTIONS] && !w->loaded) {
		if (w->file)
			SAY("in %.150s, but %s has not loaded it", w->file->child.file,
				server_name(t, w));
		else
			SAY("%s has no such connection any more", server_name(t, w));
		return "down";
	}
	if (is_trap(w))
		return judge_trap(t, w, ret);
	if (w->making || (w->ike && w->ike->sa.state == IKE_CONNECTING)) {
		SAY("is being negotiated");
		return "down";
	}
	if (t->gone_us) {
		SAY("ended %s ago%s", since(c, t->gone_us, ago),
			w->ike ? "; its IKE SA is there" : "");
	} else if (w->loaded && w->loaded->child.intent == INTENT_NONE) {
		SAY("waits for the peer, or for somebody who starts it");
	} else {
		SAY("%s", w->ike ? "the IKE SA is there, but no child SA was made"
				 : "was not up yet");
	}
	return "down";
}

void verdict_of(const struct core *c, const struct tunnel *t, struct verdict *ret)
{
	struct witness w;

	*ret = (struct verdict){ 0 };
	look(c, t, &w);
	describe(&w, ret);
	for (const struct ledger_child_sa *l = t->children; l; l = l->next_of_tunnel)
		ret->duplicates += child_is_duplicate(c, l);
	ret->word = w.up ? judge_up(c, t, &w, ret) : judge_down(c, t, &w, ret);
}
