/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/internal.h"
#include "core/rows.h"

/* Interfaces with each address: which policies cover it, who listens there, is it protected. */

#define WORK_MAX 50000000u /* addresses times policies that one answer looks at */

/* What policies say of packets that an address sends. */
struct cover {
	const struct ledger_link *link;
	const struct prefix *prefix; /* NULL: the link has no address */
	uint64_t n; /* policies that protect or block something from it */
	bool whole; /* one of them takes everything of its family */
	struct cover *next; /* of the same netns */
};

static void look_at(struct cover *first, const struct policy *p)
{
	bool any = p->selector.dst.length == 0 && p->selector.proto == 0;

	for (struct cover *v = first; v; v = v->next) {
		if (!v->prefix || !prefix_holds(&p->selector.src, &v->prefix->addr))
			continue;
		v->n++;
		v->whole = v->whole || any;
	}
}

/* Only what is sent: an outbound policy with templates, or one that blocks. False: too much. */
static bool look(const struct core *c, struct cover *covers, size_t n)
{
	struct map *heads;
	struct ledger_policy *l;
	struct policy p;

	if (n * (uint64_t)c->n_policies > WORK_MAX ||
		map_new(sizeof(uint64_t), LIMIT_NETNS, c->seed, &heads) < 0)
		return false;
	for (size_t i = n; i > 0; i--) {
		void **head = map_place(heads, &covers[i - 1].link->link.netns);

		if (!head)
			continue;
		covers[i - 1].next = *head;
		*head = &covers[i - 1];
	}
	for (struct spd_cursor at = { 0 }; (l = spd_next(c, &at));) {
		struct cover *head;

		if (l->direction != POLICY_OUT || (l->n_templates == 0 && !l->block))
			continue;
		head = map_get(heads, &l->netns);
		if (!head)
			continue;
		spd_get(l, &p);
		look_at(head, &p);
	}
	map_free(heads);
	return true;
}

/* "charon 500, 4500" */
static void describe_listeners(const struct core *c, const struct cover *v, char *ret, size_t size)
{
	struct ledger_ike_socket *s;
	uint64_t told = 0;
	size_t n = 0;

	for (size_t at = 0; v->prefix && n < size && (s = ike_socket_next(c, &at));) {
		const struct addr *a = &s->socket.local;
		const struct ike_server *server;

		if (s->socket.foreign || s->netns != v->link->link.netns ||
			a->family != v->prefix->addr.family ||
			(!addr_is_any(a) && !addr_equal(a, &v->prefix->addr)))
			continue;
		server = ike_server_find(c, s->socket.service, 0);
		if (s->socket.service != told)
			n += (size_t)snprintf(ret + n, size - n, "%s%s ", n ? "; " : "",
				server && server->name[0] ? server->name : "a daemon");
		else
			n += (size_t)snprintf(ret + n, size - n, ", ");
		if (n < size)
			n += (size_t)snprintf(ret + n, size - n, "%u", s->socket.port);
		told = s->socket.service;
	}
}

static void judge(const struct core *c, const struct cover *v, bool looked, struct link_row *row,
	char *why, size_t size)
{
	const struct link *link = &v->link->link;
	const struct netns *ns = ledger_netns(c, link->netns);
	/* An xfrm interface asks for its policies by itself, IPv6 has no such setting. */
	bool unasked = v->prefix && v->prefix->addr.family == AF_INET &&
		       link->disable_xfrm == SETTING_ON && link->if_id == 0;
	bool blocked = ns && ns->default_known && ns->block_out;
	const char *rest = blocked ? "is blocked by default" : "goes in the clear";

	if (!v->prefix) {
		(void)snprintf(why, size, "it has no address");
	} else if (link->flags & IFF_LOOPBACK) {
		(void)snprintf(why, size, "loopback: nothing leaves the host");
	} else if (!ns || !ns->policy_known) {
		(void)snprintf(why, size, "the kernel's policies are not known");
	} else if (!looked) {
		(void)snprintf(why, size, "too many policies and addresses to look at all of them");
	} else {
		row->policies_known = true;
		row->n_policies = v->n;
		row->protection = v->whole ? "all" : v->n ? "partly" : "no";
		if (unasked || v->n == 0)
			row->protection = blocked ? "all" : "no";
		if (unasked && v->n)
			(void)snprintf(why, size,
				"disable_xfrm: what leaves by it %s, though %llu %s it", rest,
				(unsigned long long)v->n,
				v->n == 1 ? "policy covers" : "policies cover");
		else if (unasked)
			(void)snprintf(why, size, "disable_xfrm: what leaves by it %s", rest);
		else if (v->whole)
			(void)snprintf(why, size, "a policy takes all that it sends");
		else if (v->n)
			(void)snprintf(why, size,
				"what it sends to the destinations of %llu %s; all else %s",
				(unsigned long long)v->n, v->n == 1 ? "policy" : "policies", rest);
		else
			(void)snprintf(why, size, "no policy takes what it sends: it %s", rest);
	}
}

/* What comes in is not what PROTECTED is about, but whoever reads it should know. */
static void add_unchecked(const struct cover *v, char *why, size_t size)
{
	const struct link *link = &v->link->link;
	bool six = v->prefix && v->prefix->addr.family == AF_INET6;
	size_t n = strlen(why);

	if (v->prefix && !(link->flags & IFF_LOOPBACK) &&
		(six ? link->disable_policy6 : link->disable_policy) == SETTING_ON)
		(void)snprintf(why + n, size - n, "; disable_policy: no policy is asked about %s",
			six ? "what comes to this address" : "what comes in by it");
}

static bool tell(const struct core *c, const struct cover *v, bool looked, core_each_fn *each,
	void *userdata)
{
	const struct netns *ns = ledger_netns(c, v->link->link.netns);
	char listening[256] = "", why[FACT_TEXT_SIZE] = "";
	struct link_row row = { .link = &v->link->link,
		.netns = ns ? ns->name : NULL,
		.addr = v->prefix,
		.n_addrs = v->link->n_addrs,
		.listening = listening,
		.why = why };

	describe_listeners(c, v, listening, sizeof(listening));
	judge(c, v, looked, &row, why, sizeof(why));
	add_unchecked(v, why, sizeof(why));
	return each(userdata, &row);
}

int link_each(const struct core *c, core_each_fn *each, void *userdata)
{
	struct ledger_link *l;
	struct cover *covers;
	size_t n = 0, max = 0;
	bool looked;

	for (size_t at = 0; (l = map_next(c->links, &at, NULL));)
		max += l->n_addrs ? l->n_addrs : 1;
	covers = calloc(max ? max : 1, sizeof(*covers));
	if (!covers)
		return -ENOMEM;
	for (size_t at = 0; (l = map_next(c->links, &at, NULL));) {
		for (unsigned i = 0; i < l->n_addrs; i++)
			covers[n++] = (struct cover){ .link = l, .prefix = &l->addrs[i] };
		if (l->n_addrs == 0)
			covers[n++] = (struct cover){ .link = l };
	}
	looked = look(c, covers, n);
	for (size_t i = 0; i < n; i++) {
		if (!tell(c, &covers[i], looked, each, userdata))
			break;
	}
	free(covers);
	return 0;
}
