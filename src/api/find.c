/* SPDX-License-Identifier: Apache-2.0 */
#include "api/find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/internal.h"
#include "base/json.h"

#define LOSERS_DEFAULT 10u

static const char *outcome_name(enum outcome o)
{
	static const char *const names[] = { "no-policy", "default-block", "block", "bypass",
		"optional", "protect", "too-many-templates", "unasked" };

	return names[o];
}

int find_question_parse(
	const struct find_text *text, struct find_question *ret, struct diag *reterr)
{
	struct find_question q = { .netns = text->netns,
		.direction = text->direction,
		.interface = text->interface,
		.has_if_id = text->flow.if_id != NULL,
		.losers = LOSERS_DEFAULT };
	int r = flow_parse(&text->flow, &q.flow, reterr);
	char *end;

	if (r == 0 && text->losers) {
		errno = 0;
		q.losers = strtoul(text->losers, &end, 10);
		if (text->losers[0] < '0' || text->losers[0] > '9' || errno != 0 || *end ||
			q.losers > FIND_LOSERS_MAX)
			r = diag_set(reterr, -EINVAL,
				"losers: '%.20s' is not a number from 0 to %u", text->losers,
				FIND_LOSERS_MAX);
	}
	if (r == 0)
		*ret = q;
	return r;
}

static void put_addr(struct json *j, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_SIZE];

	json_text(j, key, addr_is_any(a) ? NULL : addr_format(a, text));
}

/* The row of a noun as a member. */
static void put_row(struct json *j, const char *key, const struct noun *n, const void *row)
{
	CLEANUP_BUF struct buf text = { 0 };

	noun_json(n, row, &text);
	json_raw(j, key, buf_span(&text));
	j->out->failed = j->out->failed || text.failed;
}

static void put_policy(
	struct json *j, const char *key, const struct find_answer *a, const struct policy *p)
{
	put_row(j, key, &noun_policy, &(struct policy_row){ .policy = p, .netns = a->netns });
}

static void put_templates(struct json *j, const struct find_answer *a, const struct find_check *k)
{
	json_open(j, "templates", '[');
	for (unsigned i = 0; i < k->n_templates; i++) {
		const struct find_template *t = &k->templates[i];

		json_open(j, NULL, '{');
		json_u64(j, "policy", t->policy);
		json_text(j, "proto", ipproto_name(t->wants.proto));
		json_text(j, "mode", ipsec_mode_name(t->wants.mode));
		put_addr(j, "src", &t->wants.src);
		put_addr(j, "dst", &t->wants.dst);
		json_u64(j, "reqid", t->wants.reqid);
		if (t->wants.spi)
			json_u64(j, "spi", t->wants.spi);
		else
			json_none(j, "spi");
		json_bool(j, "optional", t->wants.optional);
		if (t->sa)
			put_row(j, "sa", &noun_sa,
				&(struct sa_row){ .sa = t->sa, .netns = a->netns });
		else
			json_none(j, "sa");
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_losers(struct json *j, const struct core *c, const struct find_answer *a,
	const struct find_check *k)
{
	json_open(j, "losers", '[');
	for (size_t i = 0; i < k->n_losers; i++) {
		char why[FIND_TEXT_SIZE];
		struct policy p;

		if (!core_policy(c, a->cookie, k->losers[i].index, &p))
			continue;
		find_why(k, &k->losers[i], &p, why);
		json_open(j, NULL, '{');
		json_text(j, "why", why);
		json_bool(j, "fits", k->losers[i].misfits == 0);
		put_policy(j, "policy", a, &p);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_u64(j, "losers_total", k->n_losers_all);
}

static void put_check(struct json *j, const struct core *c, const struct find_answer *a,
	const struct find_check *k)
{
	json_open(j, NULL, '{');
	json_text(j, "direction", policy_direction_name(k->direction));
	json_text(j, "verdict", k->verdict);
	json_text(j, "fate", k->fate);
	json_text(j, "outcome", outcome_name(k->outcome));
	json_bool(j, "ambiguous", k->ambiguous);
	json_u64(j, "ties", k->n_ties);
	json_text(j, "default", k->default_action);
	json_u64(j, "ifindex", k->flow.ifindex);
	json_u64(j, "if_id", k->flow.if_id);
	if (k->has_policy)
		put_policy(j, "policy", a, &k->policy);
	else
		json_none(j, "policy");
	if (k->has_behind)
		put_policy(j, "behind", a, &k->behind);
	else
		json_none(j, "behind");
	put_templates(j, a, k);
	put_losers(j, c, a, k);
	json_u64(j, "socket_policies", k->n_sockets);
	json_close(j, '}');
}

void find_json(const struct core *c, const struct find_question *q, const struct find_answer *a,
	struct buf *out)
{
	const char *proto = ipproto_name(q->flow.proto);
	bool ports = flow_has_ports(q->flow.proto);
	char number[8];
	struct json j;

	(void)snprintf(number, sizeof(number), "%u", q->flow.proto);
	json_init(&j, out);
	json_open(&j, NULL, '{');
	json_text(&j, "netns", a->netns);
	put_addr(&j, "src", &q->flow.src);
	put_addr(&j, "dst", &q->flow.dst);
	json_text(&j, "proto", proto ? proto : q->flow.proto ? number : NULL);
	if (ports) {
		json_u64(&j, "sport", q->flow.sport);
		json_u64(&j, "dport", q->flow.dport);
	} else {
		json_none(&j, "sport");
		json_none(&j, "dport");
	}
	json_u64(&j, "mark", q->flow.mark);
	json_text(&j, "interface", a->interface);
	json_open(&j, "checks", '[');
	for (unsigned i = 0; i < a->n_checks; i++)
		put_check(&j, c, a, &a->checks[i]);
	json_close(&j, ']');
	json_open(&j, "assumed", '[');
	for (unsigned i = 0; i < a->n_assumed; i++)
		json_text(&j, NULL, a->assumed[i]);
	json_close(&j, ']');
	json_close(&j, '}');
	buf_char(out, '\n');
}

enum MHD_Result handle_find(struct request *q)
{
	const struct find_text text = { .flow = { .src = request_param(q, "src"),
						.dst = request_param(q, "dst"),
						.proto = request_param(q, "proto"),
						.sport = request_param(q, "sport"),
						.dport = request_param(q, "dport"),
						.mark = request_param(q, "mark"),
						.if_id = request_param(q, "if_id") },
		.netns = request_param(q, "netns"),
		.direction = request_param(q, "dir"),
		.interface = request_param(q, "interface"),
		.losers = request_param(q, "losers") };
	CLEANUP_BUF struct buf out = { 0 };
	struct find_answer *answer = calloc(1, sizeof(*answer));
	struct find_question question;
	enum MHD_Result result;
	struct diag d = { "" };
	int r;

	if (!answer)
		return MHD_NO;
	r = find_question_parse(&text, &question, &d);
	r = r < 0 ? r : core_find(q->api->options.core, &question, answer, &d);
	if (r < 0) {
		unsigned status = r == -ENOENT   ? MHD_HTTP_NOT_FOUND
				  : r == -ENOMEM ? MHD_HTTP_SERVICE_UNAVAILABLE
						 : MHD_HTTP_BAD_REQUEST;

		result = answer_error(q, status, "see doc/api.md", "%s", d.text);
	} else {
		find_json(q->api->options.core, &question, answer, &out);
		result = answer_buf(q, MHD_HTTP_OK, &out, NULL, NO_TOTAL);
	}
	find_answer_done(answer);
	free(answer);
	return result;
}
